// The built-in validation rules: their names are the error codes of the dead-letter queue.
#pragma once

#include "core/decimal.hpp"

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
    negative_total,       // total_amount < threshold (0)
    empty_items,          // items is []
    invalid_line_item,    // qty <= 0, negative unit_price
    line_total_mismatch,  // |sum(line_amount) - total| beyond threshold (1) percent and 0.50
    amount_above_limit,   // total_amount > threshold (10,000): warning
    future_timestamp,     // ts later than received + threshold (24) hours: warning
};
constexpr int rule_count = 11;
constexpr Rule first_tunable_rule = Rule::negative_total;

struct RuleInfo {
    Rule rule;
    std::string_view code;  // "NEGATIVE_TOTAL"
    Severity default_severity;
    bool has_threshold;
    Decimal default_threshold;
    std::string_view threshold_unit;  // "amount", "percent", "hours" or ""
    std::string_view category;        // "contract", "amounts", "lines", "time"
    std::string_view description;     // one sentence for operators
};

const RuleInfo &rule_info(Rule rule);
const RuleInfo *find_rule(std::string_view code);  // case-insensitive; nullptr if unknown

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
