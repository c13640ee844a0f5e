// Reads a text from left to right: what the parsers of the core share. Each take consumes what it
// names and returns true, or consumes nothing and returns false.
#pragma once

#include <cstddef>
#include <string_view>

namespace scout::core {

class Scanner {
public:
    constexpr explicit Scanner(std::string_view text) : rest_(text) {}

    constexpr bool done() const { return rest_.empty(); }

    constexpr bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    constexpr bool take_either(char a, char b) { return take(a) || take(b); }

    constexpr bool take_digit(int &digit) {
        if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return false;
        digit = rest_.front() - '0';
        rest_.remove_prefix(1);
        return true;
    }

    // Two digits, as every part of a date or time but the year has.
    constexpr bool take_pair(int &value) {
        Scanner ahead = *this;
        int tens = 0, ones = 0;
        if (!ahead.take_digit(tens) || !ahead.take_digit(ones)) return false;
        value = tens * 10 + ones;
        *this = ahead;
        return true;
    }

private:
    std::string_view rest_;
};

}  // namespace scout::core
