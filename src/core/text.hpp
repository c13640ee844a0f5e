// Text helpers that must not depend on the database's locale or encoding settings.
#pragma once

#include <cstddef>
#include <string_view>

namespace scout::core {

constexpr bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

// ASCII only, so that a hash stored in a dump means the same under any collation.
constexpr char fold(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool equal_folded(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); i++)
        if (fold(a[i]) != fold(b[i])) return false;
    return true;
}

// The beginning of a text, of at most `most` bytes, without a part of a character in UTF-8 at its end.
constexpr std::string_view clip(std::string_view text, size_t most) {
    if (text.size() <= most) return text;
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
    size_t end = most;
    while (end > 0 && continues(text[end])) end--;
    return text.substr(0, end);
}

}  // namespace scout::core
