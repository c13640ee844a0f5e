#include "jobs/launch.hpp"

#include "jobs/store.hpp"
#include "pg/relation.hpp"
#include "pg/wrapper.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace scout::jobs {

namespace {

struct AtCommit {
    int64 job;
    Oid login_role;
    int interrupt_pid;  // 0: start the job
};
pg::Array<AtCommit> *at_commit = nullptr;  // in the top transaction's memory

// Nothing here may raise: the transaction has committed.
void on_transaction(XactEvent event, void *) {
    if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) return;
    const pg::Array<AtCommit> *todo = at_commit;
    at_commit = nullptr;
    if (todo == nullptr || event != XACT_EVENT_COMMIT) return;
    for (const AtCommit &a : *todo) {
        if (a.interrupt_pid != 0)
            pg::interrupt_worker(a.interrupt_pid);
        else if (!start_worker({MyDatabaseId, a.login_role, InvalidOid, a.job, 0, 0}))
            ereport(WARNING,
                    errmsg("no background worker slot is free: job %lld stays queued",
                           static_cast<long long>(a.job)),
                    errhint("It starts when a job ends, by the supervisor, or by resume_job(); "
                            "max_worker_processes is %d.",
                            max_worker_processes));
    }
}

void remember(const AtCommit &action) {
    static bool registered = false;
    if (!registered) RegisterXactCallback(on_transaction, nullptr);
    registered = true;
    if (at_commit == nullptr)
        at_commit = new (MemoryContextAlloc(TopTransactionContext, sizeof *at_commit))
            pg::Array<AtCommit>(TopTransactionContext);
    at_commit->push(action);
}

}  // namespace

bool start_worker(const JobStart &start, BackgroundWorkerHandle **handle) {
    char name[BGW_MAXLEN];
    if (start.job == 0)
        strlcpy(name, "scout_ir job", sizeof name);
    else
        snprintf(name, sizeof name, "scout_ir job %lld worker %d", static_cast<long long>(start.job),
                 start.worker);
    return pg::start_worker({start.database, start.login_role, name, "scout_ir job", "scout_job_worker"},
                            start, handle);
}

void start_at_commit(int64 job, Oid login_role) {
    remember({job, login_role, 0});
}

bool made_here(int64 job) {
    if (at_commit == nullptr) return false;
    for (const AtCommit &a : *at_commit)
        if (a.job == job) return true;
    return false;
}

void interrupt_at_commit(int pid) {
    remember({0, InvalidOid, pid});
}

int start_waiting(bool interrupted, int limit) {
    const bool superuser_owns = superuser_arg(pg::extension_owner());
    int started = 0;
    for (const Waiting &w : waiting_jobs(interrupted, limit)) {
        const Oid login_role = get_role_oid(w.session_role, true);
        if (!OidIsValid(login_role) || (superuser_arg(login_role) && !superuser_owns)) continue;
        if (!start_worker({MyDatabaseId, login_role, InvalidOid, w.id, 0, 0})) break;
        started++;
    }
    return started;
}

}  // namespace scout::jobs
