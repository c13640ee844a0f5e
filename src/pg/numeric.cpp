#include "pg/numeric.hpp"

namespace scout::pg {

namespace {

// The layout of numeric on disk (source: src/backend/utils/adt/numeric.c, unchanged since 9.1; the
// header is private there). A short header packs sign, scale and weight into 16 bits, a long one has
// the weight in 16 more; base-10000 digits follow.
constexpr uint16 numeric_sign_mask = 0xC000, numeric_negative = 0x4000, numeric_short = 0x8000,
                 numeric_special = 0xC000;
constexpr uint16 short_sign = 0x2000, short_weight_sign = 0x0040, short_weight_mask = 0x003F;

struct Digits {
    bool special, negative;  // special: NaN, infinity
    int weight;
    size_t count;
    int16 values[16];  // more than the declared precision can tell apart
};

Digits digits_of(Numeric numeric) {
    Digits out{};
    const char *data = VARDATA_ANY(numeric);
    const size_t size = VARSIZE_ANY_EXHDR(numeric);
    uint16 header;
    std::memcpy(&header, data, sizeof header);
    size_t offset = sizeof header;
    if ((header & numeric_sign_mask) == numeric_special) {
        out.special = true;
        return out;
    }
    if ((header & numeric_sign_mask) == numeric_short) {
        out.negative = (header & short_sign) != 0;
        out.weight = (header & short_weight_sign) != 0
                         ? (header & short_weight_mask) - (short_weight_mask + 1)
                         : (header & short_weight_mask);
    } else {
        out.negative = (header & numeric_sign_mask) == numeric_negative;
        int16 long_weight;
        std::memcpy(&long_weight, data + offset, sizeof long_weight);
        out.weight = long_weight;
        offset += sizeof long_weight;
    }
    // Digits may be unaligned inside a JSONB document.
    out.count = std::min((size - offset) / sizeof(int16), std::size(out.values));
    std::memcpy(out.values, data + offset, out.count * sizeof(int16));
    return out;
}

core::ParseStatus to_decimal(const Digits &d, core::Decimal &out) {
    if (d.special) return core::ParseStatus::malformed;
    return core::decimal_from_base10000(d.negative, d.weight, d.values, static_cast<int>(d.count), out);
}

}  // namespace

core::ParseStatus decimal_of(Numeric numeric, core::Decimal &out) {
    return to_decimal(digits_of(numeric), out);
}

bool is_decimal(Numeric numeric, core::Decimal value) {
    const Digits d = digits_of(numeric);
    core::Decimal stored;
    // The server strips zeros at the end: digits below the units are none of a Decimal's.
    const bool exact = static_cast<int>(d.count) <= d.weight + 2;
    return to_decimal(d, stored) == core::ParseStatus::ok && (exact || d.count == 0) && stored == value;
}

Datum numeric_of(core::Decimal value) {
    return NumericGetDatum(int64_div_fast_to_numeric(static_cast<int64>(value.units), core::Decimal::scale));
}

Datum numeric_milliseconds(int64 microseconds) {
    return NumericGetDatum(int64_div_fast_to_numeric(microseconds, 3));
}

}  // namespace scout::pg
