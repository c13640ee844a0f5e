// The pending queue, bronze_pending: which events are still to load.
//
// One row per chunk of ids of one source. Ids are hints: who takes them must pass over events that
// are absent or settled. Claiming locks chunks with SKIP LOCKED and removes or shortens them in the
// transaction of the silver write, so that abort and crash put them back.
#pragma once

#include "pg/memory.hpp"

namespace scout::intake {

constexpr size_t chunk_events = 1000;  // of a full chunk

// Bounds of ingested_at, both included.
struct Ingested {
    TimestampTz first, last;
};

struct Claim {
    pg::Array<int64> ids;
    Ingested ingested;  // of all the chunks they are from
};

// Takes up to `limit` events of sources that are not in `paused`, oldest chunks first.
Claim claim(int limit, const pg::Array<std::string_view> &paused);

// Removes ids that have been settled otherwise (quarantine, reprocess). The caller holds FLIGHT in a
// mode that keeps loads out. Returns how many ids were in the queue.
int64 remove_from_queue(const int64 *ids, size_t count);

struct Backlog {
    int64 events;
    bool exact;  // false beyond 10,000 chunks: extrapolated from the first ones of each source
};

// Waiting events of one source, or of all (NULL), including this transaction's own in memory.
Backlog backlog(const char *source);

// What is left after claim(), without passing over the chunks that this backend has emptied already. It
// may leave out chunks that appeared behind its back, but never says 0 while any event waits.
Backlog backlog_after_claim();

// "{[1,5),[7,9)}" of ascending ids: the text of an int8multirange.
char *multirange_text(const int64 *ids, size_t count);

}  // namespace scout::intake
