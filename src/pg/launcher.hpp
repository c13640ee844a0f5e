// What a process needs that is registered when the server starts, and starts workers: its registration, the
// list of databases, and the wait for the end of a worker.
#pragma once

#include "pg/memory.hpp"
#include "pg/worker.hpp"

namespace scout::pg {

// In _PG_init: registers the launcher where the library is preloaded, but for pg_upgrade. It starts when
// recovery has ended, so that a standby has none.
void register_launcher(const WorkerStart &start);

// First thing in the launcher: signals, and no database: it can read the shared catalogues only, and
// stands in the way of no DROP DATABASE.
void enter_launcher_raw();

struct Database {
    Oid oid;
    char name[NAMEDATALEN];
};

// Those that take connections and are no templates. In a transaction; `out` has its own context.
void read_databases(Array<Database> &out);

// Waits until it has ended, at most `ms`; then it is told to. False where it had to be told.
bool await_end(BackgroundWorkerHandle *worker, long ms, WaitEvent &event);

// In a worker: cancels what runs after so long; 0: no longer. It does not stop code that catches the cancel.
void limit_run(int ms);

// Whether this process has read its configuration again since it asked last.
bool reloaded_since_asked();

}  // namespace scout::pg
