// clear_stuck_locks(): ends transactions that have held a lock of the extension for too long.
//
// The stuck session is the one whose lock is granted; who waits for it is its victim. A target is a
// transaction, not a session: if it ends while we look, and its session begins another one, that is left
// alone. The rest is the protocol of action.hpp.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/sessions.hpp"
#include "pg/spi.hpp"
#include "sessions/action.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace scout::sessions {

namespace {

constexpr const char *function_name = "clear_stuck_locks";

// Where the server does not track activities, the age of a transaction is not to be known.
void find_holders(int64 older_than_ms, Targets &targets) {
    static pg::Statement holders(
        "SELECT coalesce(l.pid, 0), l.virtual_transaction,"
        " string_agg(DISTINCT l.lock_name, ', '), l.xact_start,"
        " l.gid, l.usename::text"
        " FROM scout.locks() l"
        " WHERE l.granted AND (l.xact_start <= $1 OR l.state = 'disabled')"
        " GROUP BY l.pid, l.virtual_transaction, l.xact_start, l.gid, l.usename, l.state"
        " ORDER BY l.xact_start NULLS FIRST, l.pid");
    const TimestampTz before = GetCurrentTimestamp() - older_than_ms * 1000;
    pg::Rows rows = holders.run({pg::timestamp(before)});
    for (uint64 i = 0; i < rows.count(); i++) {
        Target t{};
        t.pid = rows.int4(i, 1);
        t.work = pg::c_string(rows.text(i, 2));
        t.what = pg::c_string(rows.text(i, 3));
        t.since_known = !rows.is_null(i, 4);
        t.since = rows.timestamp(i, 4);
        if (t.pid == 0) {
            if (!rows.is_null(i, 6)) t.usename = pg::c_string(rows.text(i, 6));
            const char *gid = quote_literal_cstr(pg::c_string(rows.text(i, 5)));
            t.refusal =
                psprintf("a prepared transaction has no process: COMMIT PREPARED %s or ROLLBACK PREPARED %s",
                         gid, gid);
        } else if (!t.since_known) {
            t.refusal = "its age is not known: track_activities is off";
        }
        targets.push(t);
    }
    rows.free();
}

// locks() would ask for the blockers of everybody who waits, every time.
void look_again(Targets &targets) {
    static pg::Statement still(
        "SELECT l.virtualtransaction FROM scout_internal.our_locks l WHERE l.granted AND l.pid IS NOT NULL");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = still.run();
    owner.end();
    for (Target &t : targets) {
        if (t.pid == 0 || t.gone) continue;
        bool found = false;
        for (uint64 i = 0; i < rows.count(); i++) found = found || rows.text(i, 1) == t.work;
        t.gone = !found;
    }
    rows.free();
}

void emit(pg::Result &result, const Target &t, TimestampTz now) {
    if (t.pid == 0)
        result.null();
    else
        result.int4(t.pid);
    if (t.backend_start == 0)
        result.null();
    else
        result.timestamp(t.backend_start);
    if (t.usename == nullptr)
        result.null();
    else
        result.datum(DirectFunctionCall1(namein, CStringGetDatum(t.usename)));
    result.text_or_null(t.application_name).text(verdict(t)).text_or_null(t.refusal);
    result.boolean(t.cancelled || t.terminated).boolean(t.gone).text(t.what);
    if (t.since_known)
        result.datum(
            DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(now), TimestampTzGetDatum(t.since)));
    else
        result.null();
    result.text_or_null(sent(t));
    result.end_row();
}

void record(const Action &action, int64 older_than_ms, const Targets &targets, Oid role) {
    int64 refused = 0, cancelled = 0, terminated = 0, gone = 0;
    for (const Target &t : targets) {
        refused += is_refused(t) && !t.gone;
        cancelled += t.cancelled;
        terminated += t.terminated;
        gone += t.gone;
    }
    const auto found = static_cast<int64>(targets.size());
    audit::Json arguments, counts;
    arguments.add("older_than_ms", older_than_ms)
        .add_bool("dry_run", action.dry_run)
        .add("max_targets", static_cast<int64>(action.max_targets))
        .add_or_null("reason", action.reason)
        .add("grace_ms", action.grace_ms);
    counts.add("targets", found)
        .add("refused", refused)
        .add("cancelled", cancelled)
        .add("terminated", terminated)
        .add("gone", gone);
    const char *outcome = action.dry_run  ? "dry run"
                          : found == 0    ? "nothing was stuck"
                          : gone == found ? "cleared"
                                          : "some remain";
    audit::record(function_name, role, arguments, outcome, counts);
}

}  // namespace

}  // namespace scout::sessions

SCOUT_ACTION(scout_clear_stuck_locks, 5) {
    using namespace scout;
    using namespace scout::sessions;
    Action action{};
    action.function = function_name;
    const int64 older_than = pg::duration_argument(fcinfo, 0, "older_than", 10 * pg::year_ms,
                                                   "from 0 seconds to 10 years; the default is 10 minutes");
    action.dry_run = pg::flag(fcinfo, 1, "dry_run");
    action.max_targets = pg::count_argument(fcinfo, 2, "max_targets", 10000);
    action.reason = pg::unblank_text(fcinfo, 3, "reason");
    action.grace_ms = pg::duration_argument(fcinfo, 4, "grace", pg::hour_ms,
                                            "from 0 seconds to 1 hour; the default is 5 seconds");
    action.look_again = look_again;
    PreventCommandIfReadOnly("clear_stuck_locks()");  // before any signal: its timeline entry would fail
    require_sight();

    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::forget_activity();
    Targets targets;
    find_holders(older_than, targets);
    judge(action, targets);
    const TimestampTz now = GetCurrentTimestamp();
    carry_out(action, targets);
    for (const Target &t : targets) emit(result, t, now);
    record(action, older_than, targets, role);
    session.end();
    return static_cast<Datum>(0);
}
