#include "core/decimal.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace scout::core;

namespace {

std::string text_of(Decimal value) {
    char buffer[decimal_text_size];
    return std::string(format_decimal(value, buffer));
}

std::string text_of(ParseStatus status, Decimal value) {
    switch (status) {
        case ParseStatus::ok: return text_of(value);
        case ParseStatus::malformed: return "malformed";
        case ParseStatus::out_of_range: return "out of range";
    }
    return "no status";
}

// What a text is read as, in one comparable string.
std::string parsed(std::string_view text) {
    Decimal value;
    const ParseStatus status = parse_decimal(text, value);
    return text_of(status, value);
}

std::string from_groups(bool negative, int weight, const std::vector<int16_t> &digits) {
    Decimal value;
    const ParseStatus status =
        decimal_from_base10000(negative, weight, digits.data(), static_cast<int>(digits.size()), value);
    return text_of(status, value);
}

Decimal decimal(std::string_view text) {
    Decimal value;
    BOOST_REQUIRE(parse_decimal(text, value) == ParseStatus::ok);
    return value;
}

using Cases = std::vector<std::pair<std::string, std::string>>;

void check_parsed(const Cases &cases) {
    for (const auto &[text, expected] : cases)
        BOOST_TEST_CONTEXT("text '" << text << "'") BOOST_TEST(parsed(text) == expected);
}

class Generator {
public:
    int64_t between(int64_t low, int64_t high) {
        return std::uniform_int_distribution<int64_t>(low, high)(engine_);
    }
    bool coin() { return between(0, 1) == 1; }
    std::string digits(int64_t count) {
        std::string text;
        while (count-- > 0) text += static_cast<char>('0' + between(0, 9));
        return text;
    }
    // Of any magnitude, so that small values are as frequent as large ones.
    Decimal in_range() {
        int64_t bound = 1;
        for (int64_t i = between(0, 18); i > 0; i--) bound *= 10;
        return Decimal{between(-bound + 1, bound - 1)};
    }

private:
    std::mt19937_64 engine_{20240229};
};

// Rounds on the text itself, sharing no arithmetic with the parser.
std::string rounded_text(bool negative, std::string whole, std::string fraction) {
    fraction.resize(std::max<size_t>(fraction.size(), 5), '0');
    std::string units = "0" + whole + fraction.substr(0, 4);
    if (fraction[4] >= '5') {
        size_t i = units.size() - 1;
        for (; units[i] == '9'; i--) units[i] = '0';
        units[i]++;
    }
    std::string result = units.substr(0, units.size() - 4);
    result.erase(0, std::min(result.find_first_not_of('0'), result.size() - 1));
    if (result.size() > 14) return "out of range";
    std::string places = units.substr(units.size() - 4);
    places.erase(places.find_last_not_of('0') + 1);
    if (!places.empty()) result += "." + places;
    return (negative && result != "0" ? "-" : "") + result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(decimal_suite)

BOOST_AUTO_TEST_CASE(plain_numbers) {
    check_parsed({{"0", "0"},
                  {"1", "1"},
                  {"-1", "-1"},
                  {"+5", "5"},
                  {"12.50", "12.5"},
                  {"0.0001", "0.0001"},
                  {"-0.0001", "-0.0001"},
                  {"1234567890.1234", "1234567890.1234"},
                  {".5", "0.5"},
                  {"-.5", "-0.5"},
                  {"5.", "5"},
                  {"-0", "0"},
                  {"-0.00", "0"},
                  {"0000000000000000000000000000000000000000007.5", "7.5"},
                  {"1.5000000000000000000000000000000000000000", "1.5"},
                  {" \t\r\n\f\v12.5 \n", "12.5"}});
}

BOOST_AUTO_TEST_CASE(malformed_texts) {
    using namespace std::string_literals;
    for (const std::string &text : {""s,
                                    " "s,
                                    "."s,
                                    "-"s,
                                    "+"s,
                                    "-."s,
                                    "+-1"s,
                                    "--1"s,
                                    "- 1"s,
                                    "1 2"s,
                                    "1.2.3"s,
                                    "1..2"s,
                                    "1,5"s,
                                    "1_000"s,
                                    "0x10"s,
                                    "NaN"s,
                                    "nan"s,
                                    "Infinity"s,
                                    "-inf"s,
                                    "abc"s,
                                    "1a"s,
                                    "a1"s,
                                    "1e"s,
                                    "1e+"s,
                                    "1e-"s,
                                    "e5"s,
                                    ".e5"s,
                                    "1e5.5"s,
                                    "1e5e5"s,
                                    "1ee5"s,
                                    "1e 5"s,
                                    "$1"s,
                                    "1%"s,
                                    "1-"s,
                                    "(1)"s,
                                    "\0"s,
                                    "1\0"s,
                                    "\0001"s,
                                    "1\0002"s,
                                    "1e\0"s,
                                    "1.\0"s,
                                    "１"s,
                                    "\xC2\xA0"
                                    "1"s,
                                    "1\xFF"s,
                                    "true"s})
        BOOST_TEST_CONTEXT("text '" << text << "'") BOOST_TEST(parsed(text) == "malformed");
}

BOOST_AUTO_TEST_CASE(rounds_half_away_from_zero) {
    check_parsed({{"0.00004", "0"},
                  {"0.00005", "0.0001"},
                  {"-0.00005", "-0.0001"},
                  {"-0.00004", "0"},
                  {"0.000049999999999999999999999999999999999999", "0"},
                  {"1.00015", "1.0002"},
                  {"1.00025", "1.0003"},
                  {"-1.00025", "-1.0003"},
                  {"1.99995", "2"},
                  {"9.99994999", "9.9999"},
                  {"999.99995", "1000"},
                  {"0.000005", "0"},
                  {"0.000009", "0"}});
}

BOOST_AUTO_TEST_CASE(limits_of_the_precision) {
    check_parsed({{"99999999999999", "99999999999999"},
                  {"99999999999999.9999", "99999999999999.9999"},
                  {"-99999999999999.9999", "-99999999999999.9999"},
                  {"99999999999999.99994999", "99999999999999.9999"},
                  {"99999999999999.99995", "out of range"},
                  {"-99999999999999.99995", "out of range"},
                  {"100000000000000", "out of range"},
                  {"-100000000000000", "out of range"},
                  {"1234567890123456789012345678901234567890", "out of range"},
                  {"0.1234567890123456789012345678901234567890", "0.1235"},
                  {std::string(100'000, '9'), "out of range"},
                  {"0." + std::string(100'000, '9'), "1"},
                  {std::string(100'000, '0'), "0"}});
}

BOOST_AUTO_TEST_CASE(exponents) {
    check_parsed({{"1e0", "1"},
                  {"1e2", "100"},
                  {"1E+2", "100"},
                  {"125e-2", "1.25"},
                  {"1.25e1", "12.5"},
                  {".5e1", "5"},
                  {"5.e1", "50"},
                  {"1e13", "10000000000000"},
                  {"1e14", "out of range"},
                  {"-1e14", "out of range"},
                  {"9.99999999999999999e13", "99999999999999.9999"},
                  {"9.999999999999999999e13", "out of range"},
                  {"1e-4", "0.0001"},
                  {"5e-5", "0.0001"},
                  {"4e-5", "0"},
                  {"5e-6", "0"},
                  {"1e400", "out of range"},
                  {"-1e400", "out of range"},
                  {"1e-400", "0"},
                  {"1e0000000000000000000000000000002", "100"},
                  {"1e999999999999", "out of range"},
                  {"1e-999999999999", "0"},
                  {"1e99999999999999999999999999999999999999", "out of range"},
                  {"1e-99999999999999999999999999999999999999", "0"},
                  {"0e999999999999", "0"},
                  {"0.000e400", "0"}});
}

BOOST_AUTO_TEST_CASE(exponent_and_zeros_cancel) {
    const std::string zeros(1'000, '0');
    check_parsed({{"0." + zeros + "15e1002", "15"},
                  {"15" + zeros + "e-1000", "15"},
                  {"15" + zeros + "e-1002", "0.15"},
                  {"0." + zeros + "15e1", "0"}});
}

BOOST_AUTO_TEST_CASE(a_failure_leaves_the_output_alone) {
    for (const char *text : {"", "x", "1e400", "99999999999999.99995"}) {
        Decimal value = Decimal::of(42);
        BOOST_TEST((parse_decimal(text, value) != ParseStatus::ok));
        BOOST_TEST((value == Decimal::of(42)));
    }
}

BOOST_AUTO_TEST_CASE(numeric_groups) {
    BOOST_TEST(from_groups(false, 0, {}) == "0");
    BOOST_TEST(from_groups(true, 0, {}) == "0");
    BOOST_TEST(from_groups(true, 5, {0, 0}) == "0");
    BOOST_TEST(from_groups(false, 0, {7}) == "7");
    BOOST_TEST(from_groups(true, 0, {7}) == "-7");
    BOOST_TEST(from_groups(false, 0, {12, 5000}) == "12.5");
    BOOST_TEST(from_groups(false, 1, {12, 5}) == "120005");
    BOOST_TEST(from_groups(false, 1, {12}) == "120000");
    BOOST_TEST(from_groups(false, -1, {1}) == "0.0001");
    BOOST_TEST(from_groups(false, 0, {0, 0, 5000}) == "0.0001");
    BOOST_TEST(from_groups(true, -2, {5000}) == "-0.0001");
    BOOST_TEST(from_groups(false, -2, {4999, 9999}) == "0");
    BOOST_TEST(from_groups(false, -3, {9999}) == "0");
    BOOST_TEST(from_groups(false, -30'000, {9999}) == "0");
}

BOOST_AUTO_TEST_CASE(numeric_groups_at_the_limits) {
    BOOST_TEST(from_groups(false, 3, {99, 9999, 9999, 9999, 9999}) == "99999999999999.9999");
    BOOST_TEST(from_groups(false, 3, {99, 9999, 9999, 9999, 9999, 4999}) == "99999999999999.9999");
    BOOST_TEST(from_groups(false, 3, {99, 9999, 9999, 9999, 9999, 5000}) == "out of range");
    BOOST_TEST(from_groups(true, 3, {100}) == "out of range");
    BOOST_TEST(from_groups(false, 4, {1}) == "out of range");
    BOOST_TEST(from_groups(false, 5, {0, 0, 1}) == "1000000000000");
    BOOST_TEST(from_groups(false, 32'767, {1}) == "out of range");
    BOOST_TEST(from_groups(false, std::numeric_limits<int>::max(), {1}) == "out of range");
    BOOST_TEST(from_groups(false, std::numeric_limits<int>::min(), {1}) == "0");
}

// "sign weight digits", and what decimal_from_base10000() makes of it again.
std::string to_groups(std::string_view text) {
    const Decimal value = decimal(text);
    const scout::core::Base10000 groups = to_base10000(value);
    Decimal back;
    BOOST_REQUIRE(decimal_from_base10000(groups.negative, groups.weight, groups.digits, groups.count, back) ==
                  ParseStatus::ok);
    BOOST_TEST(text_of(back) == text_of(value));
    std::string out = groups.negative ? "-" : "+";
    out += std::to_string(groups.weight);
    for (int i = 0; i < groups.count; i++) out += " " + std::to_string(groups.digits[i]);
    return out;
}

// What the server's numeric has for these values: no zeros in front or behind, zero without digits.
BOOST_AUTO_TEST_CASE(to_numeric_groups) {
    BOOST_TEST(to_groups("0") == "+0");
    BOOST_TEST(to_groups("-0") == "+0");
    BOOST_TEST(to_groups("7") == "+0 7");
    BOOST_TEST(to_groups("-7") == "-0 7");
    BOOST_TEST(to_groups("12.5") == "+0 12 5000");
    BOOST_TEST(to_groups("0.0001") == "+-1 1");
    BOOST_TEST(to_groups("-0.5") == "--1 5000");
    BOOST_TEST(to_groups("10000") == "+1 1");
    BOOST_TEST(to_groups("120005") == "+1 12 5");
    BOOST_TEST(to_groups("10000.0001") == "+1 1 0 1");
    BOOST_TEST(to_groups("99999999999999.9999") == "+3 99 9999 9999 9999 9999");
    BOOST_TEST(to_groups("-99999999999999.9999") == "-3 99 9999 9999 9999 9999");
}

// Also beyond the range and at the ends of 128 bits, where a sum of lines may get.
BOOST_AUTO_TEST_CASE(to_numeric_groups_of_any_value) {
    const scout::core::int128 highest = ~(static_cast<scout::core::int128>(1) << 127);
    for (const scout::core::int128 units : {highest, -highest, -highest - 1}) {
        const scout::core::Base10000 groups = to_base10000(Decimal{units});
        scout::core::int128 back = 0;
        for (int i = 0; i < groups.weight + 2; i++)
            back = back * 10'000 + (groups.negative ? -1 : 1) * (i < groups.count ? groups.digits[i] : 0);
        BOOST_TEST((back == units));
    }
}

BOOST_AUTO_TEST_CASE(products) {
    BOOST_TEST(text_of(multiply(decimal("3"), decimal("2.5"))) == "7.5");
    BOOST_TEST(text_of(multiply(decimal("-3"), decimal("2.5"))) == "-7.5");
    BOOST_TEST(text_of(multiply(decimal("0"), decimal("-2.5"))) == "0");
    BOOST_TEST(text_of(multiply(decimal("0.0001"), decimal("0.5"))) == "0.0001");
    BOOST_TEST(text_of(multiply(decimal("-0.0001"), decimal("0.5"))) == "-0.0001");
    BOOST_TEST(text_of(multiply(decimal("0.0001"), decimal("0.4999"))) == "0");
    const Decimal largest{Decimal::limit - 1};
    BOOST_TEST(text_of(multiply(largest, largest)) == "9999999999999999980000000000");
    BOOST_TEST(!multiply(largest, decimal("1.0001")).in_range());
    BOOST_TEST(multiply(largest, decimal("1")).in_range());
}

BOOST_AUTO_TEST_CASE(tolerance_needs_both_differences) {
    const auto differs = [](const char *actual, const char *expected, const char *percent = "1") {
        return differs_beyond(decimal(actual), decimal(expected), decimal(percent), decimal("0.50"));
    };
    BOOST_TEST(!differs("100", "100"));
    BOOST_TEST(!differs("101", "100"));
    BOOST_TEST(differs("101.0001", "100"));
    BOOST_TEST(!differs("99", "100"));
    BOOST_TEST(differs("98.9999", "100"));
    BOOST_TEST(differs("-98.9999", "-100"));
    BOOST_TEST(!differs("-101", "-100"));
    BOOST_TEST(!differs("1.5", "1"), "within the absolute tolerance");
    BOOST_TEST(differs("1.5001", "1"));
    BOOST_TEST(!differs("0.5", "0"));
    BOOST_TEST(differs("0.5001", "0"));
    BOOST_TEST(differs("-100", "100"));
    BOOST_TEST(differs("100.5001", "100", "0"));
    BOOST_TEST(!differs("100.5", "100", "0"));
    BOOST_TEST(!differs("1000", "100", "900"));
    BOOST_TEST(!differs("99999999999999.9999", "-99999999999999.9999", "99999999999999.9999"));
}

BOOST_AUTO_TEST_CASE(relative_tolerance_of_a_fraction_of_a_unit) {
    // 1 percent of 100.0099 lies between 1.0000 and 1.0001.
    const Decimal expected = decimal("100.0099"), percent = decimal("1"), nothing{};
    BOOST_TEST(!differs_beyond(expected + decimal("1.0000"), expected, percent, nothing));
    BOOST_TEST(differs_beyond(expected + decimal("1.0001"), expected, percent, nothing));
    BOOST_TEST(!differs_beyond(expected - decimal("1.0000"), expected, percent, nothing));
    BOOST_TEST(differs_beyond(expected - decimal("1.0001"), expected, percent, nothing));
}

BOOST_AUTO_TEST_CASE(formats_values_beyond_the_range) {
    const int128 highest = ~(static_cast<int128>(1) << 127);
    BOOST_TEST(text_of(Decimal{highest}) == "17014118346046923173168730371588410.5727");
    BOOST_TEST(text_of(Decimal{-highest - 1}) == "-17014118346046923173168730371588410.5728");
}

BOOST_AUTO_TEST_CASE(property_format_then_parse_is_the_identity) {
    Generator random;
    for (int i = 0; i < 20'000; i++) {
        const Decimal value = random.in_range();
        const std::string text = text_of(value);
        BOOST_REQUIRE_EQUAL(parsed(text), text);
        BOOST_REQUIRE(decimal(text) == value);
    }
}

BOOST_AUTO_TEST_CASE(property_parse_rounds_as_on_paper) {
    Generator random;
    for (int i = 0; i < 20'000; i++) {
        const bool negative = random.coin();
        const std::string whole = random.digits(random.between(1, 17));
        const std::string fraction = random.digits(random.between(1, 9));
        BOOST_REQUIRE_EQUAL(parsed((negative ? "-" : "") + whole + "." + fraction),
                            rounded_text(negative, whole, fraction));
    }
}

BOOST_AUTO_TEST_CASE(property_groups_agree_with_text) {
    Generator random;
    for (int i = 0; i < 20'000; i++) {
        const bool negative = random.coin();
        const int weight = static_cast<int>(random.between(-6, 8));
        std::vector<int16_t> groups;
        std::string text = negative ? "-0" : "0";
        for (int64_t count = random.between(0, 12); count > 0; count--) {
            groups.push_back(static_cast<int16_t>(random.coin() ? 0 : random.between(0, 9999)));
            const std::string group = std::to_string(groups.back());
            text += std::string(4 - group.size(), '0') + group;
        }
        text += "e" + std::to_string(4 * (weight - static_cast<int>(groups.size()) + 1));
        BOOST_TEST_CONTEXT(text) BOOST_REQUIRE_EQUAL(from_groups(negative, weight, groups), parsed(text));
    }
}

BOOST_AUTO_TEST_CASE(property_products_are_symmetric_and_within_half_a_unit) {
    Generator random;
    for (int i = 0; i < 20'000; i++) {
        const Decimal a = random.in_range(), b = random.in_range();
        const Decimal product = multiply(a, b);
        BOOST_REQUIRE(product == multiply(b, a));
        BOOST_REQUIRE((Decimal{} - product == multiply(Decimal{} - a, b)));
        const int128 error = product.units * Decimal::one - a.units * b.units;
        BOOST_REQUIRE((error <= Decimal::one / 2 && error >= -Decimal::one / 2));
    }
}

BOOST_AUTO_TEST_SUITE_END()
