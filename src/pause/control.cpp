#include "pause/control.hpp"

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "extension/registry.hpp"
#include "extension/sight.hpp"
#include "extension/tiers.hpp"
#include "intake/queue.hpp"
#include "pause/settings.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::pause {

void read_pauses(pg::Array<Pause> &pauses, Look look) {
    static pg::Statement in_force(
        "SELECT p.source_system, p.holder, p.reason, p.paused_at, p.expires_at FROM scout.pipeline_pauses p"
        " WHERE p.expires_at IS NULL OR p.expires_at > clock_timestamp()"
        " ORDER BY p.source_system NULLS FIRST, p.expires_at DESC NULLS FIRST, p.paused_at, p.pause_id");
    pg::Rows rows = look == Look::newest ? in_force.read_latest() : in_force.read();
    for (uint64 i = 0; i < rows.count(); i++) {
        Pause p{};
        p.source = rows.is_null(i, 1) ? nullptr : pg::c_string(rows.text(i, 1));
        p.holder = pg::c_string(rows.text(i, 2));
        p.reason = pg::c_string(rows.text(i, 3));
        p.paused_at = rows.timestamp(i, 4);
        p.expires = !rows.is_null(i, 5);
        p.expires_at = rows.timestamp(i, 5);
        pauses.push(p);
    }
    rows.free();
}

bool all_paused(const pg::Array<Pause> &pauses, pg::Array<std::string_view> &sources) {
    bool all = false;
    for (const Pause &p : pauses) {
        if (p.source == nullptr)
            all = true;
        else
            sources.push(p.source);
    }
    return all;
}

bool all_loading_is_paused(void (*tell)(const Pause &pause)) {
    pg::Session session(extension::require_pipeline());
    pg::Array<Pause> pauses;
    pg::Array<std::string_view> sources;
    read_pauses(pauses);
    const bool all = all_paused(pauses, sources);
    if (all && tell != nullptr) tell(pauses[0]);  // that of everything comes first
    session.end();
    return all;
}

bool all_loading_is_paused() {
    return all_loading_is_paused(nullptr);
}

bool is_circuit_breaker(const Pause &p) {
    return p.source != nullptr && strcmp(p.holder, circuit_breaker_holder) == 0;
}

const char *how_to_resume(const char *source) {
    // A blank source cannot be named: control_ingestion() would read it as a mistake.
    const bool blank = source[strspn(source, " \t\r\n")] == '\0';
    return psprintf("SELECT * FROM scout.control_ingestion('resume', %s => %s)",
                    blank ? "holder" : "source_system",
                    quote_literal_cstr(blank ? circuit_breaker_holder : source));
}

const char *describe(const Pause &p) {
    const char *since = pstrdup(timestamptz_to_str(p.paused_at));
    const char *until = p.expires ? psprintf("until %s", timestamptz_to_str(p.expires_at)) : "without expiry";
    const char *what = p.source == nullptr ? "Loading" : psprintf("Loading of source \"%s\"", p.source);
    return psprintf("%s is paused by %s since %s, %s: %s", what, p.holder, since, until, p.reason);
}

void write_pause(const char *source, const char *holder, const char *reason, bool expires,
                 TimestampTz expires_at) {
    static pg::Statement write(
        "INSERT INTO scout.pipeline_pauses AS p (source_system, holder, reason, paused_at, expires_at)"
        " VALUES ($1, $2, $3, clock_timestamp(), $4)"
        " ON CONFLICT (holder, (coalesce(source_system, ''))) DO UPDATE SET reason = excluded.reason,"
        " expires_at = excluded.expires_at, paused_at = CASE WHEN p.expires_at <= clock_timestamp()"
        " THEN excluded.paused_at ELSE p.paused_at END");
    write.run({pg::text_or_null(source), pg::text(holder), pg::text(reason),
               expires ? pg::timestamp(expires_at) : pg::null_of(TIMESTAMPTZOID)});
}

Entry enter_flight(bool force) {
    (void)extension::acquire(extension::Lock::flight, extension::flight_load);
    if (force) return Entry::go;
    if (!extension::acquire(extension::Lock::gate, ShareLock, false)) {
        extension::release(extension::Lock::flight, extension::flight_load);
        return Entry::pausing;
    }
    extension::release(extension::Lock::gate, ShareLock);
    return Entry::go;
}

