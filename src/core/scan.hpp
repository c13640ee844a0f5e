// Reads a text from left to right: what the parsers of the core share. Each accept consumes what it
// names and returns true, or consumes nothing and returns false.
#pragma once

#include <cstddef>
#include <string_view>

namespace scout::core {

class Scanner {
public:
    constexpr explicit Scanner(std::string_view text) : rest_(text) {}

    constexpr bool done() const { return rest_.empty(); }

    constexpr bool accept(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    constexpr bool accept_either(char a, char b) { return accept(a) || accept(b); }

    constexpr bool accept_digit(int &digit) {
        if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return false;
        digit = rest_.front() - '0';
        rest_.remove_prefix(1);
        return true;
    }

    // Two digits, as every part of a date or time but the year has.
    constexpr bool accept_pair(int &value) {
        Scanner ahead = *this;
        int tens = 0, ones = 0;
        if (!ahead.accept_digit(tens) || !ahead.accept_digit(ones)) return false;
        value = tens * 10 + ones;
        *this = ahead;
        return true;
    }

private:
    std::string_view rest_;
};

}  // namespace scout::core
