#include "extension/capability.hpp"

#include "gold/jobs.hpp"
#include "gold/settings.hpp"

namespace scout::gold {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {
    {"gold_freshness", Tier::reader},
    {"dependency_chain", Tier::reader},
    {"refresh_gold_platinum", Tier::operator_},
    {"maybe_refresh_gold", Tier::operator_},
    {"register_gold", Tier::admin},
    {"unregister_gold", Tier::admin},
};

constexpr extension::Function helpers[] = {
    {"gold_history", Tier::reader},      {"gold_changes", Tier::reader}, {"gold_findings", Tier::reader},
    {"runs_unseen", Tier::reader},       {"gold_views", Tier::reader},   {"commands_server", Tier::reader},
    {"gold_reads", Tier::reader},        {"gold_marks", Tier::reader},   {"statistics_epoch", Tier::reader},
    {"writes_unreported", Tier::reader}, {"feeds", Tier::reader},        {"gold_alerts", Tier::reader},
    {"checked_gold", Tier::admin},
};

constexpr extension::Relation views[] = {{"v_gold_freshness", Tier::reader},
                                         {"gold_refreshes", Tier::reader}};

constexpr extension::Relation state[] = {{"registered_gold", Tier::reader},
                                         {"gold_baselines", Tier::reader},
                                         {"gold_sources", Tier::reader},
                                         {"gold_refreshes", Tier::reader}};

constexpr extension::Relation tables[] = {{"gold_daily_metrics", Tier::reader},
                                          {"gold_region_choropleth", Tier::reader}};

constexpr const jobs::Kind *kinds[] = {&refresh_kind};

const char *cron_statement(int) {
    return "SELECT scout.maybe_refresh_gold()";
}

constexpr extension::Schedule schedules[] = {{"refresh", "refresh_gold_platinum", "{}", &refresh_interval,
                                              anything_to_refresh, cron_statement, "refresh_interval"}};

// The newest refreshes of each view stay: freshness is read from them.
constexpr extension::History histories[] = {
    {"gold_refreshes", "refresh_id", "finished_at",
     " AND EXISTS (SELECT FROM scout_internal.gold_refreshes n"
     "  WHERE n.view_schema = x.view_schema AND n.view_name = x.view_name AND n.refresh_id > x.refresh_id"
     "  AND (n.status = 'refreshed' OR x.status <> 'refreshed'))"}};

constexpr extension::AlertSource alert_sources[] = {{"gold", "gold_alerts"}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "gold";
    c.settings = define_settings;
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    c.tables = tables;
    c.kinds = kinds;
    c.schedules = schedules;
    c.histories = histories;
    c.alert_sources = alert_sources;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::gold
