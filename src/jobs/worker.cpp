// A worker of a job: one transaction per turn, until nothing is left.
//
//   join      (hand-over only) create the job row, answer the waiting caller
//   register  session lock on (job, worker); the row says running; worker 0 counts an attempt
//   turn      one chunk: work, chunk and counts commit together; retried after a deadlock
//   leave     the last one to leave says succeeded
//
// Commit of a turn: the work is done once and for ever. Abort: the chunk is as before; a conflict is
// tried again, cancel ends the job as cancelled, anything else as failed. SIGTERM, crash, kill -9: the
// lock is gone, the row still says running, and that reads as interrupted; chunks that were done are
// done, and the next attempt goes on from there. DROP EXTENSION and DROP TABLE wait for one turn at most;
// the next one sees that the extension has gone, or is of another version, and leaves.
//
// Whoever waits in shared memory and goes away cancels the job.

#include "audit/caller.hpp"
#include "audit/retention.hpp"
#include "jobs/chunks.hpp"
#include "jobs/launch.hpp"
#include "jobs/store.hpp"
#include "pg/handover.hpp"
#include "pg/locks.hpp"
#include "pg/relation.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::jobs {

namespace {

constexpr int most_conflicts = 10;  // of one turn

struct Run {
    JobStart start;
    MemoryContext memory;  // of the worker's life
    pg::Handover *handover;
    int64 job;
    int workers;
    int attempt;  // 0 until registered; a job that was resumed meanwhile is no longer this process's
    char activity[96];
};

enum class After { go_on, last_try, stop };

// Begins every transaction of a worker: is this still the extension that the job belongs to?
bool extension_is_there() {
    return OidIsValid(pg::lock_extension()) && pg::library_matches_extension();
}

ErrorData *transaction(Run &run, void (*call)(void *), void *argument) {
    return pg::in_transaction_raw(run.activity, run.memory, call, argument);
}

template <typename Call>
ErrorData *transaction(Run &run, Call call) {
    return transaction(
        run, [](void *c) { (*static_cast<Call *>(c))(); }, &call);
}

// One line per failure: what a person at the log needs.
void log_error(const Run &run, const char *what, const ErrorData *error) {
    ereport(
        LOG,
        errmsg("scout_ir job %lld worker %d %s: %s", static_cast<long long>(run.job), run.start.worker, what,
               error->message),
        errdetail_log("SQLSTATE %s%s%s", unpack_sql_state(error->sqlerrcode),
                      error->detail != nullptr ? ". " : "", error->detail != nullptr ? error->detail : ""));
}

// The job as the caller asked for it, made here so that nothing waits for the caller's own transaction.
bool join(Run &run) {
    ErrorData *error = transaction(run, [&run] { run.handover = pg::take_over(run.start.handover); });
    if (error != nullptr || run.handover == nullptr) return false;
    bool made = false;
    int64 job = 0;
    error = transaction(run, [&] {
        if (!extension_is_there()) elog(ERROR, "extension scout_ir is not there in this version");
        if (OidIsValid(run.start.acting_role)) pg::set_role(GetUserNameFromId(run.start.acting_role, false));
        pg::set_claims(pg::handed_string(run.handover, 3));
        pg::Session session;
        pg::require_operator("jobs");
        job = create({pg::handed_string(run.handover, 0), pg::handed_string(run.handover, 1),
                      atoi(pg::handed_string(run.handover, 2)), pg::handed_string(run.handover, 4), false},
                     made);
        session.end();
    });
    if (error != nullptr) {
        pg::refuse(run.handover, error);
        return false;
    }
    run.job = job;
    pg_atomic_write_u64(&run.handover->answer, static_cast<uint64>(job));
    return made;
}

int running_workers() {
    static pg::Statement count(
        "SELECT count(*) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = $1 AND l.granted"
        " AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())");
    pg::Rows rows = count.read({pg::int4(pg::job_lock_field)});
    const int out = static_cast<int>(rows.int8(0, 1));
    rows.free();
    return out;
}

// For whom the job runs; copies in the worker's memory. Outside of a session: SET there is undone at its end.
void read_identity(const Run &run, const char *&session_role, const char *&role, const char *&claims) {
    pg::Session session;
    Record r;
    if (read(run.job, r)) {
        session_role = MemoryContextStrdup(run.memory, r.session_role);
        role = MemoryContextStrdup(run.memory, r.acting_role);
        if (r.claims != nullptr) claims = MemoryContextStrdup(run.memory, r.claims);
    }
    session.end();
}

void fail(Run &run, const char *state, const ErrorData *error);

enum class Registered { yes, no, no_room };

// `no`: nothing to do here: no such job, it has ended, somebody is this worker already.
Registered try_register(Run &run) {
    Registered outcome = Registered::no;
    ErrorData *error = transaction(run, [&] {
        if (!extension_is_there()) return;
        pg::Session session;
        // Looked at before the lock is taken: two that looked after it would both give way.
        const bool room = running_workers() < pg::max_workers;
        if (!room) outcome = Registered::no_room;
        Record r;
        if (room && lock(run.job, r) && !r.ended() && pg::hold_job_worker(run.job, run.start.worker)) {
            run.workers = r.workers;
            run.attempt = r.attempts + (run.start.worker == 0 ? 1 : 0);
            register_worker(r, run.start.worker, run.start.worker == 0);
            snprintf(run.activity, sizeof run.activity, "scout_ir job %lld: %s",
                     static_cast<long long>(run.job), r.kind);
            outcome = Registered::yes;
        }
        session.end();
    });
    if (error == nullptr) return outcome;
    log_error(run, "could not begin", error);
    return Registered::no;
}

ErrorData *nobody_waits(const Run &run) {
    MemoryContextSwitchTo(run.memory);
    auto *error = static_cast<ErrorData *>(palloc0(sizeof(ErrorData)));
    error->sqlerrcode = ERRCODE_QUERY_CANCELED;
    error->message = pstrdup("the session that waited for it was cancelled or ended");
    return error;
}

// A job for which there is no room stays queued. Where somebody waits, this process waits, too: it is
// there to notice when they stop waiting.
bool register_here(Run &run) {
    Registered registered;
    while ((registered = try_register(run)) == Registered::no_room && run.handover != nullptr) {
        pg::doze(200);
        if (!pg::abandoned(run.handover)) continue;
        fail(run, "cancelled", nobody_waits(run));
        return false;
    }
    if (registered != Registered::yes) return false;
    // A role that has been dropped, or that the login role may not take on any more, is the job's failure.
    ErrorData *error = transaction(run, [&] {
        const char *session_role = nullptr, *role = nullptr, *claims = nullptr;
        read_identity(run, session_role, role, claims);
        if (!OidIsValid(run.start.login_role)) pg::become(session_role);
        pg::set_claims(claims);
        pg::set_role(role);
        pg::require_operator("jobs");
    });
    if (error == nullptr) return true;
    fail(run, "failed", error);
    return false;
}

void start_helpers(const Run &run) {
    for (int n = 1; n < run.workers; n++)
        if (!start_worker({run.start.database, run.start.login_role, InvalidOid, run.job, n, 0})) {
            ereport(
                LOG,
                errmsg("scout_ir job %lld goes on with %d of %d workers: no background worker slot is free",
                       static_cast<long long>(run.job), n, run.workers));
            return;
        }
}

// Interrupts the other workers of a job that has ended, so that they need not finish their batch.
void interrupt_others(const Run &run) {
    static pg::Statement pids(
        "SELECT w.pid FROM scout.job_workers w WHERE w.job_id = $1 AND w.worker_no <> $2 AND w.finished_at "
        "IS NULL"
        " AND EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = $3 AND l.pid = "
        "w.pid)");
    pg::AsRole owner(pg::extension_owner());
    pg::Rows rows =
        pids.read_latest({pg::int8(run.job), pg::int4(run.start.worker), pg::int4(pg::job_lock_field)});
    owner.end();
    for (uint64 i = 0; i < rows.count(); i++) interrupt_at_commit(rows.int4(i, 1));
    rows.free();
}

// What the supervisor asks for every few seconds is in the timeline and in the log only where it fails,
// and then once for each kind of failure.
bool known_failure(const Record &r, const ErrorData *error) {
    return r.scheduled && r.error_sqlstate != nullptr &&
           strcmp(r.error_sqlstate, unpack_sql_state(error->sqlerrcode)) == 0;
}

void record_end(const Record &r, const char *state) {
    if (r.scheduled && strcmp(state, "succeeded") == 0) return;
    audit::Json counts;
    counts.add("job_id", r.id)
        .add("done", r.done.done)
        .add("transactions_created", r.done.created)
        .add("transactions_updated", r.done.updated)
        .add("transactions_removed", r.done.removed)
        .add("events_dead_lettered", r.done.dead_lettered)
        .add("dead_letters_resolved", r.done.resolved);
    audit::record(r.kind, GetUserId(), r.arguments, state, counts);
}

bool is_ours(const Run &run, const Record &r) {
    if (run.attempt == 0) return strcmp(r.state, "queued") == 0;
    return strcmp(r.state, "running") == 0 && r.attempts == run.attempt;
}

// Notes how the job ended, unless another worker has done so.
void fail(Run &run, const char *state, const ErrorData *error) {
    bool known = false;
    ErrorData *second = transaction(run, [&] {
        if (!extension_is_there()) return;
        pg::Session session;
        Record r;
        if (lock(run.job, r) && is_ours(run, r)) {
            const Failure why{pstrdup(unpack_sql_state(error->sqlerrcode)), error->message, error->detail,
                              error->hint};
            set_state(r, state, &why);
            finish_worker(run.job, run.start.worker);
            known = known_failure(r, error);
            if (!known) record_end(r, state);
            interrupt_others(run);
        }
        session.end();
    });
    if (!known) log_error(run, state, error);
    if (second != nullptr) log_error(run, "could not note how it ended", second);
}

void leave_interrupted(Run &run, const char *why) {
    ErrorData *error = transaction(run, [&] {
        pg::Session session;
        Record r;
        if (lock(run.job, r) && is_ours(run, r)) {
            const Failure failure{"55000", why, nullptr,
                                  "SELECT scout.resume_job(...) goes on from where it was."};
            set_state(r, "interrupted", &failure);
            finish_worker(run.job, run.start.worker);
        }
        session.end();
    });
    if (error != nullptr) log_error(run, "could not note that it was held back", error);
}

bool others_live(const Run &run) {
    for (int other : unfinished_workers(run.job, run.start.worker))
        if (pg::job_worker_lives(run.job, other)) return true;
    return false;
}

// Nothing is left for this worker. The last one looks once more: a worker that died meanwhile has put
// its chunk back.
After leave(Run &run, bool looked_again) {
    After after = After::stop;
    ErrorData *error = transaction(run, [&] {
        if (!extension_is_there()) return;
        pg::Session session;
        Record r;
        if (lock(run.job, r) && is_ours(run, r)) {
            if (others_live(run)) {
                finish_worker(run.job, run.start.worker);
            } else if (!looked_again && has_chunks(run.job)) {
                after = After::last_try;
            } else {
                finish_worker(run.job, run.start.worker);
                set_state(r, "succeeded", nullptr);
                record_end(r, "succeeded");
                (void)audit::forget_old();
            }
        }
        session.end();
    });
    if (error != nullptr) log_error(run, "could not note its end", error);
    return error != nullptr ? After::stop : after;
}

bool is_conflict(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
           error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
           error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

// One turn in one transaction. `utility` is set where the turn is a statement that runs by itself.
struct Outcome {
    Turn turn = Turn::nothing_left;
    bool stopped = false;  // the job is no longer to be done: ended, cancelled, extension gone
    const char *utility = nullptr;
    Oid run_as = InvalidOid;
};

void take_turn(Run &run, Outcome &outcome) {
    outcome.stopped = true;
    if (!extension_is_there()) return;
    pg::Session session;
    Record r;
    const bool on = read(run.job, r) && is_ours(run, r);
    if (!on) return session.end();
    const Kind *kind = find_kind(r.kind);
    if (kind == nullptr)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("this scout_ir knows no job \"%s\"", r.kind));
    if (pg::abandoned(run.handover)) ReThrowError(nobody_waits(run));
    outcome.stopped = false;
    const Job job{run.job, r.arguments, run.start.worker};
    pg::require_operator(r.kind);
    if (kind->utility != nullptr) {
        const char *sql = kind->utility(job, outcome.run_as);
        outcome.utility = sql == nullptr ? nullptr : MemoryContextStrdup(run.memory, sql);
        outcome.turn = sql == nullptr ? Turn::nothing_left : Turn::worked;
    } else {
        Progress progress;
        outcome.turn = kind->turn(job, progress);
        if (outcome.turn == Turn::worked) add_progress(run.job, run.start.worker, progress);
    }
    session.end();
}

ErrorData *turn(Run &run, Outcome &outcome) {
    ErrorData *error = transaction(run, [&] { take_turn(run, outcome); });
    if (error != nullptr || outcome.utility == nullptr) return error;
    error = pg::run_utility(outcome.utility, outcome.run_as, run.memory);
    if (error != nullptr) return error;
    return transaction(run, [&] {
        pg::Session session;
        Progress one;
        one.done = 1;
        add_progress(run.job, run.start.worker, one);
        Chunk chunk;
        if (take_chunk(run.job, chunk)) finish_chunk(run.job, chunk);
        session.end();
    });
}

void work(Run &run) {
    int conflicts = 0;
    bool looked_again = false;
    for (;;) {
        pg::between_turns();
        Outcome outcome;
        ErrorData *error = turn(run, outcome);
        if (error != nullptr && is_conflict(error) && ++conflicts <= most_conflicts) {
            pg::doze(std::min(1000L, 50L << std::min(conflicts, 5)));
            continue;
        }
        if (error != nullptr)
            return fail(run, error->sqlerrcode == ERRCODE_QUERY_CANCELED ? "cancelled" : "failed", error);
        conflicts = 0;
        if (outcome.stopped) return;
        switch (outcome.turn) {
            case Turn::worked: looked_again = false; break;
            case Turn::held_back: return leave_interrupted(run, "loading is paused");
            case Turn::nothing_left:
                if (leave(run, looked_again) == After::stop) return;
                looked_again = true;
        }
    }
}

// Somebody waits for this process: it stays until the others are done, too.
void await_others(Run &run) {
    for (bool live = true; live;) {
        live = false;
        if (transaction(run, [&] {
                if (!extension_is_there()) return;
                pg::Session session;
                live = others_live(run);
                session.end();
            }) != nullptr)
            return;
        if (live) pg::doze(20);
    }
}

void start_next(Run &run) {
    ErrorData *error = transaction(run, [] {
        if (!extension_is_there()) return;
        pg::Session session;
        (void)start_waiting(false, 4);
        session.end();
    });
    if (error != nullptr) log_error(run, "could not start what waits", error);
}

}  // namespace

}  // namespace scout::jobs

extern "C" {
PGDLLEXPORT void scout_job_worker(Datum);

void scout_job_worker(Datum) {
    using namespace scout;
    using namespace scout::jobs;
    (void)pg::invoke([] {
        Run run{};
        pg::read_payload(&run.start, sizeof run.start);
        pg::enter_worker_raw(run.start.database, run.start.login_role);
        run.memory = AllocSetContextCreateInternal(TopMemoryContext, "scout_ir job", ALLOCSET_DEFAULT_SIZES);
        MemoryContextSwitchTo(run.memory);
        run.job = run.start.job;
        strlcpy(run.activity, "scout_ir job", sizeof run.activity);
        if (run.start.handover != 0 && !join(run)) return static_cast<Datum>(0);
        if (register_here(run)) {
            if (run.start.worker == 0) start_helpers(run);
            work(run);
            if (run.start.handover != 0) await_others(run);
            pg::leave_job_worker(run.job, run.start.worker);
            start_next(run);
        }
        return static_cast<Datum>(0);
    });
}
}
