// The built-in validation rules: their names are the error codes of the dead-letter queue.
//
// Each rule is defined once, in one row of the table in rules.cpp, with its condition in both languages that
// it is asked in: C++ for the contract, which sees an event before it is in silver, and SQL for quarantine,
// the quality report and the shipped quality rules, which see silver rows. Both are exact, so that a row
// breaks a rule just where its event did.
#pragma once

#include "core/decimal.hpp"
#include "core/timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scout::core {

enum class Severity : uint8_t { critical, warning };  // critical dead-letters, warning loads and alerts

// The first group says that an event cannot be read; these are always on and always critical.
// The rest can be tuned by an admin.
enum class Rule : uint8_t {
    unknown_event_type,
    missing_field,
    invalid_type,
    invalid_timestamp,
    out_of_range,  // a number, id or date beyond what the columns hold
    // tunable from here
    negative_total,
    empty_items,
    invalid_line_item,
    line_total_mismatch,
    amount_above_limit,
    future_timestamp,
};
constexpr int rule_count = 11;
constexpr Rule first_tunable_rule = Rule::negative_total;

// What the tunable rules look at in an event that can be read.
struct Facts {
    Decimal total_amount;
    int32_t item_count = 0;
    Timestamp ts = 0, received = 0;
    Decimal quantity, unit_price;  // of the line at hand
    int32_t lines = 0;             // those seen so far, and their sum
    Decimal line_sum;
};

// The same question to silver. The condition is true of a row t that breaks the rule. Its placeholders are
// {threshold}, and what a row of transactions does not hold itself: {received}, when the event was ingested,
// and {line_sum}, the sum of its line amounts, NULL without lines.
struct SilverCheck {
    enum class Rows : uint8_t { none, transactions, lines };
    Rows rows = Rows::none;
    std::string_view condition;
    std::string_view quality_rule;  // name of the shipped quality rule
    int report_place = 0;           // in data_quality_report(), from 1
    std::string_view report_check, report_details;
};
constexpr int silver_check_count = 6;

enum class Sign : uint8_t { any, not_negative };

struct RuleInfo {
    Rule rule;
    std::string_view code;  // "NEGATIVE_TOTAL"
    Severity default_severity;
    bool has_threshold;
    Decimal default_threshold;
    Sign threshold_sign;
    std::string_view threshold_unit;                        // "amount", "percent", "hours" or ""
    std::string_view category;                              // "contract", "amounts", "lines", "time"
    std::string_view description;                           // one sentence for operators
    bool (*broken)(const Facts &facts, Decimal threshold);  // nullptr: the event cannot be read
    SilverCheck silver;
};

const RuleInfo &rule_info(Rule rule);
const RuleInfo *find_rule(std::string_view code);  // case-insensitive; nullptr if unknown

// SQL for the placeholders of a SilverCheck.
struct SilverTerms {
    std::string_view threshold, received, line_sum;

    constexpr std::string_view of(std::string_view placeholder) const {
        if (placeholder == "{threshold}") return threshold;
        if (placeholder == "{received}") return received;
        return placeholder == "{line_sum}" ? line_sum : std::string_view{};
    }
};

// Hands out `text` piece by piece, with the terms in the place of its placeholders.
template <typename Append>
constexpr void fill_in(std::string_view text, const SilverTerms &terms, Append append) {
    while (!text.empty()) {
        const size_t open = text.find('{');
        append(text.substr(0, open));
        if (open == std::string_view::npos) return;
        text.remove_prefix(open);
        const size_t close = text.find('}');
        append(terms.of(text.substr(0, close == std::string_view::npos ? close : close + 1)));
        text.remove_prefix(close == std::string_view::npos ? text.size() : close + 1);
    }
}

struct RuleSetting {
    bool enabled = true;
    Severity severity = Severity::critical;
    Decimal threshold;
};

// What is in force for a batch: the defaults, with an admin's overrides applied by the caller.
struct RuleSet {
    RuleSetting settings[rule_count];

    static RuleSet defaults();
    const RuleSetting &operator[](Rule rule) const { return settings[static_cast<int>(rule)]; }
    RuleSetting &operator[](Rule rule) { return settings[static_cast<int>(rule)]; }
};

}  // namespace scout::core
