// The two ways to write silver rows, below the winner rule (silver.cpp), and the comparison with what is
// there. Both write the same rows.
// `which` are positions in batch.events, in byte order of transaction_id.
#pragma once

#include "load/decode.hpp"
#include "pg/spi.hpp"

namespace scout::load {

// General path: SPI statements.
//
// Inserts transactions that are not there; returns the transaction_ids that were inserted.
pg::Rows insert_transactions(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now);
// Returns how many were updated.
int64 update_transactions(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now);
// Inserts lines or updates those that differ; returns how many are new.
int64 upsert_lines(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now);
// Deletes the lines of transactions beyond those that their event has.
void remove_extra_lines(const Batch &batch, const pg::Array<size_t> &which);

// Native path: by the page (pg/bulk_writer.hpp), for transactions that are not in silver, with their lines.
// Raises 23505 where some are after all. Returns how many lines were written.
int64 copy_transactions(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now);

// The events whose transaction holds exactly what they say, and the updated_at it was read with.
pg::Array<size_t> find_unchanged(const Batch &batch, const pg::Array<size_t> &which,
                                 pg::Array<TimestampTz> &versions);

// Renews processed_at of the rows that still have their version; returns those, in the same order.
pg::Array<size_t> renew(const Batch &batch, const pg::Array<size_t> &which,
                        const pg::Array<TimestampTz> &versions, TimestampTz now);

// Those whose lines in silver are not exactly what their event says.
pg::Array<size_t> with_other_lines(const Batch &batch, const pg::Array<size_t> &which);

// What somebody attached to the tables of silver.
struct SilverTables {
    bool transaction_triggers, line_triggers;  // a row may end otherwise than it was written
    bool foreign_key;                          // something references transactions
};

// Raises 55000 where a table cannot be written or seen for certain: rules, forced row security, children
// that were added after it was adopted. Has deferrable constraints of silver checked with each statement.
SilverTables examine_tables();

// Where there are triggers: every event that was written has its transaction and all of its lines.
void verify_written(const SilverTables &tables, const Batch &batch);

// A row that was to be written is not there: it raises 09000, for which the batch isolates the event.
[[noreturn]] void refuse_dropped_rows(const char *table);

// Why the native path must not write silver; nullptr where it may.
const char *native_refusal();

}  // namespace scout::load
