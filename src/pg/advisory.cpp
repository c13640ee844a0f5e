#include "pg/advisory.hpp"

extern "C" {
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/proc.h"
}

namespace scout::pg {

namespace {

LOCKTAG tag_of(const AdvisoryKey &key) {
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, key.high, key.low, key.field4);
    return tag;
}

}  // namespace

bool lock_advisory(const AdvisoryKey &key, LOCKMODE mode, bool wait, Held held) {
    LOCKTAG tag = tag_of(key);
    const LockAcquireResult result = LockAcquire(&tag, mode, held == Held::session, !wait);
    return held == Held::session ? result == LOCKACQUIRE_OK : result != LOCKACQUIRE_NOT_AVAIL;
}

void unlock_advisory(const AdvisoryKey &key, LOCKMODE mode, Held held) {
    LOCKTAG tag = tag_of(key);
    LockRelease(&tag, mode, held == Held::session);
}

int other_holders(const AdvisoryKey &key) {
    LOCKTAG tag = tag_of(key);
    int count = 0;
    VirtualTransactionId *holders = GetLockConflicts(&tag, AccessExclusiveLock, &count);
    pfree(holders);
    return count;
}

int drain_holders(const AdvisoryKey &key, int64 timeout_ms, WaitEvent &event) {
    const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
    for (;;) {
        int remaining = other_holders(key);
        if (remaining == 0 || GetCurrentTimestamp() >= until) return remaining;
        (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10, event.id());
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
}

}  // namespace scout::pg
