// Exact decimal arithmetic for money and quantities: no binary floating point.
//
// A Decimal is a 128-bit integer counting units of 10^-4. Its declared precision is the one of
// numeric(18,4), the type of every amount column: |value| < 10^14. Input with more than four
// fractional digits is rounded half away from zero, which is what PostgreSQL's numeric does when
// it is stored in such a column; input beyond the precision is out_of_range, never clipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scout::core {

// Aligned like PostgreSQL's own int128: palloc promises no more than 8 bytes.
__extension__ typedef __int128 int128 __attribute__((aligned(8)));

struct Decimal {
    static constexpr int precision = 18;
    static constexpr int scale = 4;
    static constexpr int64_t one = 10'000;                                           // units in 1
    static constexpr int128 limit = static_cast<int128>(1'000'000'000'000'000'000);  // 10^18 units

    int128 units = 0;

    static constexpr Decimal of(int64_t whole) { return Decimal{static_cast<int128>(whole) * one}; }
    constexpr bool in_range() const { return units > -limit && units < limit; }

    friend constexpr bool operator==(Decimal a, Decimal b) { return a.units == b.units; }
    friend constexpr bool operator!=(Decimal a, Decimal b) { return a.units != b.units; }
    friend constexpr bool operator<(Decimal a, Decimal b) { return a.units < b.units; }
    friend constexpr bool operator>(Decimal a, Decimal b) { return a.units > b.units; }
    // Sums of up to 10^20 in-range values cannot overflow 128 bits.
    friend constexpr Decimal operator+(Decimal a, Decimal b) { return Decimal{a.units + b.units}; }
    friend constexpr Decimal operator-(Decimal a, Decimal b) { return Decimal{a.units - b.units}; }
};

enum class ParseStatus : uint8_t { ok, malformed, out_of_range };

// Decimal text: optional sign, digits with at most one point, optional exponent; white space
// around it is allowed, anything else (also "NaN", "Infinity", hex, "_") is malformed.
ParseStatus parse_decimal(std::string_view text, Decimal &out);

// PostgreSQL's on-disk numeric: value = sign * sum(digits[i] * 10000^(weight - i)).
ParseStatus decimal_from_base10000(bool negative, int weight, const int16_t *digits, int count, Decimal &out);

// The way back: `count` base-10000 digits, most significant first, the first of them with weight
// 10000^weight; no digits for zero. The scale is that of a Decimal: one digit after the point.
struct Base10000 {
    static constexpr int max_digits = 12;  // 2^127 has 39 decimal digits
    int16_t digits[max_digits];
    int count, weight;
    bool negative;
};
Base10000 to_base10000(Decimal value);

// Rounded product (half away from zero). Both factors must be in range; the result may not be.
Decimal multiply(Decimal a, Decimal b);

// True if |actual - expected| is greater than BOTH `absolute` and percent/100 * |expected|.
bool differs_beyond(Decimal actual, Decimal expected, Decimal percent, Decimal absolute);

// Shortest plain text without exponent ("12.5", "-3"), written into `buffer`.
constexpr size_t decimal_text_size = 48;
std::string_view format_decimal(Decimal value, char (&buffer)[decimal_text_size]);

}  // namespace scout::core
