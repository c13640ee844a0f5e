// A request handed to a worker in shared memory, and its answer (worker.hpp says when).
//
// The segment belongs to the statement that made it. When that ends, by success, error, cancel or the
// death of its backend, `abandoned` is set and the worker is interrupted before the segment goes.
#pragma once

#include "pg/worker.hpp"

extern "C" {
#include "port/atomics.h"
}

namespace scout::pg {

struct Handover {
    pg_atomic_uint32 abandoned, refused, worker_pid;
    pg_atomic_uint64 answer;  // 0: none yet
    int sqlstate;             // with `refused`, set before it
    char message[1024], detail[1024], hint[512];
    int count;
    // the strings follow
};

constexpr int most_handed = 8;

// The caller's side. Strings may be NULL. release() ends it without abandoning the worker.
struct HandedOver {
    dsm_segment *segment;
    Handover *shared;
};
HandedOver hand_over(const char *const *strings, int count);
void release(const HandedOver &handed);

// The worker's side, in a transaction: nullptr where the caller has gone. Stays mapped.
Handover *take_over(dsm_handle handle);
const char *handed_string(const Handover *handover, int n);
void refuse(Handover *handover, const ErrorData *error);
bool abandoned(Handover *handover);  // false for nullptr

}  // namespace scout::pg
