#include "pg/numeric_text.hpp"

namespace scout::pg {

namespace {

constexpr uint16 sign_mask = 0xC000, sign_negative = 0x4000, header_short = 0x8000, header_special = 0xC000;
constexpr uint16 short_sign = 0x2000, short_weight_sign = 0x0040, short_weight_mask = 0x003F;
constexpr int digit_width = 4;

char *write_four(char *out, int digit) {
    out[0] = static_cast<char>('0' + digit / 1000);
    out[1] = static_cast<char>('0' + digit / 100 % 10);
    out[2] = static_cast<char>('0' + digit / 10 % 10);
    out[3] = static_cast<char>('0' + digit % 10);
    return out + digit_width;
}

}  // namespace

NumericParts::NumericParts(Numeric numeric)
    : special(false), negative(false), weight(0), count(0), digits(nullptr) {
    const char *data = VARDATA_ANY(numeric);
    const size_t size = VARSIZE_ANY_EXHDR(numeric);
    uint16 header;
    std::memcpy(&header, data, sizeof header);
    size_t offset = sizeof header;
    switch (header & sign_mask) {
        case header_special: special = true; return;
        case header_short:
            negative = (header & short_sign) != 0;
            weight = header & short_weight_mask;
            if ((header & short_weight_sign) != 0) weight -= short_weight_mask + 1;
            break;
        default: {
            negative = (header & sign_mask) == sign_negative;
            int16 long_weight;
            std::memcpy(&long_weight, data + offset, sizeof long_weight);
            weight = long_weight;
            offset += sizeof long_weight;
        }
    }
    digits = data + offset;
    count = static_cast<int>((size - offset) / sizeof(int16));
}

size_t numeric_text_bound(const NumericParts &value) {
    const int whole = std::max(value.weight + 1, 1), fraction = std::max(value.count - 1 - value.weight, 0);
    return 2 + static_cast<size_t>(whole + fraction) * digit_width;  // 2: sign and point
}

char *write_numeric_text(NumericParts value, char *out) {
    while (value.count > 0 && value.digit(value.count - 1) == 0) value.count--;
    if (value.count == 0) {
        *out++ = '0';
        return out;
    }
    if (value.negative) *out++ = '-';
    if (value.weight < 0) {
        *out++ = '0';
    } else {
        char *begin = out;
        for (int i = 0; i <= value.weight; i++) out = write_four(out, value.digit(i));
        const char *first = begin;
        while (first < out - 1 && *first == '0') first++;
        const size_t length = static_cast<size_t>(out - first);
        std::memmove(begin, first, length);
        out = begin + length;
    }
    if (value.count - 1 > value.weight) {
        *out++ = '.';
        for (int i = value.weight + 1; i < value.count; i++) out = write_four(out, value.digit(i));
        while (out[-1] == '0') out--;  // ends at the last digit group, which is not zero
    }
    return out;
}

}  // namespace scout::pg
