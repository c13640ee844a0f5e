// The rules of the event contract that are in force, and what they look for in silver.
#pragma once

#include "core/rules.hpp"

namespace scout::extension {

// Defaults with the overrides of set_rule(). Needs a Session.
core::RuleSet current_rules();

// `text` of a rule's SilverCheck with the threshold in force, and the terms given for the rest.
const char *filled(std::string_view text, const core::RuleSetting &setting, core::SilverTerms terms = {});

// True of a row `t` of silver_transactions, or of silver_line_items, that breaks the rule. What else it needs
// is fetched by the row's key, but for the time of receipt where the caller has it at hand.
const char *silver_condition(const core::RuleInfo &info, const core::RuleSet &rules,
                             std::string_view received = {});

}  // namespace scout::extension
