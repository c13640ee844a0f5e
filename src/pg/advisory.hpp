// Advisory locks with a fourth tag field of our own.
//
// Neither users (1, 2) nor Citus use that field's values, so that pg_advisory_unlock_all() of a runbook
// cannot touch them. Locks of the transaction go with commit, rollback, rollback to savepoint and the death
// of the backend; those of the session with the backend alone.
#pragma once

#include "pg/wait_event.hpp"

extern "C" {
#include "storage/lock.h"
#include "storage/lockdefs.h"
}

namespace scout::pg {

struct AdvisoryKey {
    uint32 high, low;
    uint16 field4;
};

enum class Held { transaction, session };

// False only without `wait`, or for a session that holds it already.
bool lock_advisory(const AdvisoryKey &key, LOCKMODE mode, bool wait, Held held = Held::transaction);
void unlock_advisory(const AdvisoryKey &key, LOCKMODE mode, Held held = Held::transaction);

// Transactions of other sessions that hold it in any mode.
int other_holders(const AdvisoryKey &key);

// Waits until other_holders() is 0, at most `timeout_ms`; returns how many remain. Cancellable.
int drain_holders(const AdvisoryKey &key, int64 timeout_ms, WaitEvent &event);

}  // namespace scout::pg
