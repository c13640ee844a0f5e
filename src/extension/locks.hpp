// The extension's own advisory locks: those of enum Lock, and one of each worker of a job.
//
// They have a fourth tag field of our own (pg/advisory.hpp). A worker's is a lock of its session, the others
// are of their transaction: commit, abort and crash give them back.
//
// Order: FLIGHT before GATE for a batch, GATE before FLIGHT for a pause; the batch takes GATE only
// conditionally and gives FLIGHT back if it fails, so that the two orders cannot deadlock.
#pragma once

#include "pg/advisory.hpp"

namespace scout::extension {

// GATE is held by a batch and by whoever pauses, FLIGHT by all that move events (below).
// START is held for an instant by a worker that counts how many there are, so that two of them do not
// both take the last place. GOLD keeps two refreshes of gold apart, ALERTS two checks of all alerts. BREAKER
// keeps two loads from pausing the same source; it is never waited for.
enum class Lock : uint32 { gate = 1, flight = 2, gold = 3, start = 4, breaker = 5, alerts = 6 };

// Modes of FLIGHT, by what may run together. Loads run beside loads, reprocesses beside
// reprocesses, quarantine alone.
constexpr LOCKMODE flight_load = RowExclusiveLock;
constexpr LOCKMODE flight_reprocess = ShareLock;
constexpr LOCKMODE flight_alone = ExclusiveLock;

// GOLD: one refresh of gold at a time. Taken before any lock on a view.
constexpr LOCKMODE gold_refresh = ExclusiveLock;

bool acquire(Lock lock, LOCKMODE mode, bool wait = true);  // false only without `wait`
void release(Lock lock, LOCKMODE mode);

// Transactions of other sessions that hold FLIGHT in any mode.
int other_flights();

// Waits until no other session holds FLIGHT, at most `timeout_ms`; returns how many remain. Cancellable.
int drain_flights(int64 timeout_ms);

// A worker of a job holds a lock of its own for its life: "running" is what this says, never a flag.
// A session lock, which survives the end of the transaction, also its error.
constexpr uint16 job_lock_field = 0x5344;     // objsubid in pg_locks; classid is the job, objid the worker
bool hold_job_worker(int64 job, int worker);  // false: another process is this worker
void leave_job_worker(int64 job, int worker);
bool job_worker_lives(int64 job, int worker);

}  // namespace scout::extension
