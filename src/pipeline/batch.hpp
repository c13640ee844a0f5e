// One batch of events, from bronze JSON to silver rows and dead letters.
//
// The batch knows nothing of who drives it or of the transaction it runs in: a load, a redrive, a
// reprocess in the caller's transaction and a worker all call process_batch().
#pragma once

#include "core/contract.hpp"
#include "pg/memory.hpp"

namespace scout::pipeline {

enum class Mode : uint8 {
    load,       // pending events: settled ones are passed over
    redrive,    // open dead letters, also those that an operator quarantined
    reprocess,  // anything but quarantined and discarded events; renews processed_at
};

// `optimistic` is the native path without a look at what silver has: for new transactions, which nearly
// all are, that look costs as much as decoding them.
enum class WritePath : uint8 { optimistic, native, general };
constexpr uint8 path_native = 1, path_general = 2;  // which of them wrote silver rows

// Bounds of ingested_at, both included.
struct Ingested {
    TimestampTz first, last;
};

class Outcomes;

struct BatchCounts {
    int64 processed = 0;
    int64 created = 0, updated = 0, removed = 0;  // transactions
    int64 lines = 0;                              // line items created
    int64 dead_lettered = 0;
    int64 resolved = 0;  // open letters of events that are loaded now
    uint8 paths = 0;

    BatchCounts &operator+=(const BatchCounts &o) {
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

// Processes the events in a subtransaction. Where a row is there already, the batch is done again on
// the next more careful path. Where a write fails for another reason that lies in the data (constraint,
// trigger of the user's), it is halved until the event is alone, which is then dead-lettered as
// WRITE_FAILED: the rest goes on. Needs a Session as the owner and FLIGHT.
// `ingested` says where a partitioned bronze is to be looked at first; what is not there is looked for
// everywhere. `outcomes` is told what became of each event (circuit_breaker.hpp).
void process_batch(Mode mode, const int64 *ids, size_t count, BatchCounts &counts,
                   const Ingested *ingested = nullptr, Outcomes *outcomes = nullptr);

// Loads the next best event of transactions whose winner has gone, if one waits as a duplicate.
void promote_duplicates(const std::string_view *transactions, size_t count, BatchCounts &counts);

// Writes an etl_runs row. `started` is GetCurrentTimestamp() before the work.
void record_run(const char *kind, TimestampTz started, const BatchCounts &counts);

}  // namespace scout::pipeline
