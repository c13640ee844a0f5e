#include "core/threshold.hpp"

#include "core/text.hpp"

#include <cstring>

namespace scout::core {
namespace {

struct Spelling {
    std::string_view text;
    Compare compare;
};

// Longer ones first; the first of each meaning is the canonical one.
constexpr Spelling spellings[] = {
    {">=", Compare::at_least}, {"<=", Compare::at_most}, {"!=", Compare::unequal}, {"<>", Compare::unequal},
    {"==", Compare::equal},    {">", Compare::greater},  {"<", Compare::less},     {"=", Compare::equal}};

std::string_view spelling_of(Compare compare) {
    for (const Spelling &s : spellings)
        if (s.compare == compare && s.text != "==") return s.text;
    return "never";
}

bool compares(Compare compare, int128 left, int128 right) {
    switch (compare) {
        case Compare::greater: return left > right;
        case Compare::at_least: return left >= right;
        case Compare::equal: return left == right;
        case Compare::unequal: return left != right;
        case Compare::less: return left < right;
        case Compare::at_most: return left <= right;
        case Compare::never: break;
    }
    return false;
}

bool upward(Compare compare) {
    return compare == Compare::greater || compare == Compare::at_least;
}

bool downward(Compare compare) {
    return compare == Compare::less || compare == Compare::at_most;
}

}  // namespace

bool Threshold::reached(int64_t failures, int64_t scanned) const {
    const int128 units = static_cast<int128>(failures) * Decimal::one;
    if (!percent) return compares(compare, units, value.units);
    if (scanned <= 0) return compares(compare, 0, value.units);  // nothing of nothing is 0 %
    return compares(compare, units * 100, value.units * scanned);
}

bool parse_threshold(std::string_view text, Threshold &out) {
    text = trim(text);
    if (equal_folded(text, "never")) {
        out = Threshold{};
        return true;
    }
    Threshold parsed;
    for (const Spelling &s : spellings)
        if (text.substr(0, s.text.size()) == s.text) {
            parsed.compare = s.compare;
            text = trim(text.substr(s.text.size()));
            break;
        }
    if (parsed.compare == Compare::never || text.empty()) return false;
    if (text.back() == '%') {
        parsed.percent = true;
        text = trim(text.substr(0, text.size() - 1));
    }
    if (parse_decimal(text, parsed.value) != ParseStatus::ok || parsed.value < Decimal{}) return false;
    if (parsed.percent && parsed.value > Decimal::of(100)) return false;
    out = parsed;
    return true;
}

std::string_view format_threshold(const Threshold &threshold, char (&buffer)[threshold_text_size]) {
    size_t size = 0;
    auto add = [&](std::string_view text) {
        std::memcpy(buffer + size, text.data(), text.size());
        size += text.size();
    };
    add(spelling_of(threshold.compare));
    if (threshold.compare != Compare::never) {
        char number[decimal_text_size];
        add(" ");
        add(format_decimal(threshold.value, number));
        if (threshold.percent) add("%");
    }
    buffer[size] = '\0';
    return {buffer, size};
}

bool hides_warning(const Threshold &warn, const Threshold &error) {
    if (warn.percent != error.percent) return false;
    if (upward(warn.compare) && upward(error.compare)) return warn.value > error.value;
    if (downward(warn.compare) && downward(error.compare)) return warn.value < error.value;
    return false;
}

}  // namespace scout::core
