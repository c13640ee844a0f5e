#include "extension/capability.hpp"

namespace scout::freshness {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"ingest_freshness", Tier::reader},
                                             {"freshness", Tier::reader},
                                             {"volume", Tier::reader},
                                             {"register_dataset", Tier::admin},
                                             {"unregister_dataset", Tier::admin}};

constexpr extension::Function helpers[] = {
    {"freshness_limits", Tier::reader}, {"ingest_freshness", Tier::reader},
    {"oldest_pending", Tier::reader},   {"dataset_list", Tier::reader},
    {"dataset_looks", Tier::reader},    {"dataset_counts", Tier::reader},
    {"open_time", Tier::reader},        {"look_milliseconds", Tier::reader},
    {"freshness_alerts", Tier::reader}, {"volume_alerts", Tier::reader},
    {"checked_dataset", Tier::admin},
};

constexpr extension::Relation views[] = {{"v_ingest_freshness", Tier::reader}, {"datasets", Tier::reader}};

constexpr extension::Relation state[] = {{"registered_datasets", Tier::reader}};

// Volume is of the last full hour.
constexpr extension::AlertSource alert_sources[] = {{"freshness", "freshness_alerts"},
                                                    {"volume", "volume_alerts", true}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "freshness";
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    c.alert_sources = alert_sources;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::freshness
