// emergency_reset(): pause, clear stuck locks, one batch as a probe, resume.
//
// Once its arguments are checked it raises no error, for that would roll its own pause back: each step
// runs in a subtransaction of its own, and its failure is a row of the result. Only a cancel of the
// caller's, or a shutdown, ends the call; then all of it is rolled back, but what was signalled.
//
// The steps are the SQL functions that an operator would call, with the caller's rights. GATE, once the
// pause has it, is held to the end of the transaction; the probe passes it by force. If GATE cannot be
// had, its holder may be what is stuck: after clearing, the pause is tried once more. Waits for other
// locks are bounded by lock_timeout.
//
// The pause is that of a holder of its own: only this pause is lifted at the end, also one that an
// earlier reset left behind, and only if nothing stuck remains and the probe went well.
//
// Commit publishes the pause (where it stays) and the probe together. Abort, crash: as if not called.

#include "audit/caller.hpp"
#include "extension/pipeline.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::sessions {

namespace {

constexpr const char *function_name = "emergency_reset";
constexpr const char *holder = "emergency_reset";
constexpr int max_holders = 10;  // clear_stuck_locks() ends no more than that, or none
constexpr const char *how_to_resume =
    "SELECT * FROM scout.control_ingestion('resume', holder => 'emergency_reset')";

struct Request {
    const char *reason;
    pg::Param older_than, drain_timeout;
    int64 older_than_ms, drain_ms;
    int probe_events;
    bool dry_run;
};

Request read_request(FunctionCallInfo fcinfo) {
    Request r{};
    r.reason = pg::c_string(pg::required_text(fcinfo, 0, "reason", "Leave it out to use the default."));
    r.older_than_ms = pg::duration_argument(fcinfo, 1, "older_than", 10 * pg::year_ms,
                                            "from 0 seconds to 10 years; the default is 10 minutes");
    r.drain_ms = pg::duration_argument(fcinfo, 2, "drain_timeout", pg::hour_ms,
                                       "from 0 seconds to 1 hour; the default is 5 seconds");
    r.probe_events = pg::count_argument(fcinfo, 3, "probe_events", 1'000'000);
    r.dry_run = pg::flag(fcinfo, 4, "dry_run");
    r.older_than = pg::argument(fcinfo, 1, INTERVALOID);
    r.drain_timeout = pg::argument(fcinfo, 2, INTERVALOID);
    return r;
}

enum class Status : uint8 { ok, warning, skipped, failed, dry_run };

const char *name_of(Status status) {
    switch (status) {
        case Status::ok: return "ok";
        case Status::warning: return "warning";
        case Status::skipped: return "skipped";
        case Status::failed: return "failed";
        default: return "dry_run";
    }
}

struct Step {
    const char *action;
    Status status;
    const char *message;
    audit::Json *details;
    TimestampTz started;
};

class Reset {
public:
    Reset(pg::Result &result, const Request &request) : result_(result), r_(request) {}
    void run();
    const char *outcome() const;
    void count(audit::Json &counts) const;

private:
    // Runs one step and emits its row; true unless it failed. `keep` false: what it did is taken back.
    template <typename Body>
    bool step(const char *action, Body body, bool keep = true) {
        audit::Json details;
        Step s{action, r_.dry_run ? Status::dry_run : Status::ok, "", &details, GetCurrentTimestamp()};
        ErrorData *error = pg::attempt_step([&] { body(s); }, keep);
        if (error != nullptr) fail(s, error);
        emit(s);
        return s.status != Status::failed;
    }
    void fail(Step &s, const ErrorData *error);
    void emit(Step &s);
    bool pause();
    void clear(Step &s);
    void probe(Step &s);
    void finish(Step &s);

