// What a capability provides so that its work can be a job.
//
// A kind freezes its work into chunks when it is asked for, and does one of them at a time. It knows
// neither processes nor transactions: a turn runs in one transaction, which commits the work, the
// chunk and the counts together, or nothing.
#pragma once

#include "pg/postgres.hpp"

namespace scout::jobs {

struct Progress {
    int64 done = 0;  // units: events, views
    int64 created = 0, updated = 0, removed = 0, lines = 0, dead_lettered = 0, resolved = 0;
    int64 position = 0;  // of the last unit; 0: none
};

struct Job {
    int64 id;
    const char *arguments;  // JSON object
    int worker;             // 0 .. workers - 1
};

enum class Turn {
    worked,
    nothing_left,  // for this worker; another may still be at work
    paused,        // loading is paused: the job is left interrupted
};

struct Kind {
    const char *name;  // of the SQL function that asks for it
    const char *unit;
    // Freezes the work: adds chunks (chunks.hpp) and returns how many units they are, -1 where nobody
    // knows. Runs in the asking transaction with the caller's rights; needs no Session, opens its own.
    int64 (*freeze)(const Job &job);
    // Does the next chunk and adds to `progress`. Runs with the rights of who asked.
    Turn (*turn)(const Job &job, Progress &progress);
    // Instead of turn: a statement that must not run in a transaction block, nullptr where nothing is left.
    const char *(*utility)(const Job &job, Oid &run_as);
};

const Kind *find_kind(std::string_view name);  // of all capabilities; nullptr where unknown

}  // namespace scout::jobs
