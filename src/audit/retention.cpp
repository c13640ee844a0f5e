#include "audit/retention.hpp"

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/settings.hpp"
#include "extension/tiers.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::audit {

namespace {

constexpr int64 piece = 1000;  // rows of a table that one job's end or tick removes
constexpr TimestampTz slack = USECS_PER_HOUR;

// $1 is the time before which rows go, $2 how many at most.
#define OLD_JOBS \
    "scout_internal.job_records x WHERE x.finished_at < $1 AND NOT (x.scheduled AND x.state = 'succeeded')"
// What the supervisor does every few seconds is worth a day; its runs are in etl_runs.
#define OLD_ROUTINE "scout_internal.job_records x WHERE x.scheduled AND x.state = 'succeeded' AND x.finished_at < $1"
#define OLD_RUNS                                                                                     \
    "scout_internal.etl_runs x WHERE x.finished_at < $1 AND x.run_id IS DISTINCT FROM (SELECT r.run_id FROM " \
    "scout_internal.etl_runs r WHERE r.transactions_created > 0 OR r.transactions_updated > 0 OR "            \
    "r.transactions_removed > 0 ORDER BY r.finished_at DESC LIMIT 1)"
#define OLD_TIMELINE "scout_internal.timeline x WHERE x.at < $1"
#define OLD_REFRESHES                                                                                    \
    "scout_internal.gold_refreshes x WHERE x.finished_at < $1 AND EXISTS (SELECT FROM scout_internal.gold_refreshes n"     \
    " WHERE n.view_schema = x.view_schema AND n.view_name = x.view_name AND n.refresh_id > x.refresh_id" \
    " AND (n.status = 'refreshed' OR x.status <> 'refreshed'))"
#define OLD_RESULTS "scout_internal.quality_results x WHERE x.window_end < $1"
#define OLD_ALERTS "scout_internal.alerts x WHERE x.state = 'resolved' AND x.resolved_at < $1"
#define OLD_SILENCES "scout_internal.silences x WHERE x.ends_at < $1"
#define REMOVE(old, table, id, at)                                                             \
    pg::Statement("DELETE FROM scout_internal." table " d WHERE d." id " IN (SELECT x." id " FROM " old \
                  " ORDER BY x." at " LIMIT $2 FOR UPDATE SKIP LOCKED)")
#define FIND(old) pg::Statement("SELECT count(*) FROM (SELECT FROM " old " LIMIT $2) c")

struct History {
    const char *table;
    pg::Statement find, remove;
};

History histories[] = {
    {"job_records", FIND(OLD_JOBS), REMOVE(OLD_JOBS, "job_records", "job_id", "finished_at")},
    {"job_records", FIND(OLD_ROUTINE), REMOVE(OLD_ROUTINE, "job_records", "job_id", "finished_at")},
    {"etl_runs", FIND(OLD_RUNS), REMOVE(OLD_RUNS, "etl_runs", "run_id", "finished_at")},
    {"timeline", FIND(OLD_TIMELINE), REMOVE(OLD_TIMELINE, "timeline", "entry_id", "at")},
    {"gold_refreshes", FIND(OLD_REFRESHES),
     REMOVE(OLD_REFRESHES, "gold_refreshes", "refresh_id", "finished_at")},
    {"quality_results", FIND(OLD_RESULTS), REMOVE(OLD_RESULTS, "quality_results", "result_id", "window_end")},
    {"alerts", FIND(OLD_ALERTS), REMOVE(OLD_ALERTS, "alerts", "alert_id", "resolved_at")},
    {"silences", FIND(OLD_SILENCES), REMOVE(OLD_SILENCES, "silences", "silence_id", "ends_at")},
};
constexpr size_t routine = 1;

// All as the extension's owner.
int64 count_old(History &h, TimestampTz cutoff, int64 limit) {
    pg::Rows rows = h.find.read_latest({pg::timestamp(cutoff), pg::int8(limit)});
    const int64 count = rows.int8(0, 1);
    rows.free();
    return count;
}

int64 remove_old(History &h, TimestampTz cutoff, int64 limit) {
    return static_cast<int64>(h.remove.run({pg::timestamp(cutoff), pg::int8(limit)}).count());
}

TimestampTz cutoff_of(const Interval *age) {
    const Datum d = DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
                                        IntervalPGetDatum(age));
    return DatumGetTimestampTz(d);
}

