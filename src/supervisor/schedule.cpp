// schedule_jobs() and unschedule_jobs(): the standard jobs as entries of pg_cron, for clusters where the
// supervisor is not preloaded.
//
// pg_cron's own tables are the only state. It runs an entry as the role that made it, so that these are
// the caller's and run with no more than his rights. What there is to do, the capabilities say. Commit:
// pg_cron reads its table again. Abort: nothing was registered. An entry that comes while the one before it
// is at work skips.

#include "audit/caller.hpp"
#include "extension/registry.hpp"
#include "jobs/request.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::supervisor {

namespace {

constexpr std::string_view retention_name = "scout_ir retention";

struct Entry {
    std::string_view name;
    const char *schedule, *command;
};

std::string_view name_of(const extension::Schedule &s) {
    return psprintf("scout_ir %s", s.task);
}

// Does it know schedules of seconds (1.5)? A version that is none is taken for an old one.
bool counts_seconds(const char *version) {
    int major = 0, minor = 0;
    return sscanf(version, "%d.%d", &major, &minor) == 2 && (major > 1 || (major == 1 && minor >= 5));
}

const char *cron_version() {
    // Anybody may have made a schema of the name of pg_cron's before it.
    static pg::Statement find(
        "SELECT e.extversion FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass"
        " AND d.refobjid = e.oid AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass"
        " AND d.objid = to_regclass('cron.job') WHERE e.extname = 'pg_cron'");
    pg::Rows rows = find.read_latest();
    const char *version = rows.count() == 0 ? nullptr : pg::c_string(rows.text(0, 1));
    rows.free();
    return version;
}

[[noreturn]] void refuse_interval(const char *argument, const char *value) {
    ereport(
        ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
        errmsg("%s: cron has no schedule for every %s", argument, value),
        errhint("Give 1 to 59 seconds, minutes that divide an hour (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30), "
                "hours that divide a day (1, 2, 3, 4, 6, 8, 12), or 1 day."));
    pg_unreachable();
}

// Cron counts from the full hour and from midnight: 7 minutes would be 7, 14, ..., 56, 60.
const char *schedule_every(const Interval *interval, const char *argument, const char *version) {
    const char *shown = DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
    const core::int128 us = pg::microseconds_of(interval);
    const bool mixed = interval->month < 0 || interval->day < 0 || interval->time < 0;
    if (mixed || us <= 0 || us > USECS_PER_DAY || us % USECS_PER_SEC != 0) refuse_interval(argument, shown);
    const int seconds = static_cast<int>(us / USECS_PER_SEC);
    if (seconds < SECS_PER_MINUTE) {
        if (counts_seconds(version)) return psprintf("%d seconds", seconds);
        ereport(NOTICE, errmsg("%s: every minute instead of every %d seconds", argument, seconds),
                errdetail("pg_cron %s counts in minutes, 1.5 and newer in seconds.", version),
                errhint("The supervisor (shared_preload_libraries = 'scout_ir') counts in seconds."));
        return "* * * * *";
    }
    if (seconds % SECS_PER_MINUTE != 0) refuse_interval(argument, shown);
    const int minutes = seconds / SECS_PER_MINUTE;
    if (minutes == 1) return "* * * * *";
    if (minutes < MINS_PER_HOUR && MINS_PER_HOUR % minutes == 0) return psprintf("*/%d * * * *", minutes);
    const int hours = minutes / MINS_PER_HOUR;
    if (minutes % MINS_PER_HOUR != 0 || hours > HOURS_PER_DAY || HOURS_PER_DAY % hours != 0)
        refuse_interval(argument, shown);
    if (hours == HOURS_PER_DAY) return "0 0 * * *";
    return hours == 1 ? "0 * * * *" : psprintf("0 */%d * * *", hours);
}

// The number of schedule_jobs()'s argument of that name; -1: it has none.
int argument_named(FunctionCallInfo fcinfo, const char *name) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "no function %u", fcinfo->flinfo->fn_oid);
    Oid *types;
    char **names, *modes;
    (void)get_func_arg_info(tuple, &types, &names, &modes);  // what comes back stands after what is given
    ReleaseSysCache(tuple);
    for (int i = 0; i < PG_NARGS(); i++)
        if (names != nullptr && strcmp(names[i], name) == 0) return i;
    return -1;
}

// nullptr: never.
const char *schedule_of(FunctionCallInfo fcinfo, const extension::Schedule &s, const char *version) {
    const int number = argument_named(fcinfo, s.cron_interval);
    if (number >= 0) {
        pg::refuse_null(fcinfo, number, s.cron_interval,
                        "Leave it out for its default; unschedule_jobs() removes the jobs.");
        return schedule_every(PG_GETARG_INTERVAL_P(number), s.cron_interval, version);
    }
    if (*s.interval == 0) return nullptr;
    const Interval interval{*s.interval * USECS_PER_SEC, 0, 0};
    return schedule_every(&interval, s.task, version);
}

