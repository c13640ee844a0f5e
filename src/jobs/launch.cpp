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
int unstarted = 0;

// Nothing here may raise: the transaction has committed.
void on_transaction(XactEvent event, void *) {
    if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) return;
    const pg::Array<AtCommit> *todo = at_commit;
    at_commit = nullptr;
    if (todo == nullptr || event != XACT_EVENT_COMMIT) return;
    for (const AtCommit &a : *todo) {
        if (a.interrupt_pid != 0) {
            pg::interrupt_worker(a.interrupt_pid);
        } else if (!start_worker({MyDatabaseId, a.login_role, InvalidOid, a.job, 0, 0})) {
            unstarted++;
            // A background worker that meets this every few seconds says it in its own way.
            ereport(MyBackendType == B_BG_WORKER ? DEBUG1 : WARNING,
                    errmsg("no background worker slot is free: job %lld stays queued",
                           static_cast<long long>(a.job)),
                    errhint("It starts when a job ends, by the supervisor, or by resume_job(); "
                            "max_worker_processes is %d.",
                            max_worker_processes));
        }
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

int take_unstarted() {
    const int count = unstarted;
    unstarted = 0;
    return count;
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

bool login_for(const char *session_role, bool scheduled, Oid &login_role) {
    const Oid role = get_role_oid(session_role, true);
    if (!OidIsValid(role) || (superuser_arg(role) && !superuser_arg(pg::extension_owner()))) return false;
    login_role = scheduled && !pg::may_log_in(role) ? InvalidOid : role;
    return true;
}

int start_waiting(bool interrupted, int limit) {
    int started = 0;
    for (const Waiting &w : waiting_jobs(interrupted, limit)) {
        Oid login_role;
        if (!login_for(w.session_role, w.scheduled, login_role)) continue;
        if (!start_worker({MyDatabaseId, login_role, InvalidOid, w.id, 0, 0})) break;
        started++;
    }
    return started;
}

}  // namespace scout::jobs