namespace {

enum class Action { status, pause, resume };

struct Request {
    Action action;
    const char *reason, *source, *holder;  // NULL: not given
    int drain_ms;
    bool expires;
    TimestampTz expires_at;
    bool all_holders;
};

const char *name_of(Action action) {
    switch (action) {
        case Action::pause: return "pause";
        case Action::resume: return "resume";
        default: return "status";
    }
}

Action read_action(FunctionCallInfo fcinfo) {
    const char *name = PG_ARGISNULL(0) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(0));
    for (Action action : {Action::status, Action::pause, Action::resume})
        if (name != nullptr && pg_strcasecmp(name, name_of(action)) == 0) return action;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            name == nullptr ? errmsg("action must not be NULL") : errmsg("unknown action \"%s\"", name),
            errhint("Valid actions are status, pause and resume."));
    pg_unreachable();
}

int read_drain_timeout(FunctionCallInfo fcinfo) {
    constexpr const char
        *name = "drain_timeout",
        *hint = "Valid values are 0 seconds (do not wait) and longer; the default is 30 seconds.";
    pg::refuse_null(fcinfo, 3, name, hint);
    const core::int128 ms = pg::microseconds_of(PG_GETARG_INTERVAL_P(3)) / 1000;
    if (pg::microseconds_of(PG_GETARG_INTERVAL_P(3)) < 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be negative", name),
                errhint("%s", hint));
    return ms > PG_INT32_MAX ? PG_INT32_MAX : static_cast<int>(ms);
}

void read_expiry(FunctionCallInfo fcinfo, Request &r) {
    if (PG_ARGISNULL(4)) return;
    const TimestampTz now = GetCurrentTimestamp();
    r.expires = true;
    r.expires_at = DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(4)));
    if (r.expires_at <= now)
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("expires_after must be positive"),
            errhint("Valid values are intervals longer than 0 seconds, or NULL for a pause without expiry."));
}

Request read_request(FunctionCallInfo fcinfo) {
    Request r{};
    r.action = read_action(fcinfo);
    // A blank source would read as "all sources" in the key.
    r.reason = pg::unblank_text(fcinfo, 1, "reason");
    r.source = pg::unblank_text(fcinfo, 2, "source_system");
    r.drain_ms = read_drain_timeout(fcinfo);
    read_expiry(fcinfo, r);
    r.holder = pg::unblank_text(fcinfo, 5, "holder");
    r.all_holders = pg::flag(fcinfo, 6, "all_holders");
    return r;
}

bool same_source(const char *a, const char *b) {
    return a == nullptr || b == nullptr ? a == b : strcmp(a, b) == 0;
}

// Does the pause concern a question about `source` (NULL: about everything)?
bool concerns(const Pause &p, const char *source) {
    return source == nullptr || p.source == nullptr || same_source(p.source, source);
}

// Does it stop what was asked about?
bool stops(const Pause &p, const char *source) {
    return p.source == nullptr || same_source(p.source, source);
}

void emit(pg::Result &result, const char *action, bool active, const char *message, const Pause *p,
          const intake::Backlog &waiting) {
    result.text(action).boolean(active).int4(extension::other_flights()).text(message);
    if (p == nullptr)
        result.null().null().null().null().null();
    else {
        result.text_or_null(p->source).timestamp(p->paused_at).text(p->holder).text(p->reason);
        if (p->expires)
            result.timestamp(p->expires_at);
        else
            result.null();
    }
    result.int8(waiting.events).boolean(!waiting.exact);
    result.end_row();
}

