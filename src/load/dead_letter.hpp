// Writing the dead-letter queue. An event has one letter, ever: error_* keep the evidence of its
// first failure, last_error_* the newest; attempts counts failed redrives and new failures.
#pragma once

#include "load/decode.hpp"

namespace scout::load {

// Letters for the batch's rejected events and duplicates.
void write_dead_letters(Mode mode, const Batch &batch, BatchCounts &counts);

// Letters for events that lost their transaction to a better one.
void dead_letter_displaced(const pg::Array<int64> &losers, const pg::Array<int64> &winners,
                           const pg::Array<std::string_view> &transactions, BatchCounts &counts);

// The letter of a single event whose write the server refused.
void dead_letter_failed_write(int64 event_id, const ErrorData *error);

// Dead-letters events for a reason of the operator's. Returns how many letters were written.
int64 dead_letter_chosen(const int64 *ids, size_t count, const char *code, const char *message,
                         const char *details);

// Marks the open letters of the batch's loaded events resolved.
void resolve_letters(const Batch &batch, BatchCounts &counts);

// Replaces the stored warnings of the batch's events.
void write_warnings(Mode mode, const Batch &batch);

// Forgets the warnings of events that leave silver.
void clear_warnings(const int64 *ids, size_t count);

// True for codes that rules and races give; the others are an operator's, and only a redrive loads
// such an event again. SQL: a list for `last_error_code = ANY (...)`.
pg::Array<std::string_view> automatic_codes();

}  // namespace scout::load
