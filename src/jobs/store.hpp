// Job rows: job_records and job_workers. All need a Session; all read the newest state and write as the
// extension's owner.
#pragma once

#include "jobs/kind.hpp"
#include "pg/memory.hpp"

namespace scout::jobs {

struct Request {
    const char *kind;
    const char *arguments;  // JSON object
    int workers;
    const char *idempotency_key;  // nullptr: none
    bool scheduled;               // by the supervisor
    Oid run_as = InvalidOid;      // instead of the session's role: the pipeline's owner, where scheduled
};

// For whom a job is done, by name.
struct Roles {
    const char *session_role, *acting_role;
    bool scheduled;  // by the supervisor
};

// A job row, with the sums of its workers. Texts are copies in the current context.
struct Record {
    int64 id;
    const char *kind, *arguments, *state, *unit;  // state as stored: "running" may be a dead worker's
    int workers, attempts;
    int64 total;  // -1: unknown
    const char *session_role, *acting_role, *claims, *cancelled_by;
    const char *error_sqlstate, *error_message, *error_detail, *error_hint;
    bool at_home;    // made in this database of this cluster
    bool scheduled;  // by the supervisor
    TimestampTz created_at, attempt_at;
    int64 done_before;
    Progress done;

    bool ended() const;  // succeeded, failed, cancelled
    Roles roles() const { return {session_role, acting_role, scheduled}; }
};

bool read(int64 job, Record &record);     // false: there is no such job
bool lock(int64 job, Record &record);     // the same, locking the row to the transaction's end
int64 find_by_key(const char *key);       // 0: none
bool is_worked_on(const Record &record);  // by the locks of its workers
int running_workers();                    // of all jobs of this database
int64 at_work(
    const char *kind);  // a job of this kind that is running, or queued and younger than a minute; 0: none

// 23505 where the key of the request stands for another one.
void require_same_request(const Request &request, int64 job);

// Freezes the work and inserts the row, as queued, by and for the current session and role. A repeated
// key returns the first job, `made` false.
int64 create(const Request &request, bool &made);

// A worker has come to work. The first worker's coming is an attempt, noted before anything can fail.
void register_worker(const Record &record, int worker, bool is_attempt);
void add_progress(int64 job, int worker, const Progress &progress);
void finish_worker(int64 job, int worker);

// Workers that have come and not finished, but for `worker`.
pg::Array<int> unfinished_workers(int64 job, int but);
bool has_chunks(int64 job);

// How it ended, or was left. `error` is nullptr where nothing went wrong; `audited` writes the timeline.
struct Failure {
    const char *sqlstate, *message, *detail, *hint;
};
// `paused`: interrupted, because all loading is.
void set_state(const Record &record, const char *state, const Failure *error, bool paused = false);
void request_cancel(int64 job, const char *by);
void requeue(int64 job);

// Jobs of this database that nobody works on: queued ones; with `interrupted` those too, by their row.
struct Waiting {
    int64 id;
    Roles roles;
};
pg::Array<Waiting> waiting_jobs(bool interrupted, int limit);

}  // namespace scout::jobs
