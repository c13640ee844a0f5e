#include "core/rules.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

using namespace scout::core;
using namespace std::string_view_literals;

namespace {

Rule rule_at(int i) {
    return static_cast<Rule>(i);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rules_suite)

BOOST_AUTO_TEST_CASE(every_rule_describes_itself) {
    const std::set<std::string_view> categories{"contract", "amounts", "lines", "time"};
    std::set<std::string_view> codes;
    for (int i = 0; i < rule_count; i++) {
        const RuleInfo &info = rule_info(rule_at(i));
        BOOST_TEST_CONTEXT(info.code) {
            BOOST_TEST((info.rule == rule_at(i)));
            BOOST_TEST(codes.insert(info.code).second);
            BOOST_TEST(categories.count(info.category) == 1);
            BOOST_TEST(info.code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string_view::npos);
            BOOST_TEST(!info.description.empty());
            BOOST_TEST(info.description.back() == '.');
            BOOST_TEST(info.threshold_unit.empty() == !info.has_threshold);
            BOOST_TEST((info.has_threshold || info.default_threshold == Decimal{}));
            BOOST_TEST(find_rule(info.code) == &info);
        }
    }
}

BOOST_AUTO_TEST_CASE(codes_are_the_names_of_the_rules) {
    BOOST_TEST(rule_info(Rule::unknown_event_type).code == "UNKNOWN_EVENT_TYPE");
    BOOST_TEST(rule_info(Rule::missing_field).code == "MISSING_FIELD");
    BOOST_TEST(rule_info(Rule::invalid_type).code == "INVALID_TYPE");
    BOOST_TEST(rule_info(Rule::invalid_timestamp).code == "INVALID_TIMESTAMP");
    BOOST_TEST(rule_info(Rule::out_of_range).code == "OUT_OF_RANGE");
    BOOST_TEST(rule_info(Rule::negative_total).code == "NEGATIVE_TOTAL");
    BOOST_TEST(rule_info(Rule::empty_items).code == "EMPTY_ITEMS");
    BOOST_TEST(rule_info(Rule::invalid_line_item).code == "INVALID_LINE_ITEM");
    BOOST_TEST(rule_info(Rule::line_total_mismatch).code == "LINE_TOTAL_MISMATCH");
    BOOST_TEST(rule_info(Rule::amount_above_limit).code == "AMOUNT_ABOVE_LIMIT");
    BOOST_TEST(rule_info(Rule::future_timestamp).code == "FUTURE_TIMESTAMP");
}

BOOST_AUTO_TEST_CASE(structural_rules_are_critical_without_threshold) {
    for (int i = 0; i < static_cast<int>(first_tunable_rule); i++) {
        const RuleInfo &info = rule_info(rule_at(i));
        BOOST_TEST((info.default_severity == Severity::critical));
        BOOST_TEST(!info.has_threshold);
        BOOST_TEST(info.category == "contract");
    }
}

BOOST_AUTO_TEST_CASE(rules_are_found_in_any_case) {
    BOOST_TEST(find_rule("negative_total") == &rule_info(Rule::negative_total));
    BOOST_TEST(find_rule("Future_Timestamp") == &rule_info(Rule::future_timestamp));
}

BOOST_AUTO_TEST_CASE(unknown_codes_are_not_found) {
    for (std::string_view code : {""sv, " "sv, "NEGATIVE"sv, "NEGATIVE_TOTAL "sv, "NEGATIVE_TOTALS"sv,
                                  "NEGATIVE-TOTAL"sv, "NEGATIVE_TOTAL\0"sv, "0"sv})
        BOOST_TEST_CONTEXT(code) BOOST_TEST(find_rule(code) == nullptr);
}

BOOST_AUTO_TEST_CASE(defaults) {
    const RuleSet rules = RuleSet::defaults();
    const auto check = [&](Rule rule, Severity severity, int64_t threshold) {
        BOOST_TEST_CONTEXT(rule_info(rule).code) {
            BOOST_TEST(rules[rule].enabled);
            BOOST_TEST((rules[rule].severity == severity));
            BOOST_TEST((rules[rule].threshold == Decimal::of(threshold)));
        }
    };
    for (int i = 0; i < static_cast<int>(first_tunable_rule); i++) check(rule_at(i), Severity::critical, 0);
    check(Rule::negative_total, Severity::critical, 0);
    check(Rule::empty_items, Severity::critical, 0);
    check(Rule::invalid_line_item, Severity::critical, 0);
    check(Rule::line_total_mismatch, Severity::critical, 1);
    check(Rule::amount_above_limit, Severity::warning, 10'000);
    check(Rule::future_timestamp, Severity::warning, 24);
}

BOOST_AUTO_TEST_CASE(an_override_concerns_one_set_only) {
    RuleSet rules = RuleSet::defaults();
    rules[Rule::empty_items].enabled = false;
    rules[Rule::negative_total].threshold = Decimal::of(-5);
    BOOST_TEST(!rules[Rule::empty_items].enabled);
    BOOST_TEST(rules[Rule::invalid_line_item].enabled);
    BOOST_TEST(RuleSet::defaults()[Rule::empty_items].enabled);
    BOOST_TEST((RuleSet::defaults()[Rule::negative_total].threshold == Decimal{}));
}

BOOST_AUTO_TEST_SUITE_END()
