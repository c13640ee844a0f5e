#include "pg/worker.hpp"

#include "pg/product.hpp"
#include "pg/wrapper.hpp"

#include <dlfcn.h>
#include <unistd.h>

extern "C" {
#include "access/parallel.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "parser/analyze.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/portal.h"
// libpq/libpq.h, which cannot be included without the headers of whatever the server was built with.
extern PGDLLIMPORT bool pq_check_connection(void);
}

namespace scout::pg {

void name_library(BackgroundWorker &worker) {
    Dl_info self;
    const bool known =
        dladdr(reinterpret_cast<void *>(&name_library), &self) != 0 && self.dli_fname != nullptr;
    // A longer path than there is room for is left to the server's configuration.
    const bool fits = known && strlen(self.dli_fname) < sizeof worker.bgw_library_name;
    strlcpy(worker.bgw_library_name, fits ? self.dli_fname : product.library, sizeof worker.bgw_library_name);
}

BackgroundWorker prepare_worker_raw(const WorkerStart &start, const void *payload, size_t size) {
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    snprintf(worker.bgw_name, BGW_MAXLEN, "%s %s", product.name, start.name);
    snprintf(worker.bgw_type, BGW_MAXLEN, "%s %s", product.name, start.type);
    name_library(worker);
    strlcpy(worker.bgw_function_name, start.function, BGW_MAXLEN);
    if (size > 0) std::memcpy(worker.bgw_extra, payload, size);
    return worker;
}

bool register_worker(BackgroundWorker &worker, BackgroundWorkerHandle **handle) {
    if (no_workers_here()) return false;
    worker.bgw_notify_pid = handle != nullptr ? MyProcPid : 0;
    return RegisterDynamicBackgroundWorker(&worker, handle);
}

void log_after_commit(const char *line) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, strlen(line));
}

bool can_pass_nologin() {
    return PG_VERSION_NUM >= 170000;
}

void read_payload(void *payload, size_t size) {
    std::memcpy(payload, MyBgworkerEntry->bgw_extra, size);
}

namespace {

void enter(Oid database, Oid login_role, uint32 flags) {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGINT, StatementCancelHandler);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    const auto override = [](const char *name, const char *value) {
        SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
    };
    override("default_transaction_isolation", "read committed");
    override("default_transaction_read_only", "off");
    override("lock_timeout", "0");
#if PG_VERSION_NUM >= 170000
    override("transaction_timeout", "0");  // meant for clients, but the server ends workers by it, too
#endif
    BackgroundWorkerInitializeConnectionByOid(database, login_role, flags);
    MessageContext = AllocSetContextCreate(TopMemoryContext, "MessageContext", ALLOCSET_DEFAULT_SIZES);
}

}  // namespace

// The server takes no role for the bootstrap superuser: nobody's name must become that by being none.
void enter_worker_raw(Oid database, Oid login_role, Login login) {
    if (!OidIsValid(login_role)) elog(FATAL, "a worker without a role to log in as");
    uint32 flags = 0;
#if PG_VERSION_NUM >= 170000
    if (login == Login::past_nologin) flags |= BGWORKER_BYPASS_ROLELOGINCHECK;
#else
    (void)login;
#endif
    enter(database, login_role, flags);
}

void enter_worker_as_superuser_raw(Oid database) {
    enter(database, InvalidOid, 0);
}

void interrupt_worker(int pid) {
    PGPROC *proc = pid == 0 ? nullptr : BackendPidGetProc(pid);
    if (proc == nullptr || proc->databaseId != MyDatabaseId) return;
    // The number may be another process's by now; only a background worker has a type.
    if (is_own_worker_type(GetBackgroundWorkerTypeByPid(pid))) (void)kill(pid, SIGINT);
}

void between_turns() {
    if (!IsTransactionState()) QueryCancelPending = false;
    CHECK_FOR_INTERRUPTS();
}

void doze(long ms, WaitEvent &event) {
    (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, event.id());
    ResetLatch(MyLatch);
    between_turns();
    if (ConfigReloadPending && MyBackendType == B_BG_WORKER) {
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
    }
}

void require_client() {
    if (MyProcPort == nullptr || whereToSendOutput != DestRemote || !WaitEventSetCanReportClosed()) return;
    if (pq_check_connection()) return;
    ClientConnectionLost = true;
    InterruptPending = true;
    CHECK_FOR_INTERRUPTS();
}

bool may_log_in(Oid role) {
    HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple)) return false;
    const bool may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
    ReleaseSysCache(tuple);
    return may;
}

bool may_connect(Oid role) {
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(DatabaseRelationId, MyDatabaseId, role, ACL_CONNECT) == ACLCHECK_OK;
#else
    return pg_database_aclcheck(MyDatabaseId, role, ACL_CONNECT) == ACLCHECK_OK;
#endif
}

