// Writing silver: the winner rule.
#pragma once

#include "load/decode.hpp"

namespace scout::load {

// Removes silver rows of the batch's events that no longer stand for them: the event is now
// rejected, or has another transaction_id. Their transactions go into `orphaned`.
void remove_misplaced(const Batch &batch, pg::Array<std::string_view> &orphaned, BatchCounts &counts);

// Chooses the winner of each transaction and writes it. Marks losers Verdict::duplicate; dead-letters
// events of earlier batches that lose their row.
void write_silver(Mode mode, WritePath path, Batch &batch, BatchCounts &counts);

// Deletes the silver rows of events, lines first. Returns transactions, adds lines to `lines`, and
// the transaction ids to `transactions`.
int64 remove_silver(const int64 *event_ids, size_t count, pg::Array<std::string_view> &transactions,
                    int64 &lines);

}  // namespace scout::load
