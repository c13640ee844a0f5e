// What the supervisor does in one database: everything that is due by the rows' own timestamps.
//
// There is no state besides the rows: a test, or a clock that jumps, moves them. Each task is one
// transaction of a tick, or part of the caller's in supervise(). Commit: rows are written, workers start.
// Abort, crash: nothing has happened, the next tick finds it due again. Two at a time: a second worker of
// a job leaves as soon as it meets the first.
#pragma once

#include "pg/memory.hpp"

namespace scout::supervisor {

struct Done {
    const char *task, *outcome;
    int64 job;  // 0: none
};

struct Task {
    const char *name;
    void (*run)(pg::Array<Done> &done);  // needs a Session
};

constexpr int task_count = 5;
extern const Task tasks[task_count];

}  // namespace scout::supervisor
