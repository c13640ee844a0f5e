#include "extension/capability.hpp"

#include "jobs/settings.hpp"

namespace scout::jobs {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"job", Tier::reader},
                                             {"cancel_job", Tier::operator_},
                                             {"resume_job", Tier::operator_},
                                             {"wait_for_job", Tier::operator_}};

constexpr extension::Function helpers[] = {{"job_pids", Tier::reader},
                                           {"job_home", Tier::reader},
                                           {"job_list", Tier::reader},
                                           {"job_alerts", Tier::reader}};

constexpr extension::Relation views[] = {{"jobs", Tier::reader}};

constexpr extension::Relation state[] = {{"open_jobs", Tier::reader},
                                         {"job_records", Tier::reader},
                                         {"job_workers", Tier::reader},
                                         {"job_chunks", Tier::nobody}};

// What the supervisor does every few seconds is worth a day; its runs are in etl_runs.
constexpr int64 routine_seconds = 86400;

constexpr extension::History histories[] = {
    {"job_records", "job_id", "finished_at", " AND NOT (x.scheduled AND x.state = 'succeeded')"},
    {"job_records", "job_id", "finished_at", " AND x.scheduled AND x.state = 'succeeded'", routine_seconds}};

constexpr extension::AlertSource alert_sources[] = {{"job", "job_alerts"}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "jobs";
    c.settings = define_settings;
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    c.histories = histories;
    c.alert_sources = alert_sources;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::jobs
