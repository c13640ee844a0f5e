#include "core/rules.hpp"

#include "core/text.hpp"

namespace scout::core {
namespace {

using Rows = SilverCheck::Rows;

// Sums of lines that were rounded one by one may always differ by this much.
constexpr Decimal line_total_tolerance{Decimal::one / 2};

// A Decimal counts hours in units of 10^-4, which is a whole number of microseconds.
constexpr int64_t usecs_per_hour_unit = 3'600 * usecs_per_second / Decimal::one;

// An event that breaks such a rule cannot be read: there are neither facts nor silver rows.
constexpr RuleInfo unreadable(Rule rule, std::string_view code, std::string_view description) {
    return {rule, code,       Severity::critical, false,   {}, Sign::not_negative,
            "",   "contract", description,        nullptr, {}};
}

// In the order of the enumeration. The SQL is numeric throughout: neither an interval nor a timestamp could
// hold every threshold, and a quotient would be rounded.
//
// Formatted by hand, so that the two conditions of a rule stand one below the other.
// clang-format off
constexpr RuleInfo rules[rule_count] = {
    unreadable(Rule::unknown_event_type, "UNKNOWN_EVENT_TYPE",
               "The event's type is not one that this pipeline loads."),
    unreadable(Rule::missing_field, "MISSING_FIELD", "A required field is absent, null or blank."),
    unreadable(Rule::invalid_type, "INVALID_TYPE",
               "A field holds a value of the wrong type, or text that is not a number where one is needed."),
    unreadable(Rule::invalid_timestamp, "INVALID_TIMESTAMP",
               "The timestamp is not an ISO 8601 date and time."),
    unreadable(Rule::out_of_range, "OUT_OF_RANGE", "A number or an id is beyond what the columns hold."),

    {Rule::negative_total, "NEGATIVE_TOTAL", Severity::critical, true, Decimal::of(0), Sign::any, "amount",
     "amounts", "The total is less than the threshold.",
     [](const Facts &f, Decimal threshold) { return f.total_amount < threshold; },
     {Rows::transactions, "t.total_amount < {threshold}", "negative_total",
      1, "negative_totals", "total below {threshold}"}},

    {Rule::empty_items, "EMPTY_ITEMS", Severity::critical, false, Decimal{}, Sign::not_negative, "", "lines",
     "The transaction has no line items.",
     [](const Facts &f, Decimal) { return f.item_count <= 0; },
     {Rows::transactions, "t.item_count <= 0", "empty_items",
      5, "empty_transactions", "item_count is not positive"}},

    {Rule::invalid_line_item, "INVALID_LINE_ITEM", Severity::critical, false, Decimal{}, Sign::not_negative, "",
     "lines", "A line item has a quantity that is not positive, or a negative unit price.",
     [](const Facts &f, Decimal) { return f.quantity.units <= 0 || f.unit_price.units < 0; },
     {Rows::lines, "t.quantity <= 0 OR t.unit_price < 0", "invalid_line_item",
      4, "invalid_line_items", "line items with a quantity that is not positive or a negative price"}},

    {Rule::line_total_mismatch, "LINE_TOTAL_MISMATCH", Severity::critical, true, Decimal::of(1),
     Sign::not_negative, "percent", "lines",
     "The line amounts differ from the total by more than the threshold and by more than 0.50.",
     [](const Facts &f, Decimal threshold) {
         return f.lines > 0 && differs_beyond(f.line_sum, f.total_amount, threshold, line_total_tolerance);
     },
     {Rows::transactions,
      "abs({line_sum} - t.total_amount) > 0.50 AND"
      " abs({line_sum} - t.total_amount) * 100 > {threshold} * abs(t.total_amount)",
      "line_total_mismatch",
      3, "line_total_mismatch", "sum of lines differs from the total by more than {threshold}% and 0.50"}},

    {Rule::amount_above_limit, "AMOUNT_ABOVE_LIMIT", Severity::warning, true, Decimal::of(10'000),
     Sign::not_negative, "amount", "amounts", "The total is greater than the threshold.",
     [](const Facts &f, Decimal threshold) { return f.total_amount > threshold; },
     {Rows::transactions, "t.total_amount > {threshold}", "impossible_amount",
      2, "amounts_above_limit", "total above {threshold}"}},

    // In 128 bits, because any threshold is allowed. In SQL the first comparison spares nearly all rows the
    // arithmetic: the threshold is not negative.
    {Rule::future_timestamp, "FUTURE_TIMESTAMP", Severity::warning, true, Decimal::of(24), Sign::not_negative,
     "hours", "time", "The timestamp is later than the time of receipt by more than the threshold.",
     [](const Facts &f, Decimal threshold) {
         return static_cast<int128>(f.ts) - f.received > threshold.units * usecs_per_hour_unit;
     },
     {Rows::transactions,
      "t.ts > {received} AND extract(epoch FROM t.ts) - extract(epoch FROM {received}) > 3600.0 * {threshold}",
      "future_timestamp",
      6, "future_timestamps", "later than their receipt by more than {threshold} hours"}},
};
// clang-format on

constexpr bool in_enumeration_order() {
    for (int i = 0; i < rule_count; i++)
        if (static_cast<int>(rules[i].rule) != i) return false;
    return true;
}

static_assert(in_enumeration_order());

// data_quality_report() numbers its checks of rules from 1 without a gap.
constexpr bool each_place_once() {
    for (int place = 1; place <= silver_check_count; place++) {
        int found = 0;
        for (const RuleInfo &info : rules) found += info.silver.report_place == place;
        if (found != 1) return false;
    }
    return true;
}

static_assert(each_place_once());

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
