// The rules of the event contract that are in force.
#pragma once

#include "core/rules.hpp"

namespace scout::extension {

// Defaults with the overrides of set_rule(). Needs a Session.
core::RuleSet current_rules();

}  // namespace scout::extension
