// How a worker's work ends.
//
// Everything here decides under the lock of the job's row, so that of two workers that leave at the same
// time the second one sees that the first has finished: somebody is the last, and says how it ended.
// A worker whose job was cancelled and resumed before it noticed goes on as a worker of the new attempt:
// it holds the lock that makes it one, and the others count on it.
//
// Commit: the job's state and this worker's row say the same. Abort or death in between: the row says
// running and no lock does, which reads as interrupted.

#include "audit/caller.hpp"
#include "audit/retention.hpp"
#include "extension/fit.hpp"
#include "extension/installed.hpp"
#include "extension/locks.hpp"
#include "jobs/run.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::jobs {

bool extension_is_there(Run &run) {
    const Oid extension = extension::lock_extension();
    if (!OidIsValid(run.extension)) run.extension = extension;
    return OidIsValid(extension) && extension == run.extension && extension::library_fits();
}

ErrorData *transaction(Run &run, void (*call)(void *), void *argument) {
    return pg::in_transaction_raw(run.activity, run.turn_memory, call, argument);
}

void log_error(const Run &run, const char *what, const ErrorData *error) {
    ereport(
        LOG,
        errmsg("scout_ir job %lld worker %d %s: %s", static_cast<long long>(run.job), run.start.worker, what,
               error->message),
        errdetail_log("SQLSTATE %s%s%s", unpack_sql_state(error->sqlerrcode),
                      error->detail != nullptr ? ". " : "", error->detail != nullptr ? error->detail : ""));
}

void log_gone(const Run &run) {
    ereport(LOG, errmsg("scout_ir job %lld worker %d stops: the extension is gone or of another version",
                        static_cast<long long>(run.job), run.start.worker));
}

ErrorData *nobody_waits(const Run &run) {
    MemoryContextSwitchTo(run.turn_memory);
    auto *error = static_cast<ErrorData *>(palloc0(sizeof(ErrorData)));
    error->sqlerrcode = ERRCODE_QUERY_CANCELED;
    error->message = pstrdup("the session that waited for it was cancelled or ended");
    return error;
}

namespace {

bool is_running(const Record &r) {
    return strcmp(r.state, "running") == 0;
}

// Interrupts the other workers of a job that has ended, so that they need not finish their batch.
void interrupt_others(const Run &run) {
    static pg::Statement pids(
        "SELECT w.pid FROM scout_internal.job_workers w WHERE w.job_id = $1 AND w.worker_no <> $2"
        " AND w.finished_at IS NULL AND w.pid = ANY (scout_internal.job_pids($1))");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = pids.read_latest({pg::int8(run.job), pg::int4(run.start.worker)});
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

bool others_live(const Run &run) {
    for (int other : unfinished_workers(run.job, run.start.worker))
        if (extension::job_worker_lives(run.job, other)) return true;
    return false;
}

enum class Noted { no, yes, known, another_attempt };

Noted note_failure(Run &run, const char *state, const ErrorData *error, bool audited) {
    Noted noted = Noted::no;
    pg::Session session;
    Record r;
    if (lock(run.job, r)) {
        const bool before_it_began = run.attempt == 0 && strcmp(r.state, "queued") == 0;
        if (before_it_began || (is_running(r) && r.attempts == run.attempt)) {
            const Failure why{pstrdup(unpack_sql_state(error->sqlerrcode)), error->message, error->detail,
                              error->hint};
            const bool known = known_failure(r, error);
            set_state(r, state, &why);
            finish_worker(run.job, run.start.worker);
            if (audited && !known) record_end(r, state);
            interrupt_others(run);
            noted = known ? Noted::known : Noted::yes;
        } else if (is_running(r) && run.attempt != 0) {
            run.attempt = r.attempts;
            noted = Noted::another_attempt;
        } else {
            finish_worker(run.job, run.start.worker);
        }
    }
    session.end();
    return noted;
}

}  // namespace

After fail(Run &run, const char *state, const ErrorData *error) {
    Noted noted = Noted::no;
    auto note = [&](bool audited) {
        return transaction(run, [&] {
            if (extension_is_there(run)) noted = note_failure(run, state, error, audited);
        });
    };
    ErrorData *second = note(true);
    // The role that it ran as may have gone: then the timeline cannot name it, but the job's row can.
    if (second != nullptr) second = note(false);
    if (noted == Noted::another_attempt) return After::go_on;
    if (noted == Noted::yes || second != nullptr) log_error(run, state, error);
    if (second != nullptr) log_error(run, "could not note how it ended", second);
    return After::stop;
}

void leave_interrupted(Run &run, const char *why) {
    ErrorData *error = transaction(run, [&] {
        if (!extension_is_there(run)) return;
        pg::Session session;
        Record r;
        if (lock(run.job, r)) {
            const Failure failure{"55000", why, nullptr,
                                  "SELECT scout.resume_job(...) goes on from where it was."};
            if (is_running(r)) set_state(r, "interrupted", &failure, true);
            finish_worker(run.job, run.start.worker);
        }
        session.end();
    });
    if (error != nullptr) log_error(run, "could not note that it was interrupted", error);
}

After leave(Run &run, bool looked_again) {
    After after = After::stop;
    ErrorData *error = transaction(run, [&] {
        if (!extension_is_there(run)) return log_gone(run);
        pg::Session session;
        Record r;
        if (lock(run.job, r)) {
            if (!is_running(r) || others_live(run)) {
                finish_worker(run.job, run.start.worker);
            } else if (!looked_again && has_chunks(run.job)) {
                after = After::go_on;
            } else {
                finish_worker(run.job, run.start.worker);
                set_state(r, "succeeded", nullptr);
                record_end(r, "succeeded");
            }
        }
        session.end();
    });
    if (error != nullptr) log_error(run, "could not note its end", error);
    return error != nullptr ? After::stop : after;
}

void stand_by(Run &run) {
    for (;;) {
        MemoryContextReset(run.turn_memory);
        bool others_work = false;
        ErrorData *error = transaction(run, [&] {
            if (!extension_is_there(run)) return;
            pg::Session session;
            Record r;
            if (read(run.job, r) && !r.ended() && is_worked_on(r)) {
                others_work = true;
                run.attempt = is_running(r) ? r.attempts : 0;
            }
            session.end();
        });
        if (error != nullptr || !others_work) return;
        if (pg::abandoned(run.handover)) {
            (void)fail(run, "cancelled", nobody_waits(run));
            return;
        }
        pg::doze(50, turn_wait);
    }
}

void start_next(Run &run) {
    ErrorData *error = transaction(run, [&run] {
        if (!extension_is_there(run)) return;
        pg::Session session;
        (void)start_waiting(false, 4);
        (void)audit::forget_old();
        session.end();
    });
    if (error != nullptr) log_error(run, "could not start what waits", error);
}

}  // namespace scout::jobs
