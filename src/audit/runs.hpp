// Runs: what each batch of a load, and each action that changed silver, has done.
#pragma once

#include "pg/postgres.hpp"

namespace scout::audit {

constexpr uint8 path_native = 1, path_general = 2;  // which ways of writing wrote silver rows

struct RunCounts {
    int64 processed = 0;
    int64 created = 0, updated = 0, removed = 0;  // transactions
    int64 lines = 0;                              // line items created
    int64 dead_lettered = 0;
    int64 resolved = 0;  // open letters of events that are loaded now
    uint8 paths = 0;

    RunCounts &operator+=(const RunCounts &o) {
        processed += o.processed;
        created += o.created;
        updated += o.updated;
        removed += o.removed;
        lines += o.lines;
        dead_lettered += o.dead_lettered;
        resolved += o.resolved;
        paths |= o.paths;
        return *this;
    }
};

// Writes an etl_runs row, as the extension's owner. `started` is GetCurrentTimestamp() before the work. Needs
// a Session.
void record_run(const char *kind, TimestampTz started, const RunCounts &counts);

}  // namespace scout::audit
