// schedule_jobs() and unschedule_jobs(): the standard jobs as entries of pg_cron, for clusters where the
// supervisor is not preloaded.
//
// pg_cron's own tables are the only state. It runs an entry as the role that made it, so that these are
// the caller's and run with no more than his rights. Commit: pg_cron reads its table again. Abort: nothing
// was registered. An entry that comes while the one before it is at work skips.

#include "audit/caller.hpp"
#include "jobs/settings.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::supervisor {

namespace {

constexpr const char *load_name = "scout_ir load", *refresh_name = "scout_ir refresh",
                     *retention_name = "scout_ir retention", *alerts_name = "scout_ir alerts";

struct Entry {
    const char *name, *schedule, *command;
};

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
const char *schedule_of(FunctionCallInfo fcinfo, int number, const char *argument, const char *version) {
    if (PG_ARGISNULL(number))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", argument),
                errhint("Leave it out for its default; unschedule_jobs() removes the jobs."));
    const Interval *i = PG_GETARG_INTERVAL_P(number);
    const char *shown = DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(number)));
    // Added up within a day only, where nothing can overflow.
    if (i->month != 0 || i->day < 0 || i->day > 1 || i->time < 0 || i->time > USECS_PER_DAY ||
        i->time % USECS_PER_SEC != 0)
        refuse_interval(argument, shown);
    const int seconds = static_cast<int>(i->time / USECS_PER_SEC) + i->day * SECS_PER_DAY;
    if (seconds == 0) refuse_interval(argument, shown);
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

const char *retention_argument(FunctionCallInfo fcinfo, int number) {
    const char *given = PG_ARGISNULL(number) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(number));
    if (given != nullptr && given[strspn(given, " \t")] != '\0') return given;
    ereport(
        ERROR, errcode(given == nullptr ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
        errmsg("retention_schedule must not be %s", given == nullptr ? "NULL" : "empty"),
        errhint(
            "Give a cron schedule, such as '17 3 * * *': every day at 03:17 in the time zone of pg_cron."));
    pg_unreachable();
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
    const char *load_schedule = schedule_of(fcinfo, 0, "load_interval", version);
    const char *refresh_schedule = schedule_of(fcinfo, 1, "refresh_interval", version);
    const char *retention_schedule = retention_argument(fcinfo, 2);
    const char *alert_schedule = schedule_of(fcinfo, 4, "alert_interval", version);
    const int limit = std::max(jobs::max_workers, 1);
    if (PG_ARGISNULL(3) || PG_GETARG_INT32(3) < 1 || PG_GETARG_INT32(3) > limit)
        ereport(ERROR,
                errcode(PG_ARGISNULL(3) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("load_workers must be between 1 and %d", limit),
                errhint("The limit is the setting scout_ir.max_workers."));
    const Entry entries[] = {
        {load_name, load_schedule,
         psprintf("SELECT scout.load_backlog(workers => %d, wait => false, skip_if_running => true)",
                  PG_GETARG_INT32(3))},
        {refresh_name, refresh_schedule, "SELECT scout.maybe_refresh_gold()"},
        {retention_name, retention_schedule, "SELECT scout.apply_retention()"},
        {alerts_name, alert_schedule, "SELECT scout.check_alerts(skip_if_running => true)"},
    };
    audit::Json arguments, counts;
    for (const Entry &e : entries) {
        const char *status = put(e);
        show(result, e, status);
        arguments.add(e.name, e.schedule);
        counts.add(e.name, status);
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
        " WHERE j.database = current_database()"
        " AND j.jobname IN ($1, $2, $3, $4)"
        " ORDER BY array_position(ARRAY[$1, $2, $3, $4], j.jobname::text), j.jobid");
    static pg::Statement unschedule("SELECT cron.unschedule($1)");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    int64 removed = 0;
    if (cron_version() == nullptr) {
        ereport(NOTICE,
                errmsg("extension \"pg_cron\" is not installed in this database: nothing is scheduled"));
    } else {
        pg::Rows rows = find.read_latest(
            {pg::text(load_name), pg::text(refresh_name), pg::text(retention_name), pg::text(alerts_name)});
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
