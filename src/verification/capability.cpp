#include "extension/capability.hpp"

namespace scout::verification {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"verify_recovery", Tier::reader},
                                             {"accept_gate", Tier::operator_},
                                             {"smoke_test", Tier::operator_},
                                             {"set_verification_threshold", Tier::admin}};

constexpr extension::Function helpers[] = {
    {"smoke_test_event", Tier::operator_}, {"library_preloaded", Tier::reader},
    {"verification_checks", Tier::reader}, {"verification_check", Tier::reader},
    {"verification_value", Tier::reader},  {"cron_loads", Tier::reader},
    {"health_alerts", Tier::reader}};

constexpr extension::Relation state[] = {{"verification_thresholds", Tier::reader}};

constexpr extension::AlertSource alert_sources[] = {{"health", "health_alerts"}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "verification";
    c.functions = functions;
    c.helpers = helpers;
    c.state = state;
    c.alert_sources = alert_sources;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::verification
