// What a capability is to the rest of the product: one const Capability, defined in its room (capability.cpp)
// and named in capabilities.cpp, the only place that names them all. A new one is its rooms and one line
// there.
//
// Capabilities do not include each other. What one needs of another it finds here: whoever offers something
// says so in its Capability, whoever needs it calls registry.hpp and does not know who that is.
//
// All of it is constant, and plain: no constructor runs, nothing is allocated, and it lives as long as the
// process.
#pragma once

#include "pg/memory.hpp"

namespace scout::jobs {
struct Kind;  // jobs/kind.hpp
}

namespace scout::extension {

// A view of a constant array.
template <typename T>
class List {
public:
    constexpr List() = default;
    template <size_t count>
    constexpr List(const T (&items)[count]) : first_(items), count_(count) {}
    constexpr const T *begin() const { return first_; }
    constexpr const T *end() const { return first_ + count_; }
    constexpr bool empty() const { return count_ == 0; }

private:
    const T *first_ = nullptr;
    size_t count_ = 0;
};

// Who may: each tier includes the ones before.
enum class Tier : uint8 { reader, operator_, admin, nobody };

// A function, or all functions of that name.
struct Function {
    const char *name;
    Tier tier;
};

// A relation, and from which tier on it may be used. One that takes more than one privilege stands here more
// than once.
struct Relation {
    const char *name;
    Tier tier;
    const char *privilege = "SELECT";
};

// Rows of a state table that retention removes when they are older than scout_ir.history_retention.
struct History {
    const char *table;           // in scout_internal
    const char *key, *time;      // its primary key, and the column that says how old a row is
    const char *condition = "";  // further, on x: " AND NOT x.scheduled"
    int64 longest = 0;  // seconds; kept no longer than that, whatever the setting says; 0: no such limit
};

struct Done {
    const char *task, *outcome;
    int64 job;  // 0: none
};

// What the supervisor does in each of its looks at a database. Needs a Session; see supervisor/tasks.hpp.
struct Task {
    const char *name;
    void (*run)(pg::Array<Done> &done);
};

// A job that the supervisor asks for by itself, for the pipeline's owner, in a database that has a pipeline.
struct Schedule {
    const char *task;
    const char *kind, *arguments;  // of the job
    const int *interval;           // a setting, in seconds; 0: never
    bool (*has_work)();            // nullptr: always. Needs a Session

    // Where pg_cron asks instead (schedule_jobs()): the statement, by the workers that a load may have, and
    // which argument says how often. One that schedule_jobs() does not have: as often as the setting says.
    // nullptr: pg_cron does not ask for it.
    const char *(*cron_statement)(int load_workers) = nullptr;
    const char *cron_interval = "";
};

// Where alerts come from. check_alerts() calls `conditions`, a function of scout_internal without arguments
// that returns what is wrong now, with the columns of an AlertCondition but its source. nullptr: somebody
// raises the alerts and resolves them (raise_alert()), check_alerts() does neither.
struct AlertSource {
    const char *name;
    const char *conditions;
    bool hourly = false;  // it says the same all through an hour: asked once in each
};

// A thing that is wrong now. Texts name relations, rules, numbers; never what is in a user's row.
struct AlertCondition {
    std::string_view dedup_key;  // "rule:negative_total", "freshness:bronze/pos", "circuit_breaker:pos"
    std::string_view source;     // the name of an AlertSource
    std::string_view severity;   // warning, critical
    std::string_view subject;    // relation, rule, source system, job id
    std::string_view summary;    // one line
    std::string_view remedy;     // what to call
    // What inhibits it: a pause or an open circuit breaker of this source system, or of all loading.
    std::string_view source_system{};  // empty: none in particular
    bool of_pipeline = false;          // a pause of all loading inhibits it
    std::string_view
        failed_source{};  // the AlertSource that could not be looked at; its next answer ends this
};

struct Capability {
    // Of its rooms: src/<name>/, sql/<name>, test/*/<name>*, docs/reference/<name>.md.
    const char *name = nullptr;

    // At load time: defines its settings, and registers callbacks with the server.
    void (*settings)() = nullptr;
    void (*loaded)() = nullptr;

    // What a role may use. A trigger function is for everybody and stands nowhere.
    List<Function> functions{};  // of schema scout
    List<Function> helpers{};    // of schema scout_internal
    List<Relation> views{};      // of schema scout, members of the extension
    List<Relation> state{};      // of schema scout_internal, members of the extension
    List<Relation> tables{};     // of the pipeline: its owner's, in schema scout

    // What it takes part in.
    List<const jobs::Kind *> kinds{};
    List<Task> tasks{};
    List<Schedule> schedules{};
    List<History> histories{};
    List<AlertSource> alert_sources{};

    // What it does for others, who call the function of that name in registry.hpp.
    void (*raise_alert)(const AlertCondition &condition) = nullptr;
    void (*resolve_alert)(std::string_view dedup_key) = nullptr;
    bool (*all_loading_is_paused)() = nullptr;
    void (*mention_pause)(const char *what) = nullptr;
    void (*load_event)(int64 event_id) = nullptr;
    void (*keep_counts_in)(void (*trial)(void *), void *argument) = nullptr;

    // What it is told by registry.hpp.
    void (*pause_lifted)(const char *source, const char *holder) = nullptr;
};

}  // namespace scout::extension
