// One worker's process: what its parts share (worker.cpp works, ending.cpp ends).
#pragma once

#include "jobs/launch.hpp"
#include "jobs/store.hpp"
#include "pg/handover.hpp"

namespace scout::jobs {

struct Run {
    JobStart start;
    MemoryContext memory;       // of the worker's life
    MemoryContext turn_memory;  // errors live here until the next turn
    pg::Handover *handover;     // nullptr: nobody waits for this process
    Oid extension;              // as it was at the first transaction
    int64 job;
    int workers;
    int attempt;  // that this process works for; 0 until registered
    char activity[96];
};

// Begins every transaction of a worker: is this still the extension that the job belongs to? One that was
// dropped and made again has other jobs under the same numbers.
bool extension_is_there(Run &run);

ErrorData *transaction(Run &run, void (*call)(void *), void *argument);

template <typename Call>
ErrorData *transaction(Run &run, Call call) {
    return transaction(
        run, [](void *c) { (*static_cast<Call *>(c))(); }, &call);
}

// What a worker that has no turn yet waits in.
inline pg::WaitEvent turn_wait("ScoutIrJobTurn");

// One line per failure: what a person at the log needs.
void log_error(const Run &run, const char *what, const ErrorData *error);
void log_gone(const Run &run);

// "The session that waited for it was cancelled or ended."
ErrorData *nobody_waits(const Run &run);

// How a worker's work ends, each in a transaction of its own.
enum class After { go_on, stop };

// Notes that the job failed or is cancelled. `go_on` where the job was resumed meanwhile: the error, a
// cancel that came late, was not meant for the attempt that runs now.
After fail(Run &run, const char *state, const ErrorData *error);

// Loading is paused: the job is left as interrupted.
void leave_interrupted(Run &run, const char *why);

// Nothing is left for this worker. The last one says that the job succeeded; before that it looks once
// more, for a worker that died meanwhile has put its chunk back.
After leave(Run &run, bool looked_again);

// Somebody waits for this process: while others work it stays, to notice when they stop waiting.
void stand_by(Run &run);

// What waited for this worker's place.
void start_next(Run &run);

}  // namespace scout::jobs
