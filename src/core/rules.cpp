#include "core/rules.hpp"

#include "core/text.hpp"

namespace scout::core {
namespace {

constexpr Decimal none{};

// In the order of the enumeration.
constexpr RuleInfo rules[rule_count] = {
    {Rule::unknown_event_type, "UNKNOWN_EVENT_TYPE", Severity::critical, false, none, "", "contract",
     "The event's type is not one that this pipeline loads."},
    {Rule::missing_field, "MISSING_FIELD", Severity::critical, false, none, "", "contract",
     "A required field is absent, null or blank."},
    {Rule::invalid_type, "INVALID_TYPE", Severity::critical, false, none, "", "contract",
     "A field holds a value of the wrong type, or text that is not a number where one is needed."},
    {Rule::invalid_timestamp, "INVALID_TIMESTAMP", Severity::critical, false, none, "", "contract",
     "The timestamp is not an ISO 8601 date and time."},
    {Rule::out_of_range, "OUT_OF_RANGE", Severity::critical, false, none, "", "contract",
     "A number or an id is beyond what the columns hold."},
    {Rule::negative_total, "NEGATIVE_TOTAL", Severity::critical, true, Decimal::of(0), "amount", "amounts",
     "The total is less than the threshold."},
    {Rule::empty_items, "EMPTY_ITEMS", Severity::critical, false, none, "", "lines",
     "The transaction has no line items."},
    {Rule::invalid_line_item, "INVALID_LINE_ITEM", Severity::critical, false, none, "", "lines",
     "A line item has a quantity that is not positive, or a negative unit price."},
    {Rule::line_total_mismatch, "LINE_TOTAL_MISMATCH", Severity::critical, true, Decimal::of(1), "percent",
     "lines", "The line amounts differ from the total by more than the threshold and by more than 0.50."},
    {Rule::amount_above_limit, "AMOUNT_ABOVE_LIMIT", Severity::warning, true, Decimal::of(10'000), "amount",
     "amounts", "The total is greater than the threshold."},
    {Rule::future_timestamp, "FUTURE_TIMESTAMP", Severity::warning, true, Decimal::of(24), "hours", "time",
     "The timestamp is later than the time of receipt by more than the threshold."},
};

constexpr bool in_enumeration_order() {
    for (int i = 0; i < rule_count; i++)
        if (static_cast<int>(rules[i].rule) != i) return false;
    return true;
}

static_assert(in_enumeration_order());

}  // namespace

const RuleInfo &rule_info(Rule rule) {
    return rules[static_cast<int>(rule)];
}

const RuleInfo *find_rule(std::string_view code) {
    for (const RuleInfo &info : rules)
        if (equal_folded(info.code, code)) return &info;
    return nullptr;
}

RuleSet RuleSet::defaults() {
    RuleSet set;
    for (const RuleInfo &info : rules)
        set[info.rule] = RuleSetting{true, info.default_severity, info.default_threshold};
    return set;
}

}  // namespace scout::core
