// One batch of events, from bronze JSON to silver rows and dead letters.
//
// The batch knows nothing of who drives it or of the transaction it runs in: a load, a redrive, a
// reprocess in the caller's transaction and a worker all call process_batch().
#pragma once

#include "audit/runs.hpp"
#include "core/contract.hpp"
#include "intake/queue.hpp"
#include "pg/memory.hpp"

namespace scout::load {

enum class Mode : uint8 {
    load,       // pending events: settled ones are passed over
    redrive,    // open dead letters, also those that an operator quarantined
    reprocess,  // anything but quarantined and discarded events; renews processed_at
};

// `optimistic` is the native path without a look at what silver has: for new transactions, which nearly
// all are, that look costs as much as decoding them.
enum class WritePath : uint8 { optimistic, native, general };

class Outcomes;

using BatchCounts = audit::RunCounts;

// Processes the events in a subtransaction. Where a row is there already, the batch is done again on
// the next more careful path. Where a write fails for another reason that lies in the data (constraint,
// trigger of the user's), it is halved until the event is alone, which is then dead-lettered as
// WRITE_FAILED: the rest goes on. Needs a Session as the owner and FLIGHT.
// `ingested` says where a partitioned bronze is to be looked at first; what is not there is looked for
// everywhere. `outcomes` is told what became of each event (circuit_breaker.hpp).
void process_batch(Mode mode, const int64 *ids, size_t count, BatchCounts &counts,
                   const intake::Ingested *ingested = nullptr, Outcomes *outcomes = nullptr);

// Loads the next best event of transactions whose winner has gone, if one waits as a duplicate.
void promote_duplicates(const std::string_view *transactions, size_t count, BatchCounts &counts);

}  // namespace scout::load