// The row of control_ingestion(): `note` is what the action has to say beyond the state.
void emit_state(pg::Result &result, const Request &r, const pg::Array<Pause> &pauses, const char *note) {
    const Pause *shown =
        nullptr;  // the caller's own after a pause, otherwise the first: widest, then longest
    bool active = true;
    int concerned = 0;
    for (const Pause &p : pauses) {
        if (!concerns(p, r.source)) continue;
        concerned++;
        active = active && !stops(p, r.source);
        const bool own =
            r.action == Action::pause && same_source(p.source, r.source) && strcmp(p.holder, r.holder) == 0;
        if (shown == nullptr || own) shown = &p;
    }
    StringInfoData message;
    initStringInfo(&message);
    if (shown != nullptr)
        appendStringInfo(&message, "%s.", describe(*shown));
    else if (r.source == nullptr)
        appendStringInfoString(&message, "Loading is active.");
    else
        appendStringInfo(&message, "Loading of source \"%s\" is active.", r.source);
    if (concerned > 1)
        appendStringInfo(&message, " %d more %s in force.", concerned - 1,
                         concerned == 2 ? "pause is" : "pauses are");
    if (note != nullptr) appendStringInfo(&message, " %s", note);
    emit(result, name_of(r.action), active, message.data, shown, intake::backlog(r.source));
}

void acquire_gate(int drain_ms) {
    pg::limit_lock_waits(std::max<int64>(drain_ms, pg::second_ms));
    static char hint[] =
        "Another pause is under way in a transaction that is still open."
        " Try again after it, or with a longer drain_timeout.";
    try {
        pg::guarded([] { (void)extension::acquire(extension::Lock::gate, ExclusiveLock); });
    } catch (const pg::ServerError &error) {
        if (error.data()->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
            error.data()->hint = hint;  // copied at rethrow
        throw;
    }
}

// "123, 456" of the sessions in flight; a prepared transaction has no process.
const char *flight_pids() {
    static pg::Statement holders(
        "SELECT coalesce(string_agg(DISTINCT coalesce(l.pid::text, 'a prepared transaction'), ', '), '')"
        " FROM scout_internal.our_locks l WHERE l.lock_name = 'flight' AND l.granted"
        " AND l.pid IS DISTINCT FROM pg_backend_pid()");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = holders.run();
    owner.end();
    const char *text = pg::c_string(rows.text(0, 1));
    rows.free();
    return text;
}

const char *pause(Request &r, Oid acting_role) {
    const bool limited = !r.expires && audit::is_external();
    if (limited) {
        r.expires = true;
        r.expires_at =
            TimestampTzPlusMilliseconds(GetCurrentTimestamp(), static_cast<int64>(external_pause_ttl) * 1000);
    }
    const char *reason = r.reason == nullptr ? "no reason given" : r.reason;

    acquire_gate(r.drain_ms);
    write_pause(r.source, r.holder, reason, r.expires, r.expires_at);
    const int found = extension::other_flights();
    const int remaining = extension::drain_flights(r.drain_ms);

    StringInfoData note;
    initStringInfo(&note);
    if (limited)
        appendStringInfo(&note,
                         "It came through REST without expires_after and ends by itself after %d seconds"
                         " (scout_ir.external_pause_ttl).",
                         external_pause_ttl);
    if (remaining > 0) {
        const char *pids = flight_pids();
        appendStringInfo(&note, "%s%d %s still in flight after drain_timeout (process %s).",
                         note.len > 0 ? " " : "", remaining,
                         remaining == 1 ? "transaction is" : "transactions are", pids);
        ereport(WARNING, errcode(ERRCODE_LOCK_NOT_AVAILABLE),
                errmsg_plural("%d transaction is still in flight after drain_timeout",
                              "%d transactions are still in flight after drain_timeout",
                              static_cast<unsigned long>(remaining), remaining),
                errdetail("Process: %s.", pids),
                errhint("Nothing new starts, but these may still commit. Pause again to go on waiting."));
    }

    audit::Json arguments, counts;
    arguments.add("action", "pause")
        .add("holder", r.holder)
        .add("reason", reason)
        .add_or_null("source_system", r.source);
    arguments.add("drain_timeout_ms", static_cast<int64>(r.drain_ms));
    if (r.expires)
        arguments.add_time("expires_at", r.expires_at);
    else
        arguments.add_or_null("expires_at", nullptr);
    counts.add("drained", static_cast<int64>(std::max(found - remaining, 0)));
    counts.add("remaining_flights", static_cast<int64>(remaining));
    audit::record("control_ingestion", acting_role, arguments,
                  remaining == 0 ? "paused" : "paused, not drained", counts);
    return note.len > 0 ? note.data : nullptr;
}

const char *resume(const Request &r, Oid acting_role) {
    static pg::Statement lift(
        "DELETE FROM scout.pipeline_pauses p WHERE p.expires_at <= clock_timestamp()"
        " OR (($3 OR p.holder = $1) AND ($2 IS NULL OR p.source_system = $2))"
        " OR p.holder = $4 AND p.source_system = $2"
        " RETURNING coalesce(p.expires_at <= clock_timestamp(), false), p.source_system, p.holder");
    pg::Rows rows = lift.run({pg::text(r.holder), pg::text_or_null(r.source), pg::boolean(r.all_holders),
                              pg::text(circuit_breaker_holder)});
    int64 lifted = 0, expired = 0;
    for (uint64 i = 0; i < rows.count(); i++) {
        (rows.boolean(i, 1) ? expired : lifted)++;
        extension::pause_lifted(rows.is_null(i, 2) ? nullptr : pg::c_string(rows.text(i, 2)),
                                pg::c_string(rows.text(i, 3)));
    }
    rows.free();

    pg::Array<Pause> remaining;
    read_pauses(remaining);
    StringInfoData note, others;
    initStringInfo(&note);
    initStringInfo(&others);
    int64 in_force = 0;
    for (const Pause &p : remaining) {
        if (!concerns(p, r.source)) continue;
        in_force++;
        if (strcmp(p.holder, r.holder) != 0)
            appendStringInfo(&others, "%s%s.", others.len > 0 ? "\n" : "", describe(p));
    }
    appendStringInfo(&note, "Pauses lifted: " INT64_FORMAT ".", lifted);
    if (others.len > 0) {
        appendStringInfoString(&note, " Pauses of others stay in force.");
        ereport(
            NOTICE, errmsg("pauses of other holders stay in force"), errdetail_internal("%s", others.data),
            errhint(
                "To lift them too: SELECT * FROM scout.control_ingestion('resume', all_holders => true)"));
    }

    audit::Json arguments, counts;
    arguments.add("action", "resume").add("holder", r.holder).add_or_null("reason", r.reason);
    arguments.add_or_null("source_system", r.source).add_bool("all_holders", r.all_holders);
    counts.add("pauses_lifted", lifted).add("pauses_expired", expired).add("pauses_in_force", in_force);
    audit::record("control_ingestion", acting_role, arguments, in_force == 0 ? "resumed" : "still paused",
                  counts);
    return note.data;
}

}  // namespace

}  // namespace scout::pause

