// Any bytes as decimal text, and as the groups of a numeric.
#include "core/decimal.hpp"
#include "invariant.hpp"

#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

using namespace scout::core;

namespace {

constexpr Decimal untouched{Decimal::limit * 2};

void check_result(ParseStatus status, Decimal value) {
    if (status != ParseStatus::ok) {
        INVARIANT(value == untouched);
        return;
    }
    INVARIANT(value.in_range());

    char buffer[decimal_text_size];
    Decimal again;
    INVARIANT(parse_decimal(format_decimal(value, buffer), again) == ParseStatus::ok);
    INVARIANT(again == value);
    INVARIANT(multiply(value, Decimal::of(1)) == value);
    INVARIANT(!differs_beyond(value, value, Decimal{}, Decimal{}));
}

void fuzz_text(const std::string &text) {
    Decimal value = untouched;
    const ParseStatus status = parse_decimal(text, value);
    check_result(status, value);

    Decimal padded = untouched;
    INVARIANT(parse_decimal(" \t" + text + "\n", padded) == status);
    INVARIANT(padded == value);

    Decimal negated = untouched;
    if (status == ParseStatus::ok && text.find_first_of("+-") == std::string::npos) {
        INVARIANT(parse_decimal("-" + text.substr(text.find_first_of(".0123456789")), negated) == status);
        INVARIANT(negated + value == Decimal{});
    }
}

void fuzz_groups(FuzzedDataProvider &data) {
    const bool negative = data.ConsumeBool();
    const int weight = data.ConsumeIntegralInRange(-32'768, 32'767);
    std::vector<int16_t> groups;
    std::string text = negative ? "-0" : "0";
    while (data.remaining_bytes() > 0) {
        groups.push_back(data.ConsumeIntegralInRange<int16_t>(0, 9999));
        const std::string group = std::to_string(groups.back());
        text += std::string(4 - group.size(), '0') + group;
    }
    const int count = static_cast<int>(groups.size());
    text += "e" + std::to_string(4 * (weight - count + 1));

    Decimal value = untouched, from_text = untouched;
    const ParseStatus status = decimal_from_base10000(negative, weight, groups.data(), count, value);
    check_result(status, value);
    INVARIANT(parse_decimal(text, from_text) == status);
    INVARIANT(from_text == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    fuzz_text(std::string(reinterpret_cast<const char *>(bytes), size));
    FuzzedDataProvider data(bytes, size);
    fuzz_groups(data);
    return 0;
}
