#include "extension/capability.hpp"

#include "recovery/jobs.hpp"

namespace scout::recovery {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {
    {"dlq_summary", Tier::reader},
    {"quarantine_window", Tier::operator_},
    {"quarantine_events", Tier::operator_},
    {"quarantine_failures", Tier::operator_},
    {"clear_backlog", Tier::operator_},
    {"dlq_redrive", Tier::operator_},
    {"dlq_resolve", Tier::operator_},
    {"dlq_purge", Tier::operator_},
    {"reprocess_bronze_window", Tier::operator_},
};

constexpr extension::Function helpers[] = {{"dlq_summary", Tier::reader}};

// The runbook writes letters by hand.
constexpr extension::Relation tables[] = {{"bronze_events_dlq", Tier::reader},
                                          {"bronze_events_dlq", Tier::operator_, "INSERT"}};

constexpr const jobs::Kind *kinds[] = {&redrive_kind, &reprocess_kind};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "recovery";
    c.functions = functions;
    c.helpers = helpers;
    c.tables = tables;
    c.kinds = kinds;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::recovery
