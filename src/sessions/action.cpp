#include "sessions/action.hpp"

#include "audit/caller.hpp"
#include "pg/product.hpp"
#include "pg/sessions.hpp"
#include "pg/spi.hpp"

namespace scout::sessions {

namespace {

constexpr int64 end_timeout_ms = 5000;  // how long a terminated session is waited for
constexpr long look_interval_ms = 50;

bool due(const Target &t) {
    return t.refusal == nullptr && !t.gone;
}

const char *refusal_of(const Target &t, const pg::Rows &rows, uint64 row) {
    if (rows.boolean(row, 5)) return "the caller's own session";
    if (!rows.boolean(row, 6)) return "a session of another database";
    const char *kind = pg::c_string(rows.text(row, 7));
    if (strcmp(kind, "client backend") != 0 && !pg::is_own_worker_type(kind))
        return psprintf("a process of the server (%s)", *kind == '\0' ? "unknown" : kind);
    if (rows.boolean(row, 8) && !pg::caller_is_superuser())
        return "a session of a superuser, or of a role that may become one: ask a superuser";
    const char *reason = protection_of(t);
    return reason == nullptr ? nullptr : psprintf("protected: %s", reason);
}

// The role in use of another session cannot be seen: whose login role may become a superuser counts as one.
void look_at_sessions(Targets &targets) {
    static pg::Statement sessions(
        "SELECT a.backend_start, a.usename::text, a.application_name, a.state LIKE 'idle%',"
        " pg_backend_pid() IN (a.pid, a.leader_pid), a.datname = current_database(), a.backend_type,"
        " coalesce((SELECT bool_or(r.rolsuper) FROM pg_roles r"
        " WHERE pg_has_role(a.usesysid, r.oid, 'MEMBER')), true)"
        " FROM pg_stat_activity a WHERE a.pid = $1");
    for (Target &t : targets) {
        CHECK_FOR_INTERRUPTS();
        if (t.pid == 0) continue;
        pg::Rows rows = sessions.run({pg::int4(t.pid)});
        if (rows.count() == 0) {
            t.gone = true;
            continue;
        }
        t.backend_start = rows.timestamp(0, 1);
        t.usename = rows.is_null(0, 2) ? nullptr : pg::c_string(rows.text(0, 2));
        t.application_name = rows.is_null(0, 3) ? nullptr : pg::c_string(rows.text(0, 3));
        t.waits_for_client = rows.boolean(0, 4);
        const char *refusal = refusal_of(t, rows, 0);
        if (refusal != nullptr) t.refusal = refusal;
        rows.free();
    }
}

void refuse_too_many(const Action &action, const Targets &targets) {
    StringInfoData list;
    initStringInfo(&list);
    int count = 0;
    for (const Target &t : targets) {
        if (!due(t)) continue;
        if (++count <= 20) appendStringInfo(&list, "%s%d", count > 1 ? ", " : "", t.pid);
    }
    if (count <= action.max_targets) return;
    ereport(action.dry_run ? WARNING : ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            errmsg("%d sessions are to be ended, max_targets is %d", count, action.max_targets),
            errdetail("Processes: %s%s.", list.data, count > 20 ? " and more" : ""),
            action.dry_run ? errhint("Without dry_run this call would fail and signal nobody.")
                           : errhint("Nobody was signalled. Look at them with dry_run => true, "
                                     "then raise max_targets or older_than."));
    pfree(list.data);
}

void log_signal(const Action &action, const Target &t, pg::Signal signal) {
    audit::Json line;
    line.add("action", action.function)
        .add("signal", signal == pg::Signal::cancel ? "cancel" : "terminate")
        .add("pid", static_cast<int64>(t.pid))
        .add_time("backend_start", t.backend_start)
        .add_or_null("usename", t.usename)
        .add_or_null("application_name", t.application_name)
        .add_or_null("target", t.what)
        .add_or_null("reason", action.reason)
        .add("actor", audit::actor())
        .add("session_role", GetUserNameFromId(GetSessionUserId(), false));
    ereport(LOG, errmsg_internal("scout_ir signal: %s", line.text()), errhidestmt(true),
            errhidecontext(true));
}

pg::Signal next_signal(const Target &t) {
    return t.waits_for_client || t.cancelled ? pg::Signal::terminate : pg::Signal::cancel;
}

void send(Target &t, pg::Signal signal) {
    int error = 0;
    switch (pg::signal_session(t.pid, t.backend_start, signal, error)) {
        case pg::Delivery::sent: (signal == pg::Signal::cancel ? t.cancelled : t.terminated) = true; return;
        case pg::Delivery::ended: t.gone = true; return;
        case pg::Delivery::replaced:
            t.gone = true;
            t.refusal = "the session has ended, another one has its pid by now";
            return;
        case pg::Delivery::own: t.refusal = "the caller's own session"; return;
        case pg::Delivery::privileged: t.refusal = "a session of a superuser: ask a superuser"; return;
        case pg::Delivery::failed: t.refusal = psprintf("the signal failed: %s", strerror(error)); return;
    }
}

// Logs all, then signals all that have not been told to end yet.
void signal_all(const Action &action, Targets &targets) {
    pg::forget_activity();
    action.look_again(targets);
    for (const Target &t : targets)
        if (due(t) && !t.terminated) log_signal(action, t, next_signal(t));
    for (Target &t : targets)
        if (due(t) && !t.terminated) send(t, next_signal(t));
}

void wait_for_end(const Action &action, Targets &targets, int64 timeout_ms) {
    static pg::WaitEvent session_end("ScoutIrSessionEnd");
    const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
    for (;;) {
        pg::forget_activity();
        action.look_again(targets);
        const bool over = std::none_of(targets.begin(), targets.end(), due);
        const TimestampTz now = GetCurrentTimestamp();
        if (over || now >= until) return;
        pg::nap(std::min<long>(look_interval_ms, TimestampDifferenceMilliseconds(now, until) + 1),
                session_end);
    }
}

}  // namespace

void require_sight() {
    if (pg::sees_all_sessions()) return;
    const char *role = GetUserNameFromId(GetUserId(), false);
    ereport(
        ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("role \"%s\" cannot see all sessions", role),
        errdetail("Sessions of others would be missing, and an empty result would look like all is well."),
        errhint("A superuser can grant it: GRANT pg_read_all_stats TO %s", quote_identifier(role)));
}

void judge(const Action &action, Targets &targets) {
    look_at_sessions(targets);
    refuse_too_many(action, targets);
}

void carry_out(const Action &action, Targets &targets) {
    if (action.dry_run || std::none_of(targets.begin(), targets.end(), due)) return;
    signal_all(action, targets);
    wait_for_end(action, targets, action.grace_ms);
    if (std::none_of(targets.begin(), targets.end(), due)) return;
    signal_all(action, targets);
    wait_for_end(action, targets, end_timeout_ms);
}

const char *verdict(const Target &t) {
    if (is_refused(t)) return "refused";
    return t.waits_for_client ? "terminate" : "cancel";
}

const char *sent(const Target &t) {
    if (t.cancelled) return t.terminated ? "cancel, terminate" : "cancel";
    return t.terminated ? "terminate" : nullptr;
}

}  // namespace scout::sessions
