// What a tick leaves in shared memory for the launcher that started it.
//
// The launcher has one segment for its life, and one tick at work at a time: that one writes it. The outcome
// is written last. A tick that ends early, by an error or a crash, leaves Outcome::none.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "port/atomics.h"
#include "storage/dsm.h"
}

namespace scout::supervisor {

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

}  // namespace scout::supervisor
