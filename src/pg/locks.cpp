#include "pg/locks.hpp"

#include "pg/wait_event.hpp"

extern "C" {
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/proc.h"
}

namespace scout::pg {

namespace {

constexpr uint32 lock_class = 0x53434F55;  // "SCOU"
constexpr uint16 lock_field4 = 0x5343;     // ours alone

LOCKTAG tag_of(Lock lock) {
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, lock_class, static_cast<uint32>(lock), lock_field4);
    return tag;
}

LOCKTAG tag_of_worker(int64 job, int worker) {
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(job), static_cast<uint32>(worker),
                         job_lock_field);
    return tag;
}

}  // namespace

bool acquire(Lock lock, LOCKMODE mode, bool wait) {
    LOCKTAG tag = tag_of(lock);
    return LockAcquire(&tag, mode, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

void release(Lock lock, LOCKMODE mode) {
    LOCKTAG tag = tag_of(lock);
    LockRelease(&tag, mode, false);
}

int other_flights() {
    LOCKTAG tag = tag_of(Lock::flight);
    int count = 0;
    VirtualTransactionId *holders = GetLockConflicts(&tag, AccessExclusiveLock, &count);
    pfree(holders);
    return count;
}

int drain_flights(int64 timeout_ms) {
    static WaitEvent drain("ScoutIrDrain");
    const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
    for (;;) {
        int remaining = other_flights();
        if (remaining == 0 || GetCurrentTimestamp() >= until) return remaining;
        (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10, drain.id());
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
}

bool hold_job_worker(int64 job, int worker) {
    LOCKTAG tag = tag_of_worker(job, worker);
    return LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_OK;
}

void leave_job_worker(int64 job, int worker) {
    LOCKTAG tag = tag_of_worker(job, worker);
    LockRelease(&tag, ExclusiveLock, true);
}

bool job_worker_lives(int64 job, int worker) {
    LOCKTAG tag = tag_of_worker(job, worker);
    if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL) return true;
    LockRelease(&tag, ShareLock, false);
    return false;
}

}  // namespace scout::pg
