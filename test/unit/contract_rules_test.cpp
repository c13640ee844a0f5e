// The tunable rules of the contract: at every severity, at their thresholds, and together.
#include "contract_event.hpp"

#include <boost/test/unit_test.hpp>

#include <utility>

using namespace scout::test;

namespace {

Event with_total(std::string_view total) {
    RawLine line = valid_line();
    line.line_amount = string(total);
    Event event({line});
    event.header.total_amount = string(total);
    return event;
}

Event with_ts(std::string_view ts) {
    Event event;
    event.header.ts = string(ts);
    return event;
}

Event with_qty(std::string_view qty) {
    Event event;
    event.lines[1].qty = string(qty);
    event.lines[1].line_amount = string("21");
    return event;
}

Event with_line_sum(std::string_view sum, std::string_view total) {
    Event event = with_total(total);
    event.lines[0].line_amount = string(sum);
    return event;
}

RuleSet with_setting(Rule rule, Severity severity, bool enabled = true) {
    RuleSet rules = RuleSet::defaults();
    rules[rule].severity = severity;
    rules[rule].enabled = enabled;
    return rules;
}

RuleSet with_threshold(Rule rule, std::string_view threshold) {
    RuleSet rules = RuleSet::defaults();
    parse_decimal(threshold, rules[rule].threshold);
    return rules;
}

RuleSet all_warnings() {
    RuleSet rules = RuleSet::defaults();
    for (RuleSetting &setting : rules.settings) setting.severity = Severity::warning;
    return rules;
}

// Breaks every tunable rule that can be broken together with the others.
Event broken_everywhere() {
    Event event = with_ts("2024-06-01");
    event.header.total_amount = string("-100");
    event.lines[0].qty = event.lines[1].qty = string("-1");
    event.lines[1].unit_price = string("-2");
    return event;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(contract_rules_suite)

BOOST_AUTO_TEST_CASE(every_rule_at_every_severity) {
    const struct {
        Rule rule;
        Event event;
        std::string finding;
    } cases[] = {
        {Rule::negative_total, with_total("-5"), "NEGATIVE_TOTAL $.total_amount"},
        {Rule::empty_items, Event(std::vector<RawLine>{}), "EMPTY_ITEMS $.items"},
        {Rule::invalid_line_item, with_qty("0"), "INVALID_LINE_ITEM $.items[1].qty"},
        {Rule::line_total_mismatch, with_line_sum("40", "50"), "LINE_TOTAL_MISMATCH $.total_amount"},
        {Rule::amount_above_limit, with_total("10001"), "AMOUNT_ABOVE_LIMIT $.total_amount"},
        {Rule::future_timestamp, with_ts("2024-05-03"), "FUTURE_TIMESTAMP $.ts"},
    };
    for (const auto &[rule, event, finding] : cases) {
        BOOST_TEST(verdict(event, with_setting(rule, Severity::critical)) == finding);
        BOOST_TEST(verdict(event, with_setting(rule, Severity::warning)) == "accepted; " + finding);
        BOOST_TEST(verdict(event, with_setting(rule, Severity::critical, false)) == "accepted");
        BOOST_TEST(verdict(event, with_setting(rule, Severity::warning, false)) == "accepted");
    }
}

BOOST_AUTO_TEST_CASE(structural_rules_cannot_be_tuned) {
    RuleSet lenient = all_warnings();
    for (RuleSetting &setting : lenient.settings) setting.enabled = false;
    Event event;
    event.header.transaction_id = missing();
    BOOST_TEST(verdict(event, lenient) == "MISSING_FIELD $.transaction_id");
    BOOST_TEST(verdict(event, all_warnings()) == "MISSING_FIELD $.transaction_id");
    event = Event();
    event.header.items = object();
    BOOST_TEST(verdict(event, lenient) == "INVALID_TYPE $.items");
    BOOST_TEST(verdict(with_ts("soon"), lenient) == "INVALID_TIMESTAMP $.ts");
    BOOST_TEST(verdict(with_total("1e20"), lenient) == "OUT_OF_RANGE $.total_amount");
    TransactionCheck check(lenient, 0, "");
    BOOST_TEST(!check.event_type("refund.v1"));
}

BOOST_AUTO_TEST_CASE(thresholds_of_the_total) {
    BOOST_TEST(verdict(with_total("0")) == "accepted");
    BOOST_TEST(verdict(with_total("-0.0001")) == "NEGATIVE_TOTAL $.total_amount");
    BOOST_TEST(verdict(with_total("10000")) == "accepted");
    BOOST_TEST(verdict(with_total("10000.0001")) == "accepted; AMOUNT_ABOVE_LIMIT $.total_amount");
    BOOST_TEST(verdict(with_total("99999999999999.9999")) == "accepted; AMOUNT_ABOVE_LIMIT $.total_amount");

    const RuleSet refunds = with_threshold(Rule::negative_total, "-50");
    BOOST_TEST(verdict(with_total("-50"), refunds) == "accepted");
    BOOST_TEST(verdict(with_total("-50.0001"), refunds) == "NEGATIVE_TOTAL $.total_amount");
    const RuleSet small = with_threshold(Rule::amount_above_limit, "0.5");
    BOOST_TEST(verdict(with_total("0.5"), small) == "accepted");
    BOOST_TEST(verdict(with_total("0.6"), small) == "accepted; AMOUNT_ABOVE_LIMIT $.total_amount");
}

BOOST_AUTO_TEST_CASE(thresholds_of_the_timestamp) {
    BOOST_TEST(verdict(with_ts("2024-05-02T12:00:00Z")) == "accepted");
    BOOST_TEST(verdict(with_ts("2024-05-02T12:00:00.000001Z")) == "accepted; FUTURE_TIMESTAMP $.ts");
    BOOST_TEST(verdict(with_ts("2024-05-02T14:00:00+02:00")) == "accepted");
    BOOST_TEST(verdict(with_ts("0001-01-01")) == "accepted");
    BOOST_TEST(verdict(with_ts("9999-12-31")) == "accepted; FUTURE_TIMESTAMP $.ts");

    const RuleSet quarter = with_threshold(Rule::future_timestamp, "0.25");
    BOOST_TEST(verdict(with_ts("2024-05-01T12:15:00Z"), quarter) == "accepted");
    BOOST_TEST(verdict(with_ts("2024-05-01T12:15:00.000001Z"), quarter) == "accepted; FUTURE_TIMESTAMP $.ts");
    const RuleSet past = with_threshold(Rule::future_timestamp, "-24");
    BOOST_TEST(verdict(with_ts("2024-04-30T12:00:00Z"), past) == "accepted");
    BOOST_TEST(verdict(with_ts("2024-04-30T12:00:01Z"), past) == "accepted; FUTURE_TIMESTAMP $.ts");
    const RuleSet never = with_threshold(Rule::future_timestamp, "99999999999999.9999");
    BOOST_TEST(verdict(with_ts("9999-12-31"), never) == "accepted");
}

BOOST_AUTO_TEST_CASE(thresholds_of_the_line_sum) {
    const std::string mismatch = "LINE_TOTAL_MISMATCH $.total_amount";
    BOOST_TEST(verdict(with_line_sum("10.50", "10")) == "accepted");
    BOOST_TEST(verdict(with_line_sum("10.5001", "10")) == mismatch);
    BOOST_TEST(verdict(with_line_sum("9.4999", "10")) == mismatch);
    BOOST_TEST(verdict(with_line_sum("1010", "1000")) == "accepted");
    BOOST_TEST(verdict(with_line_sum("1010.0001", "1000")) == mismatch);
    BOOST_TEST(verdict(with_line_sum("0.5", "0")) == "accepted");
    BOOST_TEST(verdict(with_line_sum("0.5001", "0")) == mismatch);

    const RuleSet strict = with_threshold(Rule::line_total_mismatch, "0");
    BOOST_TEST(verdict(with_line_sum("1000.50", "1000"), strict) == "accepted");
    BOOST_TEST(verdict(with_line_sum("1000.5001", "1000"), strict) == mismatch);
}

BOOST_AUTO_TEST_CASE(the_sum_is_over_all_lines_and_in_the_header) {
    Event event(std::vector<RawLine>(100, valid_line()));
    event.header.total_amount = number("2100");
    BOOST_TEST(verdict(event) == "accepted");
    event.lines.push_back(valid_line());
    event.lines.push_back(valid_line());
    const Run run(event);
    BOOST_TEST(run.verdict() == "LINE_TOTAL_MISMATCH $.total_amount");
    BOOST_TEST(run.check().rejection().item == -1);
}

BOOST_AUTO_TEST_CASE(a_sum_beyond_the_range_is_still_compared) {
    RawLine line = valid_line();
    line.line_amount = string("99999999999999.9999");
    Event event(std::vector<RawLine>(1'000, line));
    BOOST_TEST(verdict(event) == "LINE_TOTAL_MISMATCH $.total_amount");
}

BOOST_AUTO_TEST_CASE(empty_items_have_no_sum_to_compare) {
    Event event(std::vector<RawLine>{});
    event.header.total_amount = number("500");
    BOOST_TEST(verdict(event) == "EMPTY_ITEMS $.items");
    BOOST_TEST(verdict(event, all_warnings()) == "accepted; EMPTY_ITEMS $.items");
}

BOOST_AUTO_TEST_CASE(warnings_name_the_first_breach_of_each_rule) {
    const Run run(broken_everywhere(), all_warnings());
    BOOST_TEST(run.verdict() ==
               "accepted; NEGATIVE_TOTAL $.total_amount; FUTURE_TIMESTAMP $.ts; "
               "INVALID_LINE_ITEM $.items[0].qty; LINE_TOTAL_MISMATCH $.total_amount");
    for (int i = 0; i < run.check().warning_count(); i++) {
        BOOST_TEST((run.check().warning(i).severity == Severity::warning));
        BOOST_TEST(std::string(run.check().warning(i).message).back() == '.');
    }
}

BOOST_AUTO_TEST_CASE(warnings_are_capped_at_one_per_rule) {
    RawLine bad = valid_line();
    bad.qty = string("-1");
    bad.unit_price = string("-21");
    Event event(std::vector<RawLine>(1'000, bad));
    event.header.total_amount = string("21000");
    BOOST_TEST(verdict(event, all_warnings()) ==
               "accepted; AMOUNT_ABOVE_LIMIT $.total_amount; INVALID_LINE_ITEM $.items[0].qty");
}

BOOST_AUTO_TEST_CASE(a_rejection_keeps_the_warnings_before_it) {
    Event event = with_total("20000");
    event.lines[0].qty = string("0");
    BOOST_TEST(verdict(event) == "INVALID_LINE_ITEM $.items[0].qty; AMOUNT_ABOVE_LIMIT $.total_amount");
}

BOOST_AUTO_TEST_CASE(order_of_the_critical_rules) {
    // Every rule critical; disabling the one that is found brings out the next.
    RuleSet rules = RuleSet::defaults();
    for (RuleSetting &setting : rules.settings) setting.severity = Severity::critical;
    rules[Rule::amount_above_limit].threshold = Decimal::of(-1'000);

    const std::pair<Rule, std::string> order[] = {
        {Rule::negative_total, "NEGATIVE_TOTAL $.total_amount"},
        {Rule::amount_above_limit, "AMOUNT_ABOVE_LIMIT $.total_amount"},
        {Rule::future_timestamp, "FUTURE_TIMESTAMP $.ts"},
        {Rule::invalid_line_item, "INVALID_LINE_ITEM $.items[0].qty"},
        {Rule::line_total_mismatch, "LINE_TOTAL_MISMATCH $.total_amount"},
    };
    for (const auto &[rule, finding] : order) {
        BOOST_TEST(verdict(broken_everywhere(), rules) == finding);
        rules[rule].enabled = false;
    }
    BOOST_TEST(verdict(broken_everywhere(), rules) == "accepted");

    Event empty(std::vector<RawLine>{});
    empty.header.ts = string("2024-06-01");
    BOOST_TEST(verdict(empty, rules) == "EMPTY_ITEMS $.items");
    rules[Rule::future_timestamp].enabled = true;
    BOOST_TEST(verdict(empty, rules) == "FUTURE_TIMESTAMP $.ts");
}

BOOST_AUTO_TEST_SUITE_END()
