// What the supervisor (src/supervisor) needs of the server: the static launcher process, the list of
// databases, and a look at a worker that it started.
#pragma once

#include "pg/memory.hpp"
#include "pg/worker.hpp"

namespace scout::pg {

// In _PG_init: registers the launcher where the library is preloaded, but for pg_upgrade. It starts when
// recovery has ended, so that a standby has none.
void register_launcher();

// First thing in the launcher: signals, and no database: it can read the shared catalogues only, and
// stands in the way of no DROP DATABASE.
void enter_launcher_raw();

struct Database {
    Oid oid;
    char name[NAMEDATALEN];
};

// Those that take connections and are no templates. In a transaction; `out` has its own context.
void read_databases(Array<Database> &out);

// What a worker leaves for the launcher that started it. One at a time writes.
enum class Outcome : uint32 { none, done, no_extension, other_version, failed };
struct Feedback {
    pg_atomic_uint32 outcome;
    int sqlstate;
    char task[32];
    char message[256];
};
Feedback *make_feedback(dsm_handle &handle);   // for the life of the process
Feedback *attach_feedback(dsm_handle handle);  // nullptr where its maker has gone
void leave_feedback(Feedback *feedback, Outcome outcome, const char *task, const ErrorData *error);

// Waits until it has ended, at most `ms`; then it is told to. False where it had to be told.
bool await_end(BackgroundWorkerHandle *worker, long ms);

// Whether this process has read its configuration again since it asked last.
bool reloaded_since_asked();

// Locks are waited for so long in this process.
void limit_lock_waits(const char *timeout);

// In a worker: cancels what runs after so long; 0: no longer. It does not stop code that catches the cancel.
void limit_run(int ms);

}  // namespace scout::pg
