#include "extension/capability.hpp"

namespace scout::sessions {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"locks", Tier::reader},
                                             {"clear_stuck_locks", Tier::operator_},
                                             {"emergency_reset", Tier::operator_},
                                             {"protect_sessions", Tier::admin},
                                             {"unprotect_sessions", Tier::admin}};

constexpr extension::Relation views[] = {{"protected_sessions", Tier::reader}};

constexpr extension::Relation state[] = {{"protected_sessions", Tier::reader}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "sessions";
    c.functions = functions;
    c.views = views;
    c.state = state;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::sessions
