#include "extension/capability.hpp"

namespace scout::audit {

namespace {

using extension::Tier;

constexpr extension::Relation views[] = {{"timeline", Tier::reader}, {"etl_runs", Tier::reader}};
constexpr extension::Relation state[] = {{"timeline", Tier::reader}, {"etl_runs", Tier::reader}};

// The newest run that changed silver stays: freshness is read from it.
constexpr extension::History histories[] = {
    {"etl_runs", "run_id", "finished_at",
     " AND x.run_id IS DISTINCT FROM (SELECT r.run_id FROM scout_internal.etl_runs r"
     "  WHERE r.changed_silver ORDER BY r.finished_at DESC LIMIT 1)"},
    {"timeline", "entry_id", "at"}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "audit";
    c.views = views;
    c.state = state;
    c.histories = histories;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::audit
