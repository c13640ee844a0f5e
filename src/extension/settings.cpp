#include "extension/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::extension {

int duplicate_winner = winner_lowest;
int external_pause_ttl = 3600;
int write_path = write_auto;
int max_workers = 4;
int history_retention = 90 * 86400;
int progress_interval = 1;
int load_interval = 0, refresh_interval = 0;
int supervisor_naptime = 5;
bool circuit_breaker = true;
int circuit_breaker_threshold = 50, circuit_breaker_minimum = 200;
int keep_firing_for = 300, alert_interval = 60;

namespace {

const config_enum_entry winner_options[] = {
    {"lowest", winner_lowest, false}, {"highest", winner_highest, false}, {nullptr, 0, false}};
const config_enum_entry path_options[] = {{"auto", write_auto, false},
                                          {"native", write_native, false},
                                          {"general", write_general, false},
                                          {nullptr, 0, false}};

}  // namespace

void define_settings() {
    DefineCustomEnumVariable(
        "scout_ir.duplicate_winner", "Which of several valid events of one transaction_id stays in silver.",
        "Set it for the whole database: sessions that disagree displace each other's rows.",
        &duplicate_winner, winner_lowest, winner_options, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "scout_ir.external_pause_ttl", "Expiry of a pause requested through REST without expires_after.",
        nullptr, &external_pause_ttl, 3600, 1, 30 * 86400, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable(
        "scout_ir.write_path", "How new silver rows are written: by the page, as COPY does, or by INSERT.",
        "auto takes native where the tables allow it; native fails where they do not; both write the same "
        "rows.",
        &write_path, write_auto, path_options, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "scout_ir.max_workers", "How many workers of jobs may run at a time in a database.",
        "Further jobs stay queued. The server's max_worker_processes is the limit of all databases together.",
        &max_workers, 4, 0, 1000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "scout_ir.history_retention", "How long ended jobs, runs and the timeline are kept.", "0 keeps them.",
        &history_retention, 90 * 86400, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.load_interval",
                            "How often the supervisor drains the backlog of this database.",
                            "0 turns it off. Needs shared_preload_libraries = 'scout_ir'.", &load_interval, 0,
                            0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.refresh_interval",
                            "How often the supervisor refreshes gold of this database.",
                            "0 turns it off. Needs shared_preload_libraries = 'scout_ir'.", &refresh_interval,
                            0, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.alert_interval",
                            "How often the supervisor looks for alerts in this database.",
                            "0 turns it off. Needs shared_preload_libraries = 'scout_ir'.", &alert_interval,
                            60, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.keep_firing_for",
                            "How long an alert stays open after its condition was last seen.",
                            "So that a condition that comes and goes is one alert.", &keep_firing_for, 300, 0,
                            7 * 86400, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.progress_interval",
                            "How often a call that waits for a job says how far it is.", "0 keeps it silent.",
                            &progress_interval, 1, 0, INT_MAX / 1000, PGC_USERSET, GUC_UNIT_S, nullptr,
                            nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.supervisor_naptime", "How often the supervisor looks at each database.",
                            "Needs shared_preload_libraries = 'scout_ir'.", &supervisor_naptime, 5, 1, 3600,
                            PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable("scout_ir.circuit_breaker",
                             "Whether loading of a source is paused when too many of its events fail.",
                             "Off, they all become dead letters.", &circuit_breaker, true, PGC_SUSET, 0,
                             nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.circuit_breaker_threshold",
                            "More failed events of a source than this percentage open its circuit breaker.",
                            "At 100 it opens where all fail.", &circuit_breaker_threshold, 50, 1, 100,
                            PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.circuit_breaker_minimum",
                            "How many events of a source have to be seen before it is judged.",
                            "In one batch, or in several batches in a row.", &circuit_breaker_minimum, 200, 1,
                            1'000'000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("scout_ir");
}

}  // namespace scout::extension
