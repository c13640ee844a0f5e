#include "pg/sessions.hpp"

#include "pg/product.hpp"

#include <cerrno>
#include <csignal>

extern "C" {
#include "catalog/pg_authid.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
}

namespace scout::pg {

bool sees_all_sessions() {
    return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

bool caller_is_superuser() {
    return superuser_arg(GetUserId()) && superuser_arg(GetOuterUserId());
}

void forget_activity() {
    pgstat_clear_backend_activity_snapshot();
}

namespace {

const LocalPgBackendStatus *status_at(int index) {
#if PG_VERSION_NUM >= 160000
    return pgstat_get_local_beentry_by_index(index);
#else
    return pgstat_fetch_stat_local_beentry(index);
#endif
}

}  // namespace

bool writes_may_be_unreported(TimestampTz since, TimestampTz before) {
    constexpr int64 idle_report = 12 * USECS_PER_SEC;  // PGSTAT_IDLE_INTERVAL is 10 s
    forget_activity();
    const TimestampTz now = GetCurrentTimestamp();
    if (since > now) return true;  // the clock was set back
    const TimestampTz settled = Max(since, now - idle_report);
    const int count = pgstat_fetch_stat_numbackends();
    for (int i = 1; i <= count; i++) {
        const LocalPgBackendStatus *entry = status_at(i);
        if (entry == nullptr) continue;
        const PgBackendStatus &b = entry->backendStatus;
        if (b.st_databaseid != MyDatabaseId || b.st_procpid == MyProcPid ||
            b.st_backendType == B_AUTOVAC_WORKER)
            continue;
        if (b.st_backendType == B_BG_WORKER && is_own_worker_type(GetBackgroundWorkerTypeByPid(b.st_procpid)))
            continue;
        if (b.st_xact_start_timestamp > since && b.st_xact_start_timestamp < before) return true;
        if (before <= now) continue;
        if (b.st_xact_start_timestamp == 0 && b.st_state_start_timestamp > settled) return true;
        if (b.st_state == STATE_DISABLED) return true;
    }
    return false;
}

namespace {

// When the session of that process began; false where there is none.
bool session_start(int pid, TimestampTz &start) {
    const int count = pgstat_fetch_stat_numbackends();
    for (int i = 1; i <= count; i++) {
        const LocalPgBackendStatus *entry = status_at(i);
        if (entry == nullptr || entry->backendStatus.st_procpid != pid) continue;
        start = entry->backendStatus.st_proc_start_timestamp;
        return true;
    }
    return false;
}

}  // namespace

Delivery signal_session(int pid, TimestampTz backend_start, Signal signal, int &error) {
    forget_activity();
    TimestampTz start = 0;
    if (!session_start(pid, start)) return Delivery::ended;
    if (start != backend_start) return Delivery::replaced;
    const PGPROC *process = BackendPidGetProc(pid);
    if (process == nullptr) return Delivery::ended;
    if (pid == MyProcPid ||
        (process->lockGroupLeader != nullptr && process->lockGroupLeader == MyProc->lockGroupLeader))
        return Delivery::own;
    // A worker that has not taken a role yet counts as a superuser's.
    const Oid role = process->roleId;
    if ((!OidIsValid(role) || superuser_arg(role)) && !caller_is_superuser()) return Delivery::privileged;
    const int number = signal == Signal::cancel ? SIGINT : SIGTERM;
#ifdef HAVE_SETSID
    const int status = kill(-pid, number);  // its children, too
#else
    const int status = kill(pid, number);
#endif
    if (status == 0) return Delivery::sent;
    error = errno;
    return error == ESRCH ? Delivery::ended : Delivery::failed;
}

void nap(long milliseconds, WaitEvent &event) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, event.id());
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
}

}  // namespace scout::pg
