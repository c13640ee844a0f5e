// Background workers: starting them, living in one, and handing a request over to one.
//
// Start: a worker gets a small payload, which says in which database it is to log in as whom. It is never
// restarted by the postmaster: what it was to do is in a table.
// Life: enter_worker() connects; in_transaction() runs one transaction and survives its error, after a
// complete abort. SIGTERM ends the process (FATAL) wherever it checks for interrupts, SIGINT cancels the
// transaction.
// Hand-over: a caller that waits has written nothing yet, so that what it asks for travels in shared
// memory. The segment is gone with the caller's statement, error and cancel included: that is how the
// worker learns that nobody waits any more.
#pragma once

#include "pg/memory.hpp"
#include "pg/postgres.hpp"
#include "pg/wait_event.hpp"

extern "C" {
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
}

namespace scout::pg {

struct WorkerStart {
    // Both are shown after the name of the product (product.hpp).
    const char *name;      // in ps and the server log, e.g. "job 12"
    const char *type;      // backend_type of pg_stat_activity
    const char *function;  // of this library
};

// This library for a worker to load: the very file that this process has, wherever it was found (a
// dynamic_library_path or extension_destdir may be this session's alone).
void name_library(BackgroundWorker &worker);

// What registering a worker takes, with a copy of `payload` (at most BGW_EXTRALEN bytes). Allocates nothing.
BackgroundWorker prepare_worker_raw(const WorkerStart &start, const void *payload, size_t size);

template <typename Payload>
BackgroundWorker prepare_worker(const WorkerStart &start, const Payload &payload) {
    static_assert(std::is_trivially_copyable_v<Payload> && sizeof(Payload) <= BGW_EXTRALEN,
                  "travels as bytes");
    return prepare_worker_raw(start, &payload, sizeof payload);
}

// False where no slot is free. Copies into shared memory and signals the postmaster, and does nothing else:
// it allocates only where a handle is asked for, and raises nothing, so that it may follow a commit.
bool register_worker(BackgroundWorker &worker, BackgroundWorkerHandle **handle = nullptr);

// Writes to the server's stderr, which is its log unless that goes elsewhere: for the moment after a commit,
// when ereport() is not allowed, because it allocates. The line ends with a line break.
void log_after_commit(const char *line);

// As whom a worker logs in. pg_hba.conf and limits of connections are for clients, and say nothing here; a
// role that is NOLOGIN keeps workers out as well, but for servers (17) that let one pass by.
enum class Login { as_clients, past_nologin };
bool can_pass_nologin();

// First thing in a worker: signals, database, role, and the settings of a transaction, which a role or
// database may have changed for its people: read committed, read write, locks waited for.
void enter_worker_raw(Oid database, Oid login_role, Login login);
// The same as the bootstrap superuser, for what reads the catalogue and the extension's own tables.
void enter_worker_as_superuser_raw(Oid database);
void read_payload(void *payload, size_t size);

// Runs `call` in a transaction of its own; nullptr where it committed, otherwise the error, a copy in
// `keep`. Shows `activity` in pg_stat_activity while it runs, and reports statistics.
ErrorData *in_transaction_raw(const char *activity, MemoryContext keep, void (*call)(void *), void *argument);

template <typename Call>
ErrorData *in_transaction(const char *activity, MemoryContext keep, Call call) {
    return in_transaction_raw(
        activity, keep, [](void *c) { (*static_cast<Call *>(c))(); }, &call);
}

// Runs a statement that must not be in a transaction block (VACUUM, REINDEX CONCURRENTLY) as `run_as`.
ErrorData *run_utility(const char *sql, Oid run_as, MemoryContext keep);

// Cancels what a worker of ours in this database does (SIGINT). Raises nothing; no worker, no signal.
void interrupt_worker(int pid);

// CHECK_FOR_INTERRUPTS. A cancel that meets no transaction has nothing to cancel and is dropped: who
// sent it has left a sign that is read at the next turn.
void between_turns();

// Sleeps until the latch is set, at most `ms`; then as between_turns().
void doze(long ms, WaitEvent &event);

// Ends the session if its client has gone: who waits for minutes would not notice otherwise.
void require_client();

// What a worker has to be allowed: to log in as a role, into this database, and to take on another one.
bool may_log_in(Oid role);
bool may_connect(Oid role);
bool may_set_role(Oid login_role, Oid role);

// True where nothing may be started: recovery, pg_upgrade, a parallel worker.
bool no_workers_here();

}  // namespace scout::pg
