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
// Whoever waits in shared memory and goes away cancels the job. ending.cpp has the ends.

#include "audit/caller.hpp"
#include "extension/locks.hpp"
#include "extension/tiers.hpp"
#include "jobs/chunks.hpp"
#include "jobs/roles.hpp"
#include "jobs/run.hpp"
#include "jobs/settings.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::jobs {

namespace {

constexpr int most_conflicts = 10;  // of one turn

// The job as the caller asked for it, made here so that nothing waits for the caller's own transaction.
bool join(Run &run) {
    ErrorData *error = transaction(run, [&run] { run.handover = pg::take_over(run.start.handover); });
    if (error != nullptr || run.handover == nullptr) return false;
    bool made = false;
    int64 job = 0;
    error = transaction(run, [&] {
        if (!extension_is_there(run))
            ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the extension is not there in the version of its library, %s", SCOUT_IR_VERSION),
                    errhint("ALTER EXTENSION scout_ir UPDATE"));
        if (OidIsValid(run.start.acting_role)) take_on(GetUserNameFromId(run.start.acting_role, false));
        audit::set_claims(pg::handed_string(run.handover, 3));
        pg::Session session;
        extension::require_operator("jobs");
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

// For whom the job runs; copies in the worker's memory. Outside of a session: SET there is undone at its end.
void read_identity(const Run &run, const char *&role, const char *&claims) {
    pg::Session session;
    Record r;
    if (read(run.job, r)) {
        role = MemoryContextStrdup(run.memory, r.acting_role);
        if (r.claims != nullptr) claims = MemoryContextStrdup(run.memory, r.claims);
    }
    session.end();
}

enum class Registered { yes, no, taken, no_room };

// The number may be another job's by now, where the extension was made again, or its role's name.
bool is_of_this_login(const Record &r) {
    return strcmp(r.session_role, GetUserNameFromId(GetSessionUserId(), false)) == 0;
}

// `no`: there is no such job any more, it has ended, or it is of somebody else. `taken`: somebody is this
// worker already.
Registered become_worker(Run &run) {
    Record r;
    extension::acquire(extension::Lock::start, ExclusiveLock);
    const bool room = running_workers() < max_workers;
    const bool mine = room && extension::hold_job_worker(run.job, run.start.worker);
    extension::release(extension::Lock::start, ExclusiveLock);
    if (!mine) return room ? Registered::taken : Registered::no_room;
    if (!lock(run.job, r) || r.ended() || !is_of_this_login(r)) {
        extension::leave_job_worker(run.job, run.start.worker);
        return Registered::no;
    }
    const bool is_attempt = run.start.worker == 0;
    run.workers = r.workers;
    run.attempt = r.attempts + (is_attempt ? 1 : 0);
    register_worker(r, run.start.worker, is_attempt);
    snprintf(run.activity, sizeof run.activity, "scout_ir job %lld: %s", static_cast<long long>(run.job),
             r.kind);
    return Registered::yes;
}

Registered try_register(Run &run) {
    Registered outcome = Registered::no;
    ErrorData *error = transaction(run, [&] {
        if (!extension_is_there(run)) return log_gone(run);
        pg::Session session;
        outcome = become_worker(run);
        session.end();
    });
    if (error == nullptr) return outcome;
    log_error(run, "could not begin", error);
    return Registered::no;
}

// A job for which there is no room stays queued. Where somebody waits, this process waits, too: it is
// there to notice when they stop waiting. `taken` may be somebody's passing look at the lock, or a worker
// of the attempt before, on its way out.
bool register_here(Run &run) {
    Registered registered;
    for (int taken = 0;;) {
        registered = try_register(run);
        if (registered == Registered::taken && ++taken <= 5) {
            pg::doze(20, turn_wait);
        } else if (registered == Registered::no_room && run.handover != nullptr) {
            pg::doze(200, turn_wait);
            if (!pg::abandoned(run.handover)) continue;
            (void)fail(run, "cancelled", nobody_waits(run));
            return false;
        } else {
            break;
        }
    }
    if (registered != Registered::yes) return false;
    // A role that has been dropped, or that the login role may not take on any more, is the job's failure.
    ErrorData *error = transaction(run, [&] {
        const char *role = nullptr, *claims = nullptr;
        read_identity(run, role, claims);
        audit::set_claims(claims);
        take_on(role);
        extension::require_operator("jobs");
    });
    if (error == nullptr) return true;
    (void)fail(run, "failed", error);
    return false;
}

void start_helpers(const Run &run) {
    for (int n = 1; n < run.workers; n++)
        if (!start_worker(
                {run.start.database, run.start.login_role, InvalidOid, run.job, n, 0, run.start.login})) {
            ereport(
                LOG,
                errmsg("scout_ir job %lld goes on with %d of %d workers: no background worker slot is free",
                       static_cast<long long>(run.job), n, run.workers));
            return;
        }
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

void run_turn(Run &run, Outcome &outcome) {
    outcome.stopped = true;
    if (!extension_is_there(run)) return;
    pg::Session session;
    Record r;
    if (!read(run.job, r) || strcmp(r.state, "running") != 0) return session.end();
    run.attempt = r.attempts;
    const Kind *kind = find_kind(r.kind);
    if (kind == nullptr)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("this scout_ir knows no job \"%s\"", r.kind));
    if (pg::abandoned(run.handover)) ReThrowError(nobody_waits(run));
    outcome.stopped = false;
    const Job job{run.job, r.arguments, run.start.worker};
    extension::require_operator(r.kind);
    if (kind->utility != nullptr) {
        const char *sql = kind->utility(job, outcome.run_as);
        outcome.utility = sql == nullptr ? nullptr : MemoryContextStrdup(run.turn_memory, sql);
        outcome.turn = sql == nullptr ? Turn::nothing_left : Turn::worked;
    } else {
        Progress progress;
        outcome.turn = kind->turn(job, progress);
        if (outcome.turn == Turn::worked) add_progress(run.job, run.start.worker, progress);
    }
    session.end();
}

ErrorData *turn(Run &run, Outcome &outcome) {
    ErrorData *error = transaction(run, [&] { run_turn(run, outcome); });
    if (error != nullptr || outcome.utility == nullptr) return error;
    error = pg::run_utility(outcome.utility, outcome.run_as, run.memory);
    if (error != nullptr) return error;
    return transaction(run, [&] {
        pg::Session session;
        Progress one;
        one.done = 1;
        add_progress(run.job, run.start.worker, one);
        Chunk chunk;
        if (claim_chunk(run.job, chunk)) finish_chunk(run.job, chunk);
        session.end();
    });
}

// After an error: again, or the end of the job.
After after_error(Run &run, ErrorData *error, int &conflicts) {
    if (is_conflict(error) && ++conflicts <= most_conflicts) {
        pg::doze(std::min(1000L, 50L << std::min(conflicts, 5)), turn_wait);
        return After::go_on;
    }
    if (error->sqlerrcode != ERRCODE_QUERY_CANCELED) return fail(run, "failed", error);
    return fail(run, "cancelled", pg::abandoned(run.handover) ? nobody_waits(run) : error);
}

void work(Run &run) {
    int conflicts = 0;
    bool looked_again = false;
    for (;;) {
        pg::between_turns();
        MemoryContextReset(run.turn_memory);
        Outcome outcome;
        if (ErrorData *error = turn(run, outcome); error != nullptr) {
            if (after_error(run, error, conflicts) == After::stop) return;
            continue;
        }
        conflicts = 0;
        if (!outcome.stopped && outcome.turn == Turn::paused)
            return leave_interrupted(run, "loading is paused");
        const bool worked = !outcome.stopped && outcome.turn == Turn::worked;
        if (!worked && leave(run, looked_again) == After::stop) return;
        looked_again = !worked;
    }
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
        pg::enter_worker_raw(run.start.database, run.start.login_role, run.start.login);
        run.memory = AllocSetContextCreateInternal(TopMemoryContext, "scout_ir job", ALLOCSET_DEFAULT_SIZES);
        run.turn_memory =
            AllocSetContextCreateInternal(run.memory, "scout_ir job turn", ALLOCSET_DEFAULT_SIZES);
        MemoryContextSwitchTo(run.turn_memory);
        run.job = run.start.job;
        strlcpy(run.activity, "scout_ir job", sizeof run.activity);
        if (run.start.handover != 0 && !join(run)) return static_cast<Datum>(0);
        const bool may_work = register_here(run);
        const bool registered = run.attempt != 0;
        if (may_work) {
            if (run.start.worker == 0) start_helpers(run);
            work(run);
        }
        if (run.handover != nullptr) stand_by(run);
        if (registered) {
            extension::leave_job_worker(run.job, run.start.worker);
            start_next(run);
        }
        return static_cast<Datum>(0);
    });
}
}
