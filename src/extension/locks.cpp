#include "extension/locks.hpp"

namespace scout::extension {

namespace {

constexpr uint32 lock_class = 0x53434F55;  // "SCOU"
constexpr uint16 lock_field = 0x5343;      // ours alone

pg::AdvisoryKey key_of(Lock lock) {
    return {lock_class, static_cast<uint32>(lock), lock_field};
}

pg::AdvisoryKey key_of_worker(int64 job, int worker) {
    return {static_cast<uint32>(job), static_cast<uint32>(worker), job_lock_field};
}

}  // namespace

bool acquire(Lock lock, LOCKMODE mode, bool wait) {
    return pg::lock_advisory(key_of(lock), mode, wait);
}

void release(Lock lock, LOCKMODE mode) {
    pg::unlock_advisory(key_of(lock), mode);
}

int other_flights() {
    return pg::other_holders(key_of(Lock::flight));
}

int drain_flights(int64 timeout_ms) {
    static pg::WaitEvent drain("ScoutIrDrain");
    return pg::drain_holders(key_of(Lock::flight), timeout_ms, drain);
}

bool hold_job_worker(int64 job, int worker) {
    return pg::lock_advisory(key_of_worker(job, worker), ExclusiveLock, false, pg::Held::session);
}

void leave_job_worker(int64 job, int worker) {
    pg::unlock_advisory(key_of_worker(job, worker), ExclusiveLock, pg::Held::session);
}

bool job_worker_lives(int64 job, int worker) {
    if (!pg::lock_advisory(key_of_worker(job, worker), ShareLock, false)) return true;
    pg::unlock_advisory(key_of_worker(job, worker), ShareLock);
    return false;
}

}  // namespace scout::extension
