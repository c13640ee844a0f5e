#include "contract_event.hpp"

#include <boost/test/unit_test.hpp>

#include <utility>

using namespace scout::test;

namespace {

// The second line is the changed one, so that a wrong index would show.
std::string with(Value RawLine::*field, const Value &value) {
    Event event;
    event.lines[1].*field = value;
    return verdict(event);
}

RawLine line_of(const char *qty, const char *unit_price) {
    RawLine line = valid_line();
    line.qty = string(qty);
    line.unit_price = string(unit_price);
    return line;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(contract_line_suite)

BOOST_AUTO_TEST_CASE(a_line_is_read_completely) {
    RawLine raw = valid_line();
    raw.product_id = string(" p-2 ");
    raw.product_name = string(" Espresso ");
    raw.brand = string("Brand");
    raw.category = string("Coffee");
    raw.qty = string("3");
    raw.line_amount = number("41.95");
    raw.discount = string("0.05");
    const Run run(Event({raw}));
    BOOST_TEST_REQUIRE(run.verdict() == "accepted");
    const Line &line = run.lines.at(0);
    BOOST_TEST(line.product_id == "p-2");
    BOOST_TEST(line.product_name.text == " Espresso ");
    BOOST_TEST(line.brand.text == "Brand");
    BOOST_TEST(line.category.text == "Coffee");
    BOOST_TEST(text_of(line.quantity) == "3");
    BOOST_TEST(text_of(line.unit_price) == "10.5");
    BOOST_TEST(text_of(line.line_amount) == "41.95", "a given amount is not computed");
    BOOST_TEST(text_of(line.discount) == "0.05");
}

BOOST_AUTO_TEST_CASE(a_line_must_be_an_object) {
    for (const Value &value : {missing(), null(), boolean(), string("p-1"), number("1"), array(8)})
        BOOST_TEST(with(&RawLine::element, value) == "INVALID_TYPE $.items[1]");
}

BOOST_AUTO_TEST_CASE(required_fields) {
    for (const auto &[field, key] : {std::pair{&RawLine::product_id, std::string("product_id")},
                                     std::pair{&RawLine::qty, std::string("qty")},
                                     std::pair{&RawLine::unit_price, std::string("unit_price")}}) {
        BOOST_TEST(with(field, missing()) == "MISSING_FIELD $.items[1]." + key);
        BOOST_TEST(with(field, null()) == "MISSING_FIELD $.items[1]." + key);
        BOOST_TEST(with(field, boolean()) == "INVALID_TYPE $.items[1]." + key);
        BOOST_TEST(with(field, array(1)) == "INVALID_TYPE $.items[1]." + key);
    }
}

BOOST_AUTO_TEST_CASE(product_ids) {
    BOOST_TEST(with(&RawLine::product_id, string("  ")) == "MISSING_FIELD $.items[1].product_id");
    BOOST_TEST(with(&RawLine::product_id, id_number("1.5")) == "INVALID_TYPE $.items[1].product_id");
    BOOST_TEST(with(&RawLine::product_id, string(std::string(max_id_bytes + 1, 'x'))) ==
               "OUT_OF_RANGE $.items[1].product_id");
    Event event;
    event.lines[0].product_id = id_number("20240501000012345");
    event.lines[1].product_id = id_number("1002.00");
    const Run run(event);
    BOOST_TEST(run.lines.at(0).product_id == "20240501000012345");
    BOOST_TEST(run.lines.at(1).product_id == "1002");
}

BOOST_AUTO_TEST_CASE(optional_texts) {
    for (const auto &[field, key] : {std::pair{&RawLine::product_name, std::string("product_name")},
                                     std::pair{&RawLine::brand, std::string("brand")},
                                     std::pair{&RawLine::category, std::string("category")}}) {
        for (const Value &value : {number("1"), boolean(), object(), array(0)})
            BOOST_TEST(with(field, value) == "INVALID_TYPE $.items[1]." + key);
        for (const Value &value : {missing(), null(), string(""), string(" \t"), string("x")})
            BOOST_TEST(with(field, value) == "accepted");
    }
    RawLine blank = valid_line();
    blank.product_name = blank.brand = blank.category = string(" ");
    const Run run(Event({blank, valid_line()}));
    BOOST_TEST(!run.lines.at(0).product_name.present);
    BOOST_TEST(!run.lines.at(0).brand.present);
    BOOST_TEST(!run.lines.at(0).category.present);
}

BOOST_AUTO_TEST_CASE(bad_amounts) {
    for (const auto &[field, key] : {std::pair{&RawLine::qty, std::string("qty")},
                                     std::pair{&RawLine::unit_price, std::string("unit_price")},
                                     std::pair{&RawLine::line_amount, std::string("line_amount")},
                                     std::pair{&RawLine::discount, std::string("discount")}}) {
        for (const char *text : {"", "NaN", "two", "1;5"})
            BOOST_TEST(with(field, string(text)) == "INVALID_TYPE $.items[1]." + key);
        BOOST_TEST(with(field, object()) == "INVALID_TYPE $.items[1]." + key);
        for (const char *text : {"-1e14", "1e400"})
            BOOST_TEST(with(field, number(text)) == "OUT_OF_RANGE $.items[1]." + key);
    }
}

BOOST_AUTO_TEST_CASE(the_line_amount_is_computed_where_absent) {
    const auto computed = [](const char *qty, const char *unit_price, const Value &discount) {
        Event event({line_of(qty, unit_price)});
        event.lines[0].discount = discount;
        return text_of(Run(event).lines.at(0).line_amount);
    };
    BOOST_TEST(computed("3", "10.50", missing()) == "31.5");
    BOOST_TEST(computed("3", "10.50", null()) == "31.5");
    BOOST_TEST(computed("3", "10.50", number("1.5")) == "30");
    BOOST_TEST(computed("3", "10.50", number("-1")) == "32.5");
    BOOST_TEST(computed("1", "1", number("5")) == "-4");
    BOOST_TEST(computed("0.333", "0.015", missing()) == "0.005", "0.004995 is rounded");
}

BOOST_AUTO_TEST_CASE(a_computed_amount_may_be_out_of_range) {
    Event event;
    event.lines[1] = line_of("10000000", "10000000");
    BOOST_TEST(verdict(event) == "OUT_OF_RANGE $.items[1].line_amount");
    event.lines[1].discount = string("99999999999999");
    event.header.total_amount = number("22");
    BOOST_TEST(verdict(event) == "accepted", "only the result has to be in range");
    event.lines[1] = line_of("-10000000", "10000000");
    BOOST_TEST(verdict(event) == "OUT_OF_RANGE $.items[1].line_amount", "found before the quantity's rule");
}

BOOST_AUTO_TEST_CASE(quantities_and_prices) {
    BOOST_TEST(with(&RawLine::qty, number("0")) == "INVALID_LINE_ITEM $.items[1].qty");
    BOOST_TEST(with(&RawLine::qty, number("-0.0001")) == "INVALID_LINE_ITEM $.items[1].qty");
    BOOST_TEST(with(&RawLine::qty, number("0.00004")) == "INVALID_LINE_ITEM $.items[1].qty",
               "less than a unit is stored as 0");
    BOOST_TEST(with(&RawLine::unit_price, number("-0.0001")) == "INVALID_LINE_ITEM $.items[1].unit_price");
    BOOST_TEST(verdict(Event({line_of("0.0001", "0"), line_of("4", "10.5")})) == "accepted");
}

BOOST_AUTO_TEST_CASE(the_first_bad_field_is_the_rejection) {
    Event event;
    event.lines[1] = line_of("-1", "-1");
    BOOST_TEST(verdict(event) == "INVALID_LINE_ITEM $.items[1].qty");
    const std::pair<Value RawLine::*, std::string> steps[] = {
        {&RawLine::discount, "discount"},         {&RawLine::line_amount, "line_amount"},
        {&RawLine::unit_price, "unit_price"},     {&RawLine::qty, "qty"},
        {&RawLine::category, "category"},         {&RawLine::brand, "brand"},
        {&RawLine::product_name, "product_name"}, {&RawLine::product_id, "product_id"},
    };
    for (const auto &[field, key] : steps) {
        event.lines[1].*field = boolean();
        BOOST_TEST(verdict(event) == "INVALID_TYPE $.items[1]." + key);
    }
    event.lines[1].element = null();
    BOOST_TEST(verdict(event) == "INVALID_TYPE $.items[1]");
    event.lines[0].qty = number("-1");
    BOOST_TEST(verdict(event) == "INVALID_LINE_ITEM $.items[0].qty", "lines are checked in order");
    event.header.total_amount = number("-1");
    BOOST_TEST(verdict(event) == "NEGATIVE_TOTAL $.total_amount", "the header comes before the lines");
}

BOOST_AUTO_TEST_SUITE_END()
