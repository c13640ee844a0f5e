// The intake buffer: events of this transaction that are in bronze but not yet in the queue.
//
// One queue row per chunk of up to 1,000 events is what makes the queue cheap (29 bytes for a
// contiguous range). The row trigger on bronze appends here; flush() writes chunks and dedup keys, many at
// a time: sorted, neighbours in the index of the keys share their pages.
// The buffer also knows the hashes that the key table does not show yet, so that a duplicate within
// one statement is skipped like any other.
//
// Protocol
//   append    tags the event with the subtransaction nesting level that inserted it.
//   flush     when 10,000 events wait, before any pipeline function reads the queue, and at
//             PRE_COMMIT and PRE_PREPARE. Runs as the owner of the pipeline tables.
//   savepoint release  flushes too where 10,000 events wait. Events of level n become events of level
//             n - 1; so does the level that flushed them.
//   savepoint rollback  events of the level are gone with their rows. Events of outer levels that
//             were flushed inside the level lose their queue rows and keys with it: they become
//             unflushed again. That is why an event stays in memory until the level that flushed
//             it is the level that inserted it.
//   commit    the buffer is empty: PRE_COMMIT flushed it. A failing flush fails the commit.
//   abort, crash  rows, chunks and keys vanish together; the buffer goes with the transaction.
#pragma once

#include "intake/event_hash.hpp"
#include "pg/memory.hpp"

namespace scout::intake {

struct PendingEvent {
    int64 event_id;
    EventHash hash;
    TimestampTz ingested_at;
    const char *source;  // belongs to the buffer
    int32 level;         // subtransaction nesting level that inserted it; never decreases along the buffer
    int32 flushed;       // level that flushed it; 0: not flushed
    uint32 next;         // in its hash bucket: position + 1 of the next older event
    bool key_kept;       // its key may be there already: an event that is put back under its id
};

void register_pending_callbacks();

// Appends an event; the caller has made sure that no other event has its content.
void append_pending(int64 event_id, const EventHash &hash, TimestampTz ingested_at, std::string_view source,
                    bool key_kept);

// The event of this transaction that holds `hash` and is not flushed; 0 if there is none.
int64 buffered_event(const EventHash &hash);

// Gives the hash of a buffered event to another one (the first was never inserted).
void rename_buffered(const EventHash &hash, int64 event_id);

// May an event of this id have been inserted in this transaction? Never no where it has been.
bool may_have_inserted(int64 event_id);

// Flushes everything, or, where the buffer is full, what the current level may forget afterwards.
void flush_pending();
void flush_pending_if_full();

// Counts a skipped duplicate; PRE_COMMIT writes the count into etl_runs and, unless an ingest call
// has told its caller already, says it in a NOTICE.
void count_duplicate(bool reported);

// For who rolls back what was skipped in `trial`, and does not want it counted either.
void keep_counts_in(void (*trial)(void *), void *argument);

// What waits in memory, for reports.
const pg::Array<PendingEvent> *buffered_events();

}  // namespace scout::intake
