// When a quality rule warns or fails, in dbt's words: "> 0", ">= 10", "!= 0", "> 5%", or "never".
#pragma once

#include "core/decimal.hpp"

#include <cstdint>
#include <string_view>

namespace scout::core {

enum class Compare : uint8_t { never, greater, at_least, equal, unequal, less, at_most };

// A count, or a percentage of the rows that were looked at.
struct Threshold {
    Compare compare = Compare::never;
    Decimal value;
    bool percent = false;

    bool reached(int64_t failures, int64_t scanned) const;
};

// False where it is none: an unknown operator, no finite number from 0 on, more than 100 %.
bool parse_threshold(std::string_view text, Threshold &out);

// Canonical text, as parse_threshold() reads it, written into `buffer`.
constexpr size_t threshold_text_size = decimal_text_size + 8;
std::string_view format_threshold(const Threshold &threshold, char (&buffer)[threshold_text_size]);

// True if every outcome that reaches `warn` reaches `error` too, and `error` more than that: the
// warning could never be seen. Only thresholds of one direction and unit can be compared.
bool hides_warning(const Threshold &warn, const Threshold &error);

}  // namespace scout::core
