#include "extension/capability.hpp"

#include "intake/pending.hpp"

namespace scout::intake {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {
    {"event_hash", Tier::reader}, {"ingest_event", Tier::operator_}, {"ingest_events", Tier::operator_}};

constexpr extension::Function helpers[] = {{"estimated_backlog", Tier::reader},
                                           {"remove_from_queue", Tier::operator_},
                                           {"unflushed_events", Tier::reader}};

constexpr extension::Relation tables[] = {
    {"bronze_events", Tier::reader},     {"bronze_events", Tier::operator_, "INSERT"},
    {"bronze_event_keys", Tier::reader}, {"bronze_pending", Tier::reader},
    {"bronze_deletions", Tier::reader},  {"bronze_ingestion_batches", Tier::reader}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "intake";
    c.loaded = register_pending_callbacks;
    c.functions = functions;
    c.helpers = helpers;
    c.tables = tables;
    c.keep_counts_in = keep_counts_in;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::intake
