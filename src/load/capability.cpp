#include "extension/capability.hpp"

#include "load/circuit_breaker.hpp"
#include "load/jobs.hpp"
#include "load/load.hpp"
#include "load/settings.hpp"

namespace scout::load {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"backlog", Tier::reader},
                                             {"etl_performance", Tier::reader},
                                             {"pipeline_throughput", Tier::reader},
                                             {"ingest_latency", Tier::reader},
                                             {"load_silver_from_bronze", Tier::operator_},
                                             {"load_backlog", Tier::operator_}};

constexpr extension::Function helpers[] = {{"pipeline_throughput", Tier::reader},
                                           {"ingest_latency", Tier::reader}};

constexpr extension::Relation views[] = {{"v_etl_performance", Tier::reader},
                                         {"v_pipeline_throughput", Tier::reader},
                                         {"v_ingest_latency", Tier::reader}};

constexpr extension::Relation state[] = {{"circuit_breaker_counts", Tier::nobody}};

constexpr extension::Relation tables[] = {{"silver_transactions", Tier::reader},
                                          {"silver_line_items", Tier::reader},
                                          {"dim_store", Tier::reader},
                                          {"dim_product", Tier::reader}};

constexpr const jobs::Kind *kinds[] = {&backlog_kind};

const char *cron_statement(int load_workers) {
    return psprintf("SELECT scout.load_backlog(workers => %d, wait => false, skip_if_running => true)",
                    load_workers);
}

constexpr extension::Schedule schedules[] = {{"load", "load_backlog", "{\"batch_size\": 2000}",
                                              &load_interval, loadable_events_wait, cron_statement,
                                              "load_interval"}};

constexpr extension::AlertSource alert_sources[] = {{"circuit_breaker", nullptr}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "load";
    c.settings = define_settings;
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    c.tables = tables;
    c.kinds = kinds;
    c.schedules = schedules;
    c.alert_sources = alert_sources;
    c.load_event = load_event;
    c.pause_lifted = pause_lifted;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::load
