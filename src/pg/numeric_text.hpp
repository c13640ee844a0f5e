// Numbers as text without the server's text functions, which cost more than the rest of a hash.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

// A numeric as it lies on disk: value = sum of digits[i] * 10000^(weight - i).
// (Layout: src/backend/utils/adt/numeric.c, unchanged since 9.1; the header is private there.) Digits may
// be unaligned inside a JSONB document.
struct NumericParts {
    bool special;  // NaN, infinity: nothing else is set
    bool negative;
    int weight, count;
    const char *digits;

    explicit NumericParts(Numeric numeric);
    int digit(int i) const {  // zeros go on to both sides
        if (i < 0 || i >= count) return 0;
        int16 value;
        std::memcpy(&value, digits + static_cast<size_t>(i) * sizeof value, sizeof value);
        return value;
    }
};

// The text of numeric_out(numeric_trim_scale(value)): plain digits, no exponent, no trailing zeros of the
// fraction. Writes at most numeric_text_bound() bytes and returns their end. Not for special values.
size_t numeric_text_bound(const NumericParts &value);
char *write_numeric_text(NumericParts value, char *out);

}  // namespace scout::pg
