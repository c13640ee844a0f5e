#include "pg/supervisor.hpp"

#include "pg/encoding.hpp"
#include "pg/worker.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/pg_database.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
}

namespace scout::pg {

void register_launcher() {
    if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade) return;
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = 5;
    strlcpy(worker.bgw_name, "scout_ir supervisor", BGW_MAXLEN);
    strlcpy(worker.bgw_type, "scout_ir supervisor", BGW_MAXLEN);
    name_library(worker);
    strlcpy(worker.bgw_function_name, "scout_supervisor", BGW_MAXLEN);
    RegisterBackgroundWorker(&worker);
}

void enter_launcher_raw() {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
}

void read_databases(Array<Database> &out) {
    Relation catalog = table_open(DatabaseRelationId, AccessShareLock);
    TableScanDesc scan = table_beginscan_catalog(catalog, 0, nullptr);
    for (;;) {
        HeapTuple tuple = heap_getnext(scan, ForwardScanDirection);
        if (!HeapTupleIsValid(tuple)) break;
        auto *row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
        // A limit of 0 keeps everybody out; -2 marks a database whose DROP was interrupted.
        if (row->datistemplate || !row->datallowconn || row->datconnlimit == 0 || row->datconnlimit < -1)
            continue;
        Database &d = out.push({row->oid, {}});
        strlcpy(d.name, NameStr(row->datname), NAMEDATALEN);
    }
    table_endscan(scan);
    table_close(catalog, AccessShareLock);
}

Feedback *make_feedback(dsm_handle &handle) {
    dsm_segment *segment = dsm_create(sizeof(Feedback), 0);
    dsm_pin_mapping(segment);
    handle = dsm_segment_handle(segment);
    auto *feedback = static_cast<Feedback *>(dsm_segment_address(segment));
    std::memset(static_cast<void *>(feedback), 0, sizeof *feedback);
    pg_atomic_init_u32(&feedback->outcome, 0);
    return feedback;
}

Feedback *attach_feedback(dsm_handle handle) {
    dsm_segment *segment = dsm_attach(handle);
    if (segment == nullptr) return nullptr;
    dsm_pin_mapping(segment);
    return static_cast<Feedback *>(dsm_segment_address(segment));
}

void leave_feedback(Feedback *feedback, Outcome outcome, const char *task, const ErrorData *error) {
    strlcpy(feedback->task, task, sizeof feedback->task);
    feedback->sqlstate = error != nullptr ? error->sqlerrcode : 0;
    copy_clipped(feedback->message, error != nullptr && error->message != nullptr ? error->message : "");
    pg_write_barrier();
    pg_atomic_write_u32(&feedback->outcome, static_cast<uint32>(outcome));
}

bool await_end(BackgroundWorkerHandle *worker, long ms) {
    const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
    static WaitEvent task_end("ScoutIrTaskEnd");
    bool told = false;
    for (;;) {
        pid_t pid;
        const BgwHandleStatus status = GetBackgroundWorkerPid(worker, &pid);
        if (status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED) return !told;
        if (!told && GetCurrentTimestamp() > until) {
            TerminateBackgroundWorker(worker);
            told = true;
        }
        doze(1000, task_end);
    }
}

bool reloaded_since_asked() {
    static TimestampTz seen = PgReloadTime;
    const bool out = PgReloadTime != seen;
    seen = PgReloadTime;
    return out;
}

void limit_lock_waits(const char *timeout) {
    SetConfigOption("lock_timeout", timeout, PGC_USERSET, PGC_S_SESSION);
}

void limit_run(int ms) {
    if (ms > 0) return enable_timeout_after(STATEMENT_TIMEOUT, ms);
    disable_timeout(STATEMENT_TIMEOUT, false);
    QueryCancelPending = false;  // came too late to be noticed
}

}  // namespace scout::pg