SCOUT_ACTION(scout_control_ingestion, 7) {
    using namespace scout;
    pause::Request r = pause::read_request(fcinfo);
    const bool acts = r.action != pause::Action::status;
    if (acts) extension::require_operator(psprintf("control_ingestion('%s')", pause::name_of(r.action)));
    const Oid acting_role = GetUserId();
    pg::Result result(fcinfo);
    const Oid owner = extension::require_pipeline();
    const Oid role = acts ? owner : extension::pipeline_reader();
    if (acts && r.holder == nullptr) r.holder = audit::actor();
    pg::Session session(role);
    const char *note = nullptr;
    if (r.action == pause::Action::pause) note = pause::pause(r, acting_role);
    if (r.action == pause::Action::resume) note = pause::resume(r, acting_role);
    pg::Array<pause::Pause> pauses;
    pause::read_pauses(pauses);
    pause::emit_state(result, r, pauses, note);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_FUNCTION(scout_ingestion_status, 0) {
    using namespace scout;
    pg::Result result(fcinfo);
    (void)extension::require_pipeline();
    pg::Session session(extension::pipeline_reader());
    pg::Array<pause::Pause> pauses;
    pause::read_pauses(pauses, pause::Look::calling);
    for (const pause::Pause &p : pauses)
        pause::emit(result, "paused", false, psprintf("%s.", pause::describe(p)), &p,
                    intake::backlog(p.source));
    if (pauses.empty())
        pause::emit(result, "active", true, "Loading is active.", nullptr, intake::backlog(nullptr));
    session.end();
    return static_cast<Datum>(0);
}
