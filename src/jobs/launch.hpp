// Starting workers of jobs.
//
// A job that was inserted becomes visible with its transaction, and only then is its worker registered
// (XACT_EVENT_COMMIT): no slot is taken by a transaction that stays open or rolls back, and nothing can
// wait for the transaction that it is in. Commit: registered; where no slot is free the job stays queued.
// Abort, also to a savepoint: forgotten. PREPARE TRANSACTION and a crash right after the commit: the job
// stays queued, for the supervisor, resume_job() or the next worker that has nothing left to do.
//
// After a commit an error is a PANIC, and any allocation may be one. So what is registered is made when the
// start is asked for; at the commit it is copied, signals are sent, and that there was no slot is counted. It
// is in the log at once, and a WARNING at the session's next call that has to do with jobs.
#pragma once

#include "jobs/store.hpp"
#include "pg/worker.hpp"

namespace scout::jobs {

struct JobStart {
    Oid database, login_role, acting_role;
    int64 job;  // 0: `handover` says what to create
    int32 worker;
    dsm_handle handover;  // 0: nobody waits
    pg::Login login;
};

bool start_worker(const JobStart &start, BackgroundWorkerHandle **handle = nullptr);

void start_at_commit(const JobStart &start);
int take_unstarted();               // jobs for which there was no slot since this was asked last
void warn_of_unstarted();           // the same as a WARNING
bool made_here(int64 job);          // waits for this transaction's commit
void interrupt_at_commit(int pid);  // a worker, once the reason can be seen

// Registers workers for jobs that are queued and, with `interrupted`, for those whose workers died.
// Needs a Session. What this session may not start stays (roles.hpp); what cannot start at all fails.
int start_waiting(bool interrupted, int limit);

// A job that no worker can be started for fails, with one line in the log: it would be tried for ever. False
// where it has ended, or somebody works on it after all.
bool fail_unstarted(int64 job, const Failure &why);

}  // namespace scout::jobs
