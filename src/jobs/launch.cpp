#include "jobs/launch.hpp"

#include "extension/installed.hpp"
#include "jobs/roles.hpp"
#include "jobs/store.hpp"

namespace scout::jobs {

namespace {

struct AtCommit {
    int64 job;  // 0: interrupt the worker
    int interrupt_pid;
    int level;  // of the subtransaction that asked for it, and takes it along when it rolls back
    BackgroundWorker *worker;
};
pg::Array<AtCommit> *at_commit = nullptr;  // in the top transaction's memory
int unstarted = 0;
int64 newest_unstarted = 0;

void note_unstarted(int64 job) {
    unstarted++;
    newest_unstarted = job;
    if (MyBackendType == B_BG_WORKER) return;  // meets this every few seconds, and says it in its own way
    char line[128];
    snprintf(line, sizeof line,
             "WARNING:  scout_ir: no background worker slot is free: job %lld stays queued\n",
             static_cast<long long>(job));
    pg::log_after_commit(line);
}

// The transaction has committed: nothing here allocates or raises.
void on_transaction(XactEvent event, void *) {
    if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) return;
    const pg::Array<AtCommit> *todo = at_commit;
    at_commit = nullptr;
    if (todo == nullptr || event != XACT_EVENT_COMMIT) return;
    for (const AtCommit &a : *todo) {
        if (a.job == 0)
            pg::interrupt_worker(a.interrupt_pid);
        else if (!pg::register_worker(*a.worker))
            note_unstarted(a.job);
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

void remember(int64 job, int interrupt_pid, BackgroundWorker *worker) {
    static bool registered = false;
    if (!registered) {
        RegisterXactCallback(on_transaction, nullptr);
        RegisterSubXactCallback(on_subtransaction, nullptr);
    }
    registered = true;
    if (at_commit == nullptr)
        at_commit = new (MemoryContextAlloc(TopTransactionContext, sizeof *at_commit))
            pg::Array<AtCommit>(TopTransactionContext);
    at_commit->push({job, interrupt_pid, GetCurrentTransactionNestLevel(), worker});
}

BackgroundWorker prepare(const JobStart &start) {
    char name[BGW_MAXLEN];
    if (start.job == 0)
        strlcpy(name, "job", sizeof name);
    else
        snprintf(name, sizeof name, "job %lld worker %d", static_cast<long long>(start.job), start.worker);
    return pg::prepare_worker({name, "job", "scout_job_worker"}, start);
}

}  // namespace

bool start_worker(const JobStart &start, BackgroundWorkerHandle **handle) {
    BackgroundWorker worker = prepare(start);
    return pg::register_worker(worker, handle);
}

void start_at_commit(const JobStart &start) {
    auto *worker =
        static_cast<BackgroundWorker *>(MemoryContextAlloc(TopTransactionContext, sizeof(BackgroundWorker)));
    *worker = prepare(start);
    remember(start.job, 0, worker);
}

int take_unstarted() {
    const int count = unstarted;
    unstarted = 0;
    return count;
}

void warn_of_unstarted() {
    const int count = take_unstarted();
    if (count == 0) return;
    ereport(WARNING,
            errmsg("no background worker slot was free: job %lld stays queued",
                   static_cast<long long>(newest_unstarted)),
            count > 1 ? errdetail_plural("So does %d other that this session asked for.",
                                         "So do %d others that this session asked for.",
                                         static_cast<unsigned long>(count - 1), count - 1)
                      : 0,
            errhint("It starts when a job ends, by the supervisor, or by resume_job(); "
                    "max_worker_processes is %d.",
                    max_worker_processes));
}

bool made_here(int64 job) {
    if (at_commit == nullptr) return false;
    for (const AtCommit &a : *at_commit)
        if (a.job == job) return true;
    return false;
}

void interrupt_at_commit(int pid) {
    remember(0, pid, nullptr);
}

bool fail_unstarted(int64 job, const Failure &why) {
    Record r;
    if (!lock(job, r) || r.ended() || is_worked_on(r)) return false;
    set_state(r, "failed", &why);
    ereport(LOG, errmsg("scout_ir job %lld failed: %s", static_cast<long long>(job), why.message),
            errdetail_log("SQLSTATE %s", why.sqlstate), why.hint != nullptr ? errhint("%s", why.hint) : 0);
    return true;
}

int start_waiting(bool interrupted, int limit) {
    constexpr int looked_at = 1000;  // more than are started: some cannot be
    int started = 0;
    for (const Waiting &w : waiting_jobs(interrupted, looked_at)) {
        if (started == limit) break;
        Oid login_role;
        Failure why;
        const Start verdict = judge_start(w.roles, login_role, why);
        if (verdict == Start::cannot) (void)fail_unstarted(w.id, why);
        if (verdict != Start::may) continue;
        if (!start_worker({MyDatabaseId, login_role, InvalidOid, w.id, 0, 0, login_of(w.roles.scheduled)}))
            break;
        started++;
    }
    return started;
}

}  // namespace scout::jobs
