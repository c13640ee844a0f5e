// A capability of another library: everything that the registry knows, once. It is one like those of
// src/extension/capabilities.cpp, and its rooms are this file and trial_capability.sql.
//
// Preloaded beside scout_ir it is there from the start, for the supervisor and for workers; otherwise
// scout_ir_test.add_trial() adds it to a session. test/pgtap/extension_registry.sql and
// test/tap/extension_registry.pl look at what scout_ir makes of it.
#include "extension/capability.hpp"
#include "jobs/kind.hpp"
#include "pg/wrapper.hpp"

extern "C" {
PGDLLEXPORT void _PG_init(void);
}

namespace {

using namespace scout;
using extension::Tier;

int trial_interval = 0;

void define_settings() {
    DefineCustomIntVariable("scout_ir_test.trial_interval", "How often the supervisor asks for a trial.",
                            nullptr, &trial_interval, 0, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr,
                            nullptr);
}

void look(pg::Array<extension::Done> &done) {
    if (trial_interval > 0) done.push({"trial_look", "looked", 0});
}

int64 freeze(const jobs::Job &) {
    return 1;
}

// A worker's process has one job.
jobs::Turn turn(const jobs::Job &job, jobs::Progress &progress) {
    static int64 tried = 0;
    if (tried == job.id) return jobs::Turn::nothing_left;
    tried = job.id;
    progress.done = 1;
    ereport(LOG, errmsg("trial job %lld was here", static_cast<long long>(job.id)));
    return jobs::Turn::worked;
}

constexpr jobs::Kind kind{"trial", "trials", freeze, turn, nullptr};
constexpr const jobs::Kind *kinds[] = {&kind};

char last_lifted[200];

void lifted(const char *source, const char *holder) {
    snprintf(last_lifted, sizeof last_lifted, "%s by %s", source == nullptr ? "everything" : source, holder);
}

constexpr extension::Function functions[] = {
    {"trial_look", Tier::reader}, {"trial_act", Tier::operator_}, {"trial_set", Tier::admin}};
constexpr extension::Function helpers[] = {{"trial_alerts", Tier::reader}, {"trial_helper", Tier::nobody}};
constexpr extension::Relation views[] = {{"v_trial", Tier::reader}, {"v_trial", Tier::admin, "UPDATE"}};
constexpr extension::Relation state[] = {{"trial_log", Tier::operator_}, {"trial_secrets", Tier::nobody}};
constexpr extension::Relation tables[] = {{"trial_events", Tier::reader}};
constexpr extension::Task tasks[] = {{"trial_look", look}};
constexpr extension::Schedule schedules[] = {
    {"trial", "trial", "{\"what\": \"all\"}", &trial_interval, nullptr}};
constexpr extension::History histories[] = {{"trial_log", "log_id", "at", " AND NOT x.keep"},
                                            {"trial_log", "log_id", "at", " AND x.routine", 60}};
constexpr extension::AlertSource alert_sources[] = {{"trial", "trial_alerts"}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "trial";
    c.settings = define_settings;
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    c.tables = tables;
    c.kinds = kinds;
    c.tasks = tasks;
    c.schedules = schedules;
    c.histories = histories;
    c.alert_sources = alert_sources;
    c.pause_lifted = lifted;
    return c;
}

constexpr extension::Capability capability = describe();

void add(size_t size) {
    using Register = void (*)(const extension::Capability *, size_t);
    auto *add = reinterpret_cast<Register>(
        load_external_function("$libdir/scout_ir", "scout_register_capability", true, nullptr));
    add(&capability, size);
}

}  // namespace

void _PG_init(void) {
    if (process_shared_preload_libraries_in_progress) add(sizeof capability);
}

SCOUT_FUNCTION(scout_test_add_trial, 1) {
    add(PG_ARGISNULL(0) ? sizeof capability : static_cast<size_t>(PG_GETARG_INT32(0)));
    PG_RETURN_VOID();
}

// What the capability was told last of a pause that was lifted.
SCOUT_FUNCTION(scout_test_last_lifted, 0) {
    PG_RETURN_TEXT_P(cstring_to_text(last_lifted));
}
