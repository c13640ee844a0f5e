#include "jobs/launch.hpp"

#include "extension/installed.hpp"
#include "jobs/store.hpp"
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
    int level;          // of the subtransaction that asked for it, and takes it along when it rolls back
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

void on_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
    if (at_commit == nullptr || (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB))
        return;
    const int level = GetCurrentTransactionNestLevel();
    size_t kept = at_commit->size();
    while (kept > 0 && (*at_commit)[kept - 1].level >= level) kept--;
    if (event == SUBXACT_EVENT_ABORT_SUB) return at_commit->truncate(kept);
    for (size_t i = kept; i < at_commit->size(); i++) (*at_commit)[i].level = level - 1;
}

void remember(const AtCommit &action) {
    static bool registered = false;
    if (!registered) {
        RegisterXactCallback(on_transaction, nullptr);
        RegisterSubXactCallback(on_subtransaction, nullptr);
    }
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
    remember({job, login_role, 0, GetCurrentTransactionNestLevel()});
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
    remember({0, InvalidOid, pid, GetCurrentTransactionNestLevel()});
}

bool login_for(const char *session_role, bool scheduled, Oid &login_role) {
    const Oid role = get_role_oid(session_role, true);
    if (!OidIsValid(role) || (superuser_arg(role) && !superuser_arg(extension::extension_owner())))
        return false;
    login_role = scheduled && !pg::may_log_in(role) ? InvalidOid : role;
    return true;
}

namespace {

// A job that nobody can log in for ends here: it would be tried, and logged, for ever.
bool can_start(const Waiting &w, Oid &login_role) {
    const Oid role = get_role_oid(w.session_role, true);
    if (OidIsValid(role) && (w.scheduled || pg::may_log_in(role)))
        return login_for(w.session_role, w.scheduled, login_role);
    Record r;
    if (!lock(w.id, r) || r.ended() || is_worked_on(r)) return false;
    const Failure why{
        OidIsValid(role) ? "28000" : "42704",
        psprintf(OidIsValid(role) ? "role \"%s\" is not permitted to log in" : "role \"%s\" does not exist",
                 w.session_role),
        "Workers log in as the session that asked for the job.", nullptr};
    set_state(r, "failed", &why);
    ereport(LOG, errmsg("scout_ir job %lld failed: %s", static_cast<long long>(w.id), why.message));
    return false;
}

}  // namespace

int start_waiting(bool interrupted, int limit) {
    constexpr int looked_at = 1000;  // more than are started: some cannot be
    int started = 0;
    for (const Waiting &w : waiting_jobs(interrupted, looked_at)) {
        Oid login_role;
        if (started == limit) break;
        if (!can_start(w, login_role)) continue;
        if (!start_worker({MyDatabaseId, login_role, InvalidOid, w.id, 0, 0})) break;
        started++;
    }
    return started;
}

}  // namespace scout::jobs
