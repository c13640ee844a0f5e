// The extension's own advisory locks: GATE and FLIGHT.
//
// They are of the advisory lock type with a fourth field that neither users (1, 2) nor Citus use,
// so that pg_advisory_unlock_all() of a runbook cannot touch them. Both are transaction locks: commit,
// rollback, rollback to savepoint and the death of the backend release them.
//
// Order: FLIGHT before GATE for a batch, GATE before FLIGHT for a pause; the batch takes GATE only
// conditionally and gives FLIGHT back if it fails, so that the two orders cannot deadlock.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "storage/lock.h"
#include "storage/lockdefs.h"
}

namespace scout::pg {

enum class Lock : uint32 { gate = 1, flight = 2 };

// Modes of FLIGHT, by what may run together. Loads run beside loads, reprocesses beside
// reprocesses, quarantine alone.
constexpr LOCKMODE flight_load = RowExclusiveLock;
constexpr LOCKMODE flight_reprocess = ShareLock;
constexpr LOCKMODE flight_alone = ExclusiveLock;

bool acquire(Lock lock, LOCKMODE mode, bool wait = true);  // false only without `wait`
void release(Lock lock, LOCKMODE mode);

// Transactions of other sessions that hold FLIGHT in any mode.
int other_flights();

// Waits until other_flights() is 0, at most `timeout_ms`; returns how many remain. Cancellable.
int drain_flights(int64 timeout_ms);

}  // namespace scout::pg
