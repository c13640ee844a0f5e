#include "pg/handover.hpp"

#include "pg/encoding.hpp"
#include "pg/worker.hpp"

namespace scout::pg {

namespace {

constexpr char present = '+', absent = '-';

char *strings_of(Handover *handover) {
    return reinterpret_cast<char *>(handover + 1);
}

void abandon(dsm_segment *, Datum shared) {
    auto *handover = reinterpret_cast<Handover *>(DatumGetPointer(shared));
    pg_atomic_write_u32(&handover->abandoned, 1);
    pg_memory_barrier();
    interrupt_worker(static_cast<int>(pg_atomic_read_u32(&handover->worker_pid)));
}

}  // namespace

HandedOver hand_over(const char *const *strings, int count) {
    Size bytes = sizeof(Handover);
    for (int i = 0; i < count; i++) bytes += 2 + (strings[i] != nullptr ? strlen(strings[i]) : 0);
    dsm_segment *segment = dsm_create(bytes, 0);
    auto *handover = static_cast<Handover *>(dsm_segment_address(segment));
    std::memset(static_cast<void *>(handover), 0, sizeof *handover);
    pg_atomic_init_u32(&handover->abandoned, 0);
    pg_atomic_init_u32(&handover->refused, 0);
    pg_atomic_init_u32(&handover->worker_pid, 0);
    pg_atomic_init_u64(&handover->answer, 0);
    handover->count = count;
    char *at = strings_of(handover);
    for (int i = 0; i < count; i++) {
        *at++ = strings[i] != nullptr ? present : absent;
        const size_t length = strings[i] != nullptr ? strlen(strings[i]) : 0;
        if (length > 0) std::memcpy(at, strings[i], length);
        at += length;
        *at++ = '\0';
    }
    on_dsm_detach(segment, abandon, PointerGetDatum(handover));
    return {segment, handover};
}

void release(const HandedOver &handed) {
    cancel_on_dsm_detach(handed.segment, abandon, PointerGetDatum(handed.shared));
    dsm_detach(handed.segment);
}

Handover *take_over(dsm_handle handle) {
    dsm_segment *segment = dsm_attach(handle);
    if (segment == nullptr) return nullptr;
    dsm_pin_mapping(segment);
    auto *handover = static_cast<Handover *>(dsm_segment_address(segment));
    pg_atomic_write_u32(&handover->worker_pid, static_cast<uint32>(MyProcPid));
    pg_memory_barrier();
    return abandoned(handover) ? nullptr : handover;
}

const char *handed_string(const Handover *handover, int n) {
    const char *at = reinterpret_cast<const char *>(handover + 1);
    for (int i = 0; i < n; i++) at += strlen(at) + 1;
    return *at == present ? at + 1 : nullptr;
}

void refuse(Handover *handover, const ErrorData *error) {
    const auto copy = [](auto &to, const char *from) { copy_clipped(to, from != nullptr ? from : ""); };
    handover->sqlstate = error->sqlerrcode;
    copy(handover->message, error->message);
    copy(handover->detail, error->detail);
    copy(handover->hint, error->hint);
    pg_memory_barrier();
    pg_atomic_write_u32(&handover->refused, 1);
}

bool abandoned(Handover *handover) {
    return handover != nullptr && pg_atomic_read_u32(&handover->abandoned) != 0;
}

}  // namespace scout::pg