// The jobs of all capabilities, and the supervisor's own.
void read_entries(FunctionCallInfo fcinfo, const char *version, pg::Array<Entry> &entries) {
    const int workers = jobs::workers_argument(fcinfo, 3, "load_workers");
    extension::for_each(&extension::Capability::schedules,
                        [&](const extension::Capability &, const extension::Schedule &s) {
                            if (s.cron_statement == nullptr) return;
                            const char *schedule = schedule_of(fcinfo, s, version);
                            if (schedule != nullptr)
                                entries.push({name_of(s), schedule, s.cron_statement(workers)});
                        });
    const char *hint =
        "Give a cron schedule, such as '17 3 * * *': every day at 03:17 in the time zone of pg_cron.";
    entries.push({retention_name, pg::c_string(pg::required_text(fcinfo, 2, "retention_schedule", hint)),
                  "SELECT scout.apply_retention()"});
}

void show(pg::Result &result, const Entry &e, const char *status) {
    result.text(e.name).text(e.schedule).text(e.command).text(status);
    result.end_row();
}

const char *put(const Entry &e) {
    static pg::Statement find(
        "SELECT j.schedule = $2 AND j.command = $3 AND j.active FROM cron.job j WHERE j.jobname = $1"
        " AND j.username = current_user AND j.database = current_database()");
    static pg::Statement schedule("SELECT cron.schedule($1, $2, $3)");
    pg::Rows rows = find.read_latest({pg::text(e.name), pg::text(e.schedule), pg::text(e.command)});
    const bool there = rows.count() > 0, same = there && rows.boolean(0, 1);
    rows.free();
    if (same) return "unchanged";
    schedule.run({pg::text(e.name), pg::text(e.schedule), pg::text(e.command)}).free();
    return there ? "changed" : "scheduled";
}

}  // namespace

}  // namespace scout::supervisor

SCOUT_ACTION(scout_schedule_jobs, 5) {
    using namespace scout;
    using namespace scout::supervisor;
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const char *version = cron_version();
    if (version == nullptr)
        ereport(
            ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            errmsg("extension \"pg_cron\" is not installed in this database"),
            errdetail("It can be in one database of a cluster, that of the setting cron.database_name."),
            errhint("Install it, or preload the supervisor (shared_preload_libraries = 'scout_ir') and set "
                    "scout_ir.load_interval and scout_ir.refresh_interval for this database, or have "
                    "another scheduler call scout.load_backlog() and scout.maybe_refresh_gold()."));
    pg::Array<Entry> entries;
    read_entries(fcinfo, version, entries);
    audit::Json arguments, counts;
    for (const Entry &e : entries) {
        const char *status = put(e);
        show(result, e, status);
        const char *name = pg::c_string(e.name);
        arguments.add(name, e.schedule);
        counts.add(name, status);
    }
    audit::record("schedule_jobs", role, arguments, "scheduled", counts);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_unschedule_jobs, 0) {
    using namespace scout;
    using namespace scout::supervisor;
    static pg::Statement find(
        "SELECT j.jobid, j.jobname::text, j.schedule, j.command FROM cron.job j"
        " WHERE j.database = current_database() AND j.jobname = ANY ($1)"
        " ORDER BY array_position($1, j.jobname::text), j.jobid");
    static pg::Statement unschedule("SELECT cron.unschedule($1)");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    int64 removed = 0;
    if (cron_version() == nullptr) {
        ereport(NOTICE,
                errmsg("extension \"pg_cron\" is not installed in this database: nothing is scheduled"));
    } else {
        pg::Array<std::string_view> names;
        extension::for_each(&extension::Capability::schedules,
                            [&](const extension::Capability &, const extension::Schedule &s) {
                                if (s.cron_statement != nullptr) names.push(name_of(s));
                            });
        names.push(retention_name);
        pg::Rows rows = find.read_latest({pg::text_array(names.begin(), names.size())});
        removed = static_cast<int64>(rows.count());
        for (uint64 i = 0; i < rows.count(); i++) {
            unschedule.run({pg::int8(rows.int8(i, 1))}).free();
            show(
                result,
                {pg::c_string(rows.text(i, 2)), pg::c_string(rows.text(i, 3)), pg::c_string(rows.text(i, 4))},
                "removed");
        }
        rows.free();
    }
    audit::Json arguments, counts;
    counts.add("removed", removed);
    audit::record("unschedule_jobs", role, arguments, removed > 0 ? "removed" : "nothing was scheduled",
                  counts);
    session.end();
    return static_cast<Datum>(0);
}
