// Starting workers of jobs.
//
// A job that was inserted becomes visible with its transaction, and only then is its worker registered
// (XACT_EVENT_COMMIT): no slot is taken by a transaction that stays open or rolls back, and nothing can
// wait for the transaction that it is in. Commit: registered; where no slot is free the job stays queued,
// with a WARNING. Abort, also to a savepoint: forgotten. PREPARE TRANSACTION and a crash right after the
// commit: the job stays queued, for the supervisor, resume_job() or the next worker that has nothing left to
// do.
#pragma once

#include "pg/worker.hpp"

namespace scout::jobs {

struct JobStart {
    Oid database, login_role, acting_role;
    int64 job;  // 0: `handover` says what to create
    int32 worker;
    dsm_handle handover;  // 0: nobody waits
};

bool start_worker(const JobStart &start, BackgroundWorkerHandle **handle = nullptr);

// As whom the workers of a job log in. False: not at all: the role has gone, or is a superuser where the
// extension's owner is none. What the supervisor asked for also runs for an owner that may not log in: then
// `login_role` is InvalidOid, the bootstrap superuser, who becomes the owner before anything else.
bool login_for(const char *session_role, bool scheduled, Oid &login_role);

void start_at_commit(int64 job, Oid login_role);
int take_unstarted();               // jobs for which there was no slot since this was asked last
bool made_here(int64 job);          // waits for this transaction's commit
void interrupt_at_commit(int pid);  // a worker, once the reason can be seen

// Registers workers for jobs that are queued and, with `interrupted`, for those whose workers died.
// Needs a Session. A job of a superuser is started only if the extension's owner is one; a job whose role
// has gone, or may not log in any more, fails.
int start_waiting(bool interrupted, int limit);

}  // namespace scout::jobs
