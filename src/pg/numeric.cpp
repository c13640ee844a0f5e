#include "pg/numeric.hpp"

#include "pg/numeric_text.hpp"

namespace scout::pg {

namespace {

core::ParseStatus to_decimal(const NumericParts &parts, core::Decimal &out) {
    constexpr int enough = 16;  // more digits than the declared precision can tell apart
    if (parts.special) return core::ParseStatus::malformed;
    int16 digits[enough];
    const int count = std::min(parts.count, enough);
    for (int i = 0; i < count; i++) digits[i] = static_cast<int16>(parts.digit(i));
    return core::decimal_from_base10000(parts.negative, parts.weight, digits, count, out);
}

}  // namespace

core::ParseStatus decimal_of(Numeric numeric, core::Decimal &out) {
    return to_decimal(NumericParts(numeric), out);
}

bool is_decimal(Numeric numeric, core::Decimal value) {
    const NumericParts d(numeric);
    core::Decimal stored;
    // The server strips zeros at the end: digits below the units are none of a Decimal's.
    const bool exact = d.count <= d.weight + 2;
    return to_decimal(d, stored) == core::ParseStatus::ok && (exact || d.count == 0) && stored == value;
}

Datum numeric_of(core::Decimal value) {
    return NumericGetDatum(int64_div_fast_to_numeric(static_cast<int64>(value.units), core::Decimal::scale));
}

Datum numeric_milliseconds(int64 microseconds) {
    return NumericGetDatum(int64_div_fast_to_numeric(microseconds, 3));
}

}  // namespace scout::pg