TimestampTz cutoff_of_setting() {
    return GetCurrentTimestamp() - extension::history_retention * USECS_PER_SEC;
}

TimestampTz cutoff_by_setting(const History &h) {
    const TimestampTz cutoff = cutoff_of_setting();
    return &h == &histories[routine] ? std::max(cutoff, GetCurrentTimestamp() - USECS_PER_DAY) : cutoff;
}

// The timeline is history, too: an operator does not make it shorter than the setting says.
TimestampTz asked_cutoff(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0)) return cutoff_of_setting();
    const Interval *age = PG_GETARG_INTERVAL_P(0);
    const TimestampTz cutoff = cutoff_of(age);
    if (cutoff > GetCurrentTimestamp())
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("older_than must not be negative"),
                errhint("Give an age, such as older_than => '30 days'."));
    if ((extension::history_retention == 0 || cutoff > cutoff_of_setting()) && !extension::is_admin())
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied to remove history that scout_ir.history_retention keeps"),
                errdetail("The timeline and the runs are the audit of what operators do."),
                errhint("Leave older_than out, or ask an admin."));
    return cutoff;
}

}  // namespace

int64 forget_old() {
    if (extension::history_retention == 0) return 0;
    int64 removed = 0;
    Json arguments, counts;
    const Oid role = GetUserId();
    pg::AsRole owner(extension::extension_owner());
    for (History &h : histories) {
        const TimestampTz cutoff = cutoff_by_setting(h);
        if (count_old(h, cutoff - slack, 1) == 0) continue;
        const int64 rows = remove_old(h, cutoff, piece);
        removed += rows;
        counts.add(&h == &histories[routine] ? "job_records_scheduled" : h.table, rows);
    }
    owner.end();
    arguments.add_time("older_than", cutoff_of_setting());
    if (removed > 0) record("apply_retention", role, arguments, "done", counts);
    return removed;
}

}  // namespace scout::audit

SCOUT_ACTION(scout_apply_retention, 3) {
    using namespace scout;
    using namespace scout::audit;
    if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                errmsg("%s must not be NULL", PG_ARGISNULL(1) ? "dry_run" : "max_rows"),
                errhint("Leave it out for its default."));
    const bool dry_run = PG_GETARG_BOOL(1);
    const int32 max_rows = PG_GETARG_INT32(2);
    if (max_rows < 1)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_rows must be at least 1"),
                errhint("It limits the rows of one table that one call removes."));
    const TimestampTz asked = asked_cutoff(fcinfo);
    const bool keeps_all = PG_ARGISNULL(0) && extension::history_retention == 0;
    if (keeps_all)
        ereport(NOTICE, errmsg("scout_ir.history_retention is 0: history is kept for ever"),
                errhint("Give older_than to remove some of it."));

    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    Json arguments, counts;
    arguments.add_time("older_than", asked)
        .add_bool("dry_run", dry_run)
        .add("max_rows", static_cast<int64>(max_rows));
    int64 jobs = 0;
    for (size_t i = 0; i < std::size(histories); i++) {
        CHECK_FOR_INTERRUPTS();
        History &h = histories[i];
        int64 rows = 0;
        if (!keeps_all) {
            pg::AsRole owner(extension::extension_owner());
            const TimestampTz cutoff = PG_ARGISNULL(0) ? cutoff_by_setting(h) : asked;
            const int64 limit = i == routine ? max_rows - jobs : max_rows;
            rows = dry_run ? count_old(h, cutoff, limit) : remove_old(h, cutoff, limit);
            owner.end();
        }
        if (i == 0) {
            jobs = rows;
            continue;
        }
        if (i == routine) rows += jobs;
        counts.add(h.table, rows);
        result.text(h.table).int8(rows).boolean(rows == max_rows).boolean(dry_run);
        result.end_row();
    }
    record("apply_retention", role, arguments, dry_run ? "dry run" : "done", counts);
    session.end();
    return static_cast<Datum>(0);
}