bool may_set_role(Oid login_role, Oid role) {
#if PG_VERSION_NUM >= 160000
    return member_can_set_role(login_role, role);
#else
    return is_member_of_role(login_role, role);
#endif
}

namespace {

ErrorData *after_error(sigjmp_buf *outer, MemoryContext keep) {
    HOLD_INTERRUPTS();
    PG_exception_stack = outer;
    error_context_stack = nullptr;
    QueryCancelPending = false;
    MemoryContextSwitchTo(keep);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    AbortCurrentTransaction();
    PortalErrorCleanup();
    MemoryContextSwitchTo(keep);
    RESUME_INTERRUPTS();
    return error;
}

void begin_work(const char *activity) {
    if (ConfigReloadPending) {
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
    }
    SetCurrentStatementStartTimestamp();
    pgstat_report_activity(STATE_RUNNING, activity);
    StartTransactionCommand();
}

void end_work() {
    (void)pgstat_report_stat(true);  // whoever waited for the work sees it counted
    pgstat_report_activity(STATE_IDLE, nullptr);
}

}  // namespace

ErrorData *in_transaction_raw(const char *activity, MemoryContext keep, void (*call)(void *),
                              void *argument) {
    sigjmp_buf *outer = PG_exception_stack;
    sigjmp_buf handler;
    ErrorData *volatile error = nullptr;
    if (sigsetjmp(handler, 1) == 0) {
        PG_exception_stack = &handler;
        begin_work(activity);
        PushActiveSnapshot(GetTransactionSnapshot());
        (void)invoke([call, argument] {
            call(argument);
            return static_cast<Datum>(0);
        });
        if (ActiveSnapshotSet()) PopActiveSnapshot();
        CommitTransactionCommand();
        PG_exception_stack = outer;
    } else {
        error = after_error(outer, keep);
    }
    end_work();
    MemoryContextSwitchTo(keep);
    return error;
}

namespace {

// As the server runs a statement of the simple query protocol.
void run_at_top_level(const char *sql) {
    List *parsed = pg_parse_query(sql);
    auto *raw = linitial_node(RawStmt, parsed);
    const bool snapshot = analyze_requires_snapshot(raw);
    if (snapshot) PushActiveSnapshot(GetTransactionSnapshot());
    List *rewritten = pg_analyze_and_rewrite_fixedparams(raw, sql, nullptr, 0, nullptr);
    List *planned = pg_plan_queries(rewritten, sql, 0, nullptr);
    if (snapshot) PopActiveSnapshot();
    Portal portal = CreatePortal("", true, true);
    portal->visible = false;
    PortalDefineQuery(portal, nullptr, sql, CreateCommandTag(raw->stmt), planned, nullptr);
    PortalStart(portal, nullptr, 0, InvalidSnapshot);
    DestReceiver *receiver = CreateDestReceiver(DestNone);
#if PG_VERSION_NUM >= 180000
    (void)PortalRun(portal, FETCH_ALL, true, receiver, receiver, nullptr);
#else
    (void)PortalRun(portal, FETCH_ALL, true, true, receiver, receiver, nullptr);
#endif
    PortalDrop(portal, false);
}

}  // namespace

ErrorData *run_utility(const char *sql, Oid run_as, MemoryContext keep) {
    sigjmp_buf *outer = PG_exception_stack;
    sigjmp_buf handler;
    ErrorData *volatile error = nullptr;
    Oid outer_user;
    int outer_context;
    GetUserIdAndSecContext(&outer_user, &outer_context);
    // Before the transaction: the statement commits and begins others, which keep the role. No context
    // with it: the server expects none outside of a transaction.
    SetUserIdAndSecContext(run_as, outer_context);
    if (sigsetjmp(handler, 1) == 0) {
        PG_exception_stack = &handler;
        // Expressions of indexes must not find what the asker's search_path has, but `run_as` trusts.
        SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);
        // Nor is a new index to lie where the asker chose, and `run_as` alone may.
        SetConfigOption("default_tablespace", "", PGC_USERSET, PGC_S_SESSION);
        begin_work(sql);
        MemoryContextReset(MessageContext);
        MemoryContextSwitchTo(MessageContext);
        run_at_top_level(sql);
        CommitTransactionCommand();
        PG_exception_stack = outer;
    } else {
        error = after_error(outer, keep);
    }
    SetUserIdAndSecContext(outer_user, outer_context);
    end_work();
    MemoryContextSwitchTo(keep);
    return error;
}

bool no_workers_here() {
    return RecoveryInProgress() || IsBinaryUpgrade || IsParallelWorker() || !IsUnderPostmaster;
}

}  // namespace scout::pg
