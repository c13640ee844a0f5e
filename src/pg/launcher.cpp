#include "pg/launcher.hpp"

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

void register_launcher(const WorkerStart &start) {
    if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade) return;
    BackgroundWorker worker = prepare_worker_raw(start, nullptr, 0);
    worker.bgw_restart_time = 5;
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

bool await_end(BackgroundWorkerHandle *worker, long ms, WaitEvent &event) {
    const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
    bool told = false;
    for (;;) {
        pid_t pid;
        const BgwHandleStatus status = GetBackgroundWorkerPid(worker, &pid);
        if (status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED) return !told;
        if (!told && GetCurrentTimestamp() > until) {
            TerminateBackgroundWorker(worker);
            told = true;
        }
        doze(1000, event);
    }
}

bool reloaded_since_asked() {
    static TimestampTz seen = PgReloadTime;
    const bool out = PgReloadTime != seen;
    seen = PgReloadTime;
    return out;
}

void limit_run(int ms) {
    if (ms > 0) return enable_timeout_after(STATEMENT_TIMEOUT, ms);
    disable_timeout(STATEMENT_TIMEOUT, false);
    QueryCancelPending = false;  // came too late to be noticed
}

}  // namespace scout::pg
