#include "core/decimal.hpp"

#include "core/scan.hpp"
#include "core/text.hpp"

namespace scout::core {
namespace {

// The digits of a number in reading order, without leading zeros. Only as many are kept as can
// matter: those of the largest value in range, and the one after them that decides its rounding.
class SignificantDigits {
public:
    void push(int digit) {
        if (count_ == 0 && digit == 0)
            leading_zeros_++;
        else if (count_ < capacity)
            digits_[count_++] = digit;
    }

    // `whole_digits` says how many of the pushed digits, zeros included, stand before the decimal
    // point; an exponent may have moved it to before the first or far behind the last digit.
    ParseStatus to_decimal(bool negative, int64_t whole_digits, Decimal &out) const {
        if (count_ == 0) {
            out = Decimal{};
            return ParseStatus::ok;
        }
        const int64_t whole = whole_digits - leading_zeros_;
        if (whole > Decimal::precision - Decimal::scale) return ParseStatus::out_of_range;

        const int64_t unit_digits = whole + Decimal::scale;
        int128 units = 0;
        for (int64_t i = 0; i < unit_digits; i++) units = units * 10 + digit(i);
        if (unit_digits >= 0 && digit(unit_digits) >= 5) units++;

        const Decimal value{negative ? -units : units};
        if (!value.in_range()) return ParseStatus::out_of_range;  // rounded up to 10^14
        out = value;
        return ParseStatus::ok;
    }

private:
    static constexpr int capacity = Decimal::precision + 1;

    int digit(int64_t i) const { return i < count_ ? digits_[i] : 0; }

    int digits_[capacity] = {};
    int count_ = 0;
    int64_t leading_zeros_ = 0;
};

int64_t parse_digits(Scanner &in, SignificantDigits &digits) {
    int64_t count = 0;
    for (int digit; in.accept_digit(digit); count++) digits.push(digit);
    return count;
}

bool parse_sign(Scanner &in) {
    if (in.accept('-')) return true;
    in.accept('+');
    return false;
}

// Saturates far above the length of any text, so that no number of zeros in front or behind can
// bring a saturated exponent back to where it would matter.
bool parse_exponent(Scanner &in, int64_t &exponent) {
    constexpr int64_t saturated = 1'000'000'000'000'000'000;
    const bool negative = parse_sign(in);
    int digit = 0;
    if (!in.accept_digit(digit)) return false;
    int64_t magnitude = digit;
    while (in.accept_digit(digit))
        magnitude = magnitude < saturated / 10 ? magnitude * 10 + digit : saturated;
    exponent = negative ? -magnitude : magnitude;
    return true;
}

int128 magnitude(Decimal value) {
    return value.units < 0 ? -value.units : value.units;
}

}  // namespace

ParseStatus parse_decimal(std::string_view text, Decimal &out) {
    Scanner in(trim(text));
    SignificantDigits digits;
    const bool negative = parse_sign(in);
    const int64_t whole_digits = parse_digits(in, digits);
    const int64_t fraction_digits = in.accept('.') ? parse_digits(in, digits) : 0;
    if (whole_digits + fraction_digits == 0) return ParseStatus::malformed;

    int64_t exponent = 0;
    if (in.accept_either('e', 'E') && !parse_exponent(in, exponent)) return ParseStatus::malformed;
    if (!in.done()) return ParseStatus::malformed;
    return digits.to_decimal(negative, whole_digits + exponent, out);
}

// A digit with weight w counts 10000^(w + 1) units; what is behind the units decides the rounding.
ParseStatus decimal_from_base10000(bool negative, int weight, const int16_t *digits, int count,
                                   Decimal &out) {
    constexpr int base = 10'000, highest_weight = 3, lowest_weight = -2;  // 10^14; half a unit
    for (; count > 0 && *digits == 0; digits++, count--) weight--;
    if (count == 0 || weight < lowest_weight) {
        out = Decimal{};
        return ParseStatus::ok;
    }
    if (weight > highest_weight) return ParseStatus::out_of_range;
    int128 units = 0;
    const int whole = weight + 2;  // digits that count whole units; none below the units
    for (int i = 0; i < whole; i++) units = units * base + (i < count ? digits[i] : 0);
    if (whole >= 0 && whole < count && digits[whole] >= base / 2) units++;
    const Decimal value{negative ? -units : units};
    if (!value.in_range()) return ParseStatus::out_of_range;
    out = value;
    return ParseStatus::ok;
}

// Units are ten-thousandths: each division by 10,000 gives one digit, from the last to the first.
Base10000 to_base10000(Decimal value) {
    constexpr unsigned base = 10'000;
    Base10000 out{};
    out.negative = value.units < 0;
    auto rest = static_cast<unsigned __int128>(value.units);
    if (out.negative) rest = -rest;
    int16_t reversed[Base10000::max_digits];
    int found = 0;
    while (rest > UINT64_MAX) {
        reversed[found++] = static_cast<int16_t>(rest % base);
        rest /= base;
    }
    for (auto low = static_cast<uint64_t>(rest); low != 0; low /= base)
        reversed[found++] = static_cast<int16_t>(low % base);
    out.weight = found == 0 ? 0 : found - 2;  // the last digit is the fraction
    int last = 0;                             // numeric keeps no zeros at the end
    while (last < found && reversed[last] == 0) last++;
    for (int i = found - 1; i >= last; i--) out.digits[out.count++] = reversed[i];
    return out;
}

// Two factors in range make less than 10^36, which 128 bits hold.
Decimal multiply(Decimal a, Decimal b) {
    const int128 product = a.units * b.units;
    const int128 half = Decimal::one / 2;
    return Decimal{(product < 0 ? product - half : product + half) / Decimal::one};
}

// The difference is a whole number of units, so truncating the relative tolerance to whole units
// decides as exact arithmetic would. `percent` and `expected` are in range: no overflow.
bool differs_beyond(Decimal actual, Decimal expected, Decimal percent, Decimal absolute) {
    const int128 difference = magnitude(actual - expected);
    const int128 relative = percent.units * magnitude(expected) / Decimal::of(100).units;
    return difference > absolute.units && difference > relative;
}

// Digits are written from the last to the first. They are taken from the signed value, whose
// remainders have its sign, because the magnitude of the lowest value has no int128.
std::string_view format_decimal(Decimal value, char (&buffer)[decimal_text_size]) {
    char *const end = buffer + decimal_text_size;
    char *begin = end;
    int128 rest = value.units;
    const auto write_digit = [&] {
        const int digit = static_cast<int>(rest % 10);
        *--begin = static_cast<char>('0' + (digit < 0 ? -digit : digit));
        rest /= 10;
    };

    int places = Decimal::scale;
    for (; places > 0 && rest % 10 == 0; places--) rest /= 10;
    if (places > 0) {
        for (; places > 0; places--) write_digit();
        *--begin = '.';
    }
    do {
        write_digit();
    } while (rest != 0);
    if (value.units < 0) *--begin = '-';
    return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace scout::core
