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

std::string filled(std::string_view text, const SilverTerms &terms) {
    std::string out;
    fill_in(text, terms, [&](std::string_view piece) { out += piece; });
    return out;
}

bool names(std::string_view text, std::string_view placeholder) {
    return text.find(placeholder) != std::string_view::npos;
}

Decimal amount(std::string_view text) {
    Decimal out;
    BOOST_REQUIRE((parse_decimal(text, out) == ParseStatus::ok));
    return out;
}

bool broken(Rule rule, const Facts &facts, std::string_view threshold = "0") {
    return rule_info(rule).broken(facts, amount(threshold));
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

BOOST_AUTO_TEST_CASE(what_can_be_tuned_is_asked_of_events_and_of_silver) {
    std::set<std::string_view> quality_rules, report_checks;
    int asked = 0;
    for (int i = 0; i < rule_count; i++) {
        const RuleInfo &info = rule_info(rule_at(i));
        const SilverCheck &silver = info.silver;
        const bool tunable = info.rule >= first_tunable_rule;
        BOOST_TEST_CONTEXT(info.code) {
            BOOST_TEST((info.broken != nullptr) == tunable);
            BOOST_TEST((silver.rows != SilverCheck::Rows::none) == tunable);
            BOOST_TEST(silver.condition.empty() == !tunable);
            BOOST_TEST((info.has_threshold || info.threshold_sign == Sign::not_negative));
            if (!tunable) continue;
            asked++;
            BOOST_TEST(names(silver.condition, "{threshold}") == info.has_threshold);
            BOOST_TEST(names(silver.report_details, "{threshold}") == info.has_threshold);
            BOOST_TEST(!silver.report_check.empty());
            BOOST_TEST(quality_rules.insert(silver.quality_rule).second);
            BOOST_TEST(report_checks.insert(silver.report_check).second);
            // Nothing is left to fill in, and a line has neither a time of receipt nor a sum.
            const bool line = silver.rows == SilverCheck::Rows::lines;
            const std::string all =
                filled(silver.condition, {"7", line ? "" : "t.received", line ? "" : "t.line_sum"});
            BOOST_TEST(all.find_first_of("{}") == std::string::npos);
            BOOST_TEST(
                !(line && (names(silver.condition, "{received}") || names(silver.condition, "{line_sum}"))));
            const std::string without = filled(silver.condition, {"{threshold}", "{received}", "{line_sum}"});
            BOOST_TEST(without == silver.condition);  // no other placeholder
        }
    }
    BOOST_TEST(asked == silver_check_count);
}

BOOST_AUTO_TEST_CASE(placeholders_are_filled_in) {
    const SilverTerms terms{"5.5", "b.at", "sum(x)"};
    BOOST_TEST(filled("", terms) == "");
    BOOST_TEST(filled("t.item_count <= 0", terms) == "t.item_count <= 0");
    BOOST_TEST(filled("{threshold}", terms) == "5.5");
    BOOST_TEST(filled("a{threshold}{received} {line_sum}z{threshold}", terms) == "a5.5b.at sum(x)z5.5");
    BOOST_TEST(filled("a {unknown} b", terms) == "a  b");
    BOOST_TEST(filled("a {threshold", terms) == "a ");
    BOOST_TEST(filled("a} b", terms) == "a} b");
    BOOST_TEST(filled("{threshold}", {"{received}", "x", "y"}) == "{received}");  // filled in once
}

BOOST_AUTO_TEST_CASE(conditions_at_their_borders) {
    Facts facts;
    facts.total_amount = amount("-7.25");
    BOOST_TEST(!broken(Rule::negative_total, facts, "-7.25"));
    BOOST_TEST(broken(Rule::negative_total, facts, "-7.2499"));
    BOOST_TEST(!broken(Rule::amount_above_limit, facts, "-7.25"));
    BOOST_TEST(broken(Rule::amount_above_limit, facts, "-7.2501"));

    BOOST_TEST(broken(Rule::empty_items, facts));
    facts.item_count = 1;
    BOOST_TEST(!broken(Rule::empty_items, facts));

    BOOST_TEST(broken(Rule::invalid_line_item, facts));
    facts.quantity = amount("0.0001");
    BOOST_TEST(!broken(Rule::invalid_line_item, facts));
    facts.unit_price = amount("-0.0001");
    BOOST_TEST(broken(Rule::invalid_line_item, facts));

    facts.total_amount = amount("1000000000.0001");
    facts.line_sum = amount("1000");
    BOOST_TEST(!broken(Rule::line_total_mismatch, facts, "99.9999"));  // no line: nothing to compare with
    facts.lines = 1;
    BOOST_TEST(broken(Rule::line_total_mismatch, facts, "99.9999"));
    facts.line_sum = amount("1000.0001");
    BOOST_TEST(!broken(Rule::line_total_mismatch, facts, "99.9999"));

    facts.received = 100;
    facts.ts = 100 + 360'000;
    BOOST_TEST(!broken(Rule::future_timestamp, facts, "0.0001"));
    facts.ts++;
    BOOST_TEST(broken(Rule::future_timestamp, facts, "0.0001"));
    BOOST_TEST(!broken(Rule::future_timestamp, facts, "99999999999999.9999"));
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