    pg::Result &result_;
    const Request &r_;
    int steps_ = 0, failed_ = 0;
    bool paused_ = false, resumed_ = false;
    int64 ended_ = 0, remaining_ = 0, probed_ = 0;
    bool cleared_ = false, probe_passed_ = false;
};

void Reset::fail(Step &s, const ErrorData *error) {
    s.status = Status::failed;
    s.message = error->hint == nullptr ? error->message : psprintf("%s. %s", error->message, error->hint);
    if (paused_ && strcmp(s.action, "resume") == 0)
        s.message = psprintf("%s. Loading STAYS PAUSED: %s", s.message, how_to_resume);
    *s.details = audit::Json();
    s.details->add("sqlstate", unpack_sql_state(error->sqlerrcode))
        .add("error", error->message)
        .add_or_null("detail", error->detail)
        .add_or_null("hint", error->hint);
}

void Reset::emit(Step &s) {
    failed_ += s.status == Status::failed;
    result_.int4(++steps_).text(s.action).text(name_of(s.status));
    result_.datum(DirectFunctionCall1(jsonb_in, CStringGetDatum(s.details->text())));
    result_.milliseconds(GetCurrentTimestamp() - s.started).text(s.message);
    result_.end_row();
}

bool Reset::pause() {
    static pg::Statement pause(
        "SELECT p.message, p.active_workers, p.backlog"
        " FROM scout.control_ingestion('pause', $1, drain_timeout => $2, holder => $3) p");
    static pg::Statement look(
        "SELECT p.message, p.active_workers, p.backlog FROM scout.control_ingestion('status') p");
    return step("pause", [this](Step &s) {
        pg::Rows rows =
            r_.dry_run ? look.run() : pause.run({pg::text(r_.reason), r_.drain_timeout, pg::text(holder)});
        const int in_flight = rows.int4(0, 2);
        s.message = psprintf("%s%.*s", r_.dry_run ? "Would pause. " : "",
                             static_cast<int>(rows.text(0, 1).size()), rows.text(0, 1).data());
        s.details->add("in_flight", static_cast<int64>(in_flight)).add("backlog", rows.int8(0, 3));
        if (!r_.dry_run && in_flight > 0) s.status = Status::warning;
    });
}

// The caller's own transaction holds GATE by now: it is not what is stuck.
void Reset::clear(Step &s) {
    static pg::Statement clear(
        "SELECT count(*), count(*) FILTER (WHERE c.signalled AND c.gone), count(*) FILTER (WHERE NOT c.gone),"
        " count(*) FILTER (WHERE c.verdict = 'refused'), coalesce(string_agg(format('%s %s of %s, %s: %s',"
        "  c.lock_name, coalesce('process ' || c.pid, 'prepared transaction'),"
        "  coalesce(c.usename::text, 'an unknown role'), c.verdict, coalesce(c.refusal, CASE WHEN c.gone THEN"
        "   'gone' WHEN $2 THEN 'would be ended' ELSE 'still there' END)), '; ' ORDER BY c.age DESC), '')"
        " FROM scout.clear_stuck_locks($1, $2, $4, $3) c WHERE c.pid IS DISTINCT FROM pg_backend_pid()");
    pg::Rows rows =
        clear.run({r_.older_than, pg::boolean(r_.dry_run), pg::text(r_.reason), pg::int4(max_holders)});
    const int64 found = rows.int8(0, 1), refused = rows.int8(0, 4);
    ended_ = rows.int8(0, 2);
    remaining_ = r_.dry_run && found - refused <= max_holders ? refused : rows.int8(0, 3);
    cleared_ = true;
    s.message = found == 0 ? "Nothing is stuck." : psprintf("%s.", pg::c_string(rows.text(0, 5)));
    s.details->add("found", found).add("ended", ended_).add("remaining", remaining_);
    if (remaining_ > 0) s.status = Status::failed;
}

void Reset::probe(Step &s) {
    static pg::Statement load(
        "SELECT l.events_processed, l.transactions_created + l.transactions_updated,"
        " l.events_dead_lettered, l.backlog"
        " FROM scout.load_silver_from_bronze($1, force => true) l");
    pg::Rows rows = load.run({pg::int4(r_.probe_events)});
    probed_ = rows.int8(0, 1);
    const int64 written = rows.int8(0, 2), dead = rows.int8(0, 3), waiting = rows.int8(0, 4);
    probe_passed_ = true;
    s.details->add("events_processed", probed_)
        .add("transactions_written", written)
        .add("events_dead_lettered", dead)
        .add("backlog", waiting);
    if (probed_ == 0) {
        s.status = Status::skipped;
        s.message = waiting == 0
                        ? "No event waits to be loaded: nothing was tried."
                        : "Events wait, but other transactions have claimed them: nothing was tried.";
        return;
    }
    s.message =
        psprintf(INT64_FORMAT " events %s, " INT64_FORMAT " of them dead-lettered; " INT64_FORMAT " wait.",
                 probed_, r_.dry_run ? "would be loaded" : "loaded", dead, waiting);
    if (dead == probed_) s.status = Status::warning;
}

// Resumes, or says why not and how to.
void Reset::finish(Step &s) {
    static pg::Statement resume(
        "SELECT p.ingestion_active FROM scout.control_ingestion('resume', $1, holder => $2) p");
    static pg::Statement others(
        "SELECT string_agg(p.message, ' ') FROM scout.ingestion_status() p WHERE p.paused_by <> $1");
    const bool well = cleared_ && remaining_ == 0 && probe_passed_;
    const char *reason = !cleared_        ? "it is not known whether anything is stuck"
                         : remaining_ > 0 ? "stuck holders of locks remain"
                         : !probe_passed_ ? "the probe failed"
                                          : "";
    if (r_.dry_run) {
        s.message = well ? "Would resume." : psprintf("Would stay paused: %s.", reason);
    } else if (!paused_) {
        s.status = Status::skipped;
        s.message = "Nothing to resume: loading was not paused by this call.";
    } else if (!well) {
        s.status = Status::skipped;
        s.message = psprintf("Loading STAYS PAUSED, because %s. When it is mended, call again or resume: %s",
                             reason, how_to_resume);
    } else {
        (void)resume.run({pg::text(r_.reason), pg::text(holder)});
        s.message = "The pause of this reset is lifted.";
    }
    pg::Rows rows = others.run({pg::text(holder)});
    const char *still = rows.is_null(0, 1) ? nullptr : pg::c_string(rows.text(0, 1));
    if (still != nullptr) s.message = psprintf("%s Not touched: %s", s.message, still);
    s.details->add_or_null("other_pauses", still);
    resumed_ = !r_.dry_run && paused_ && well;
}

void Reset::run() {
    bool there = true;
    if (pg::attempt_step([] { (void)extension::require_pipeline(); }) != nullptr) there = false;
    paused_ = pause() && !r_.dry_run;
    if (!there) {
        for (const char *action : {"clear stuck locks", "probe", "resume"})
            (void)step(action, [](Step &s) {
                s.status = Status::skipped;
                s.message = "The pipeline is not in order: see step 1.";
            });
        return;
    }
    (void)step("clear stuck locks", [this](Step &s) { clear(s); });
    if (!paused_ && !r_.dry_run && ended_ > 0) paused_ = pause();
    (void)step(
        "probe", [this](Step &s) { probe(s); }, !r_.dry_run);
    if (!step("resume", [this](Step &s) { finish(s); })) resumed_ = false;
}

void Reset::count(audit::Json &counts) const {
    counts.add("steps", static_cast<int64>(steps_))
        .add("steps_failed", static_cast<int64>(failed_))
        .add("holders_ended", ended_)
        .add("holders_remaining", remaining_)
        .add("events_processed", probed_);
}

const char *Reset::outcome() const {
    if (r_.dry_run) return "dry run";
    if (resumed_) return "resumed";
    return paused_ ? "stays paused" : "not paused";
}

void record(const Request &r, const Reset &reset, Oid role) {
    audit::Json arguments, counts;
    arguments.add("reason", r.reason)
        .add("older_than_ms", r.older_than_ms)
        .add("drain_timeout_ms", r.drain_ms)
        .add("probe_events", static_cast<int64>(r.probe_events))
        .add_bool("dry_run", r.dry_run);
    reset.count(counts);
    audit::record(function_name, role, arguments, reset.outcome(), counts);
}

}  // namespace

}  // namespace scout::sessions

SCOUT_ACTION(scout_emergency_reset, 5) {
    using namespace scout;
    using namespace scout::sessions;
    const Request r = read_request(fcinfo);
    PreventCommandIfReadOnly("emergency_reset()");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    // No wait for a lock may outlast what the caller is ready to wait for batches in flight.
    pg::limit_lock_waits(std::max(r.drain_ms, pg::second_ms));
    Reset reset(result, r);
    reset.run();
    ErrorData *error = pg::attempt_step([&] { record(r, reset, role); });
    if (error != nullptr)
        ereport(WARNING, errcode(error->sqlerrcode),
                errmsg("emergency_reset is not in the timeline: %s", error->message));
    session.end();
    return static_cast<Datum>(0);
}
