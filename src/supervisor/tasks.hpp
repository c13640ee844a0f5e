// What the supervisor does in one database: everything that is due by the rows' own timestamps.
//
// Capabilities say what there is to do (extension/capability.hpp). There is no state besides the rows: a
// test, or a clock that jumps, moves them. Each step is one transaction of a tick, or part of the caller's in
// supervise(). Commit: rows are written, workers start. Abort, crash: nothing has happened, the next tick
// finds it due again. Two at a time: a second worker of a job leaves as soon as it meets the first.
#pragma once

#include "extension/capability.hpp"

namespace scout::supervisor {

// A task, or a job that is asked for when it is due.
struct Step {
    const char *name;
    const extension::Task *task;
    const extension::Schedule *schedule;
    void run(pg::Array<extension::Done> &done) const;  // needs a Session
};

pg::Array<Step> steps();  // of all capabilities, in their order

// The supervisor's own tasks.
void restart_jobs(pg::Array<extension::Done> &done);
void retain(pg::Array<extension::Done> &done);

}  // namespace scout::supervisor
