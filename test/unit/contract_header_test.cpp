#include "contract_event.hpp"

#include <boost/test/unit_test.hpp>

#include <utility>

using namespace scout::test;

namespace {

std::string with(Value RawHeader::*field, const Value &value) {
    Event event;
    event.header.*field = value;
    return verdict(event);
}

const std::string long_id(max_id_bytes + 1, 'x');
const std::string long_number(max_id_bytes + 1, '7');

}  // namespace

BOOST_AUTO_TEST_SUITE(contract_header_suite)

BOOST_AUTO_TEST_CASE(a_valid_event_is_read_completely) {
    Event event;
    event.header.net_amount = number("40.01");
    event.header.customer_id = string(" c-1 ");
    event.header.payment_method = string(" Card ");
    const Run run(event);
    BOOST_TEST(run.verdict() == "accepted");
    BOOST_TEST(run.header.transaction_id == "t-1");
    BOOST_TEST(run.header.store_id == "s-1");
    BOOST_TEST(run.header.ts == Run::received() - 7'200 * usecs_per_second);
    BOOST_TEST(text_of(run.header.total_amount) == "42");
    BOOST_TEST(run.header.net_amount.present);
    BOOST_TEST(text_of(run.header.net_amount.value) == "40.01");
    BOOST_TEST(run.header.customer_id.present);
    BOOST_TEST(run.header.customer_id.text == "c-1", "an id is trimmed");
    BOOST_TEST(run.header.payment_method.present);
    BOOST_TEST(run.header.payment_method.text == " Card ", "a text is kept as written");
    BOOST_TEST(run.header.item_count == 2);
}

BOOST_AUTO_TEST_CASE(event_types) {
    const RuleSet rules = RuleSet::defaults();
    TransactionCheck known(rules, 0, "");
    BOOST_TEST(known.event_type("transaction.v1"));
    for (std::string_view type : {"", "transaction", "transaction.v2", "TRANSACTION.V1", " transaction.v1"}) {
        TransactionCheck check(rules, 0, "");
        BOOST_TEST_CONTEXT(type) {
            BOOST_TEST(!check.event_type(type));
            BOOST_TEST(Run::describe(check.rejection()) == "UNKNOWN_EVENT_TYPE $.event_type");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_document_must_be_an_object) {
    for (const Value &value : {missing(), null(), boolean(), string("{}"), number("1"), array(1)})
        BOOST_TEST(with(&RawHeader::event, value) == "INVALID_TYPE $");
}

BOOST_AUTO_TEST_CASE(required_fields) {
    const std::pair<Value RawHeader::*, std::string> fields[] = {
        {&RawHeader::transaction_id, "transaction_id"},
        {&RawHeader::store_id, "store_id"},
        {&RawHeader::ts, "ts"},
        {&RawHeader::total_amount, "total_amount"},
        {&RawHeader::items, "items"},
    };
    for (const auto &[field, key] : fields) {
        BOOST_TEST(with(field, missing()) == "MISSING_FIELD $." + key);
        BOOST_TEST(with(field, null()) == "MISSING_FIELD $." + key);
        BOOST_TEST(with(field, boolean()) == "INVALID_TYPE $." + key);
        BOOST_TEST(with(field, object()) == "INVALID_TYPE $." + key);
    }
}

BOOST_AUTO_TEST_CASE(ids_of_the_wrong_kind_or_size) {
    for (const auto &[field, key] : {std::pair{&RawHeader::transaction_id, std::string("transaction_id")},
                                     std::pair{&RawHeader::store_id, std::string("store_id")}}) {
        BOOST_TEST(with(field, string("")) == "MISSING_FIELD $." + key);
        BOOST_TEST(with(field, string(" \t\n")) == "MISSING_FIELD $." + key);
        BOOST_TEST(with(field, array(0)) == "INVALID_TYPE $." + key);
        BOOST_TEST(with(field, string(long_id)) == "OUT_OF_RANGE $." + key);
        BOOST_TEST(with(field, id_number(long_number)) == "OUT_OF_RANGE $." + key);
    }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_no_ids) {
    const std::string long_fraction = long_number + ".5";
    for (const auto &[field, key] : {std::pair{&RawHeader::transaction_id, std::string("transaction_id")},
                                     std::pair{&RawHeader::store_id, std::string("store_id")},
                                     std::pair{&RawHeader::customer_id, std::string("customer_id")}}) {
        for (const char *text : {"1.5", "0.0001", "-5.00000000000000000001", "5.001", "NaN", "Infinity", "-",
                                 "5.", ".0", "-.0", "5.0.0", "+5", "--5", " 5", "5 ", "1e3", "5.0e1", "0x1F"})
            BOOST_TEST_CONTEXT(text) BOOST_TEST(with(field, id_number(text)) == "INVALID_TYPE $." + key);
        BOOST_TEST(with(field, id_number(long_fraction)) == "INVALID_TYPE $." + key);
        BOOST_TEST(with(field, number("5")) == "INVALID_TYPE $." + key, "a reader must supply the text");
    }
}

BOOST_AUTO_TEST_CASE(the_longest_id_is_measured_after_trimming) {
    const std::string padded = "  " + long_id.substr(1) + "  ";
    Event event;
    event.header.transaction_id = string(padded);
    const Run run(event);
    BOOST_TEST(run.verdict() == "accepted");
    BOOST_TEST(run.header.transaction_id == long_id.substr(1));
}

BOOST_AUTO_TEST_CASE(ids_may_be_whole_numbers) {
    const std::string longest = long_number.substr(1), longest_negative = "-" + longest.substr(1);
    const std::string forty_digits = "1234567890123456789012345678901234567890";
    const std::pair<std::string, std::string> cases[] = {
        {"0", "0"},
        {"7", "7"},
        {"-7", "-7"},
        {"1000", "1000"},
        {"5.0", "5"},
        {"-5.000000000000", "-5"},
        {"20240501000012345", "20240501000012345"},
        {forty_digits, forty_digits},
        {longest, longest},
        {longest_negative, longest_negative},
        {longest + "." + std::string(1'000, '0'), longest},  // measured as it is kept
    };
    for (const auto &[written, text] : cases) {
        Event event;
        event.header.transaction_id = event.header.store_id = event.header.customer_id = id_number(written);
        const Run run(event);
        BOOST_TEST(run.verdict() == "accepted");
        BOOST_TEST(run.header.transaction_id == text);
        BOOST_TEST(run.header.store_id == text);
        BOOST_TEST(run.header.customer_id.text == text);
    }
}

BOOST_AUTO_TEST_CASE(the_status_of_a_number_says_nothing_about_an_id) {
    Event event;
    event.header.transaction_id = id_number("12");
    for (ParseStatus status : {ParseStatus::ok, ParseStatus::malformed, ParseStatus::out_of_range}) {
        event.header.transaction_id.number_status = status;
        const Run run(event);
        BOOST_TEST(run.verdict() == "accepted");
        BOOST_TEST(run.header.transaction_id == "12");
    }
}

BOOST_AUTO_TEST_CASE(the_fallback_store_stands_in_for_an_absent_one) {
    Event event;
    for (const Value &absent : {missing(), null(), string(""), string(" \t")}) {
        event.header.store_id = absent;
        const Run run(event, RuleSet::defaults(), "s-fallback");
        BOOST_TEST(run.verdict() == "accepted");
        BOOST_TEST(run.header.store_id == "s-fallback");
        BOOST_TEST(Run(event, RuleSet::defaults(), "").verdict() == "MISSING_FIELD $.store_id");
        BOOST_TEST(Run(event, RuleSet::defaults(), " ").verdict() == "MISSING_FIELD $.store_id");
    }
    event.header.store_id = string("s-1");
    BOOST_TEST(Run(event, RuleSet::defaults(), "s-fallback").header.store_id == "s-1");
}

BOOST_AUTO_TEST_CASE(the_fallback_store_does_not_excuse_a_bad_one) {
    Event event;
    for (const Value &bad : {boolean(), object(), id_number("1.5"), number("5")}) {
        event.header.store_id = bad;
        BOOST_TEST(Run(event, RuleSet::defaults(), "s-fallback").verdict() == "INVALID_TYPE $.store_id");
    }
    event.header.store_id = string(long_id);
    BOOST_TEST(Run(event, RuleSet::defaults(), "s-fallback").verdict() == "OUT_OF_RANGE $.store_id");
}

BOOST_AUTO_TEST_CASE(timestamps) {
    BOOST_TEST(with(&RawHeader::ts, string("2024-05-01 10:00")) == "accepted");
    BOOST_TEST(with(&RawHeader::ts, number("1714557600")) == "INVALID_TYPE $.ts");
    BOOST_TEST(with(&RawHeader::ts, array(6)) == "INVALID_TYPE $.ts");
    for (const char *text : {"", " ", "now", "infinity", "2024-02-30T10:00:00Z", "01/05/2024"})
        BOOST_TEST(with(&RawHeader::ts, string(text)) == "INVALID_TIMESTAMP $.ts");
}

BOOST_AUTO_TEST_CASE(amounts_may_be_numeric_strings) {
    BOOST_TEST(with(&RawHeader::total_amount, string(" 42.00 ")) == "accepted");
    BOOST_TEST(with(&RawHeader::total_amount, string("4.2e1")) == "accepted");
    BOOST_TEST(with(&RawHeader::net_amount, string("-3.5")) == "accepted");
}

BOOST_AUTO_TEST_CASE(amounts_that_are_none) {
    for (const auto &[field, key] : {std::pair{&RawHeader::total_amount, std::string("total_amount")},
                                     std::pair{&RawHeader::net_amount, std::string("net_amount")}}) {
        for (const char *text : {"", " ", "abc", "NaN", "Infinity", "1,5", "$5", "0x1F", "1e"})
            BOOST_TEST(with(field, string(text)) == "INVALID_TYPE $." + key);
        for (const Value &value : {boolean(), object(), array(1), number("NaN")})
            BOOST_TEST(with(field, value) == "INVALID_TYPE $." + key);
        for (const char *text :
             {"1e400", "-1e400", "100000000000000", "1234567890123456789012345678901234567890"}) {
            BOOST_TEST(with(field, string(text)) == "OUT_OF_RANGE $." + key);
            BOOST_TEST(with(field, number(text)) == "OUT_OF_RANGE $." + key);
        }
    }
}

BOOST_AUTO_TEST_CASE(optional_fields_may_be_absent) {
    for (const Value &absent : {missing(), null()}) {
        Event event;
        event.header.net_amount = event.header.customer_id = event.header.payment_method = absent;
        const Run run(event);
        BOOST_TEST(run.verdict() == "accepted");
        BOOST_TEST(!run.header.net_amount.present);
        BOOST_TEST(!run.header.customer_id.present);
        BOOST_TEST(!run.header.payment_method.present);
    }
    Event blank;
    blank.header.customer_id = blank.header.payment_method = string(" \t");
    const Run run(blank);
    BOOST_TEST(run.verdict() == "accepted");
    BOOST_TEST(!run.header.customer_id.present);
    BOOST_TEST(!run.header.payment_method.present);
}

BOOST_AUTO_TEST_CASE(optional_fields_must_be_valid_where_given) {
    BOOST_TEST(with(&RawHeader::customer_id, object()) == "INVALID_TYPE $.customer_id");
    BOOST_TEST(with(&RawHeader::customer_id, id_number(long_number)) == "OUT_OF_RANGE $.customer_id");
    BOOST_TEST(with(&RawHeader::customer_id, string(long_id)) == "OUT_OF_RANGE $.customer_id");
    BOOST_TEST(with(&RawHeader::payment_method, string(long_id)) == "accepted");
    for (const Value &value : {number("1"), boolean(), object(), array(0)})
        BOOST_TEST(with(&RawHeader::payment_method, value) == "INVALID_TYPE $.payment_method");
}

BOOST_AUTO_TEST_CASE(items_must_be_an_array) {
    for (const Value &value : {string("[]"), number("2"), boolean(), object()})
        BOOST_TEST(with(&RawHeader::items, value) == "INVALID_TYPE $.items");
    BOOST_TEST(with(&RawHeader::items, array(0x8000'0000)) == "OUT_OF_RANGE $.items");
}

BOOST_AUTO_TEST_CASE(the_first_bad_field_is_the_rejection) {
    // Broken from the last field to the first: each is found before all that were broken before it.
    Event event;
    event.header.total_amount = number("-1");
    const std::pair<Value RawHeader::*, std::string> steps[] = {
        {&RawHeader::items, "items"},
        {&RawHeader::payment_method, "payment_method"},
        {&RawHeader::customer_id, "customer_id"},
        {&RawHeader::net_amount, "net_amount"},
        {&RawHeader::total_amount, "total_amount"},
        {&RawHeader::ts, "ts"},
        {&RawHeader::store_id, "store_id"},
        {&RawHeader::transaction_id, "transaction_id"},
    };
    BOOST_TEST(verdict(event) == "NEGATIVE_TOTAL $.total_amount");
    for (const auto &[field, key] : steps) {
        event.header.*field = boolean();
        BOOST_TEST(verdict(event) == "INVALID_TYPE $." + key);
    }
    event.header.event = array(1);
    BOOST_TEST(verdict(event) == "INVALID_TYPE $");
}

BOOST_AUTO_TEST_CASE(a_finding_explains_itself) {
    Event event;
    event.header.ts = string("yesterday");
    const Run run(event);
    const Finding &finding = run.check().rejection();
    BOOST_TEST((finding.severity == Severity::critical));
    BOOST_TEST((finding.field == Field::ts));
    BOOST_TEST(finding.item == -1);
    BOOST_TEST(std::string(finding.message).back() == '.');
}

BOOST_AUTO_TEST_CASE(paths) {
    char buffer[path_text_size];
    const auto path = [&](Field field, int32_t item) {
        Finding finding;
        finding.field = field;
        finding.item = item;
        return format_path(finding, buffer);
    };
    BOOST_TEST(field_key(Field::event) == "");
    BOOST_TEST(path(Field::event, -1) == "$");
    BOOST_TEST(path(Field::event_type, -1) == "$.event_type");
    BOOST_TEST(path(Field::event, 0) == "$.items[0]");
    BOOST_TEST(path(Field::qty, 3) == "$.items[3].qty");
    BOOST_TEST(path(Field::product_name, 2147483647) == "$.items[2147483647].product_name");
}

BOOST_AUTO_TEST_SUITE_END()
