// From the rows of bronze to typed transactions: one pass of the contract's check over each document.
#pragma once

#include "load/batch.hpp"
#include "pg/postgres.hpp"

namespace scout::load {

constexpr const char *duplicate_transaction = "DUPLICATE_TRANSACTION";
constexpr const char *write_failed = "WRITE_FAILED";

enum class Verdict : uint8 {
    valid,      // a candidate for its transaction
    rejected,   // by `finding`
    duplicate,  // a better event has the transaction: `winner`
};

struct Event {
    int64 event_id;
    Jsonb *document;
    std::string_view source, type, store;  // columns of bronze
    TimestampTz ingested_at;
    Verdict verdict;
    core::Finding finding;
    int64 winner;
    core::Header header;
    size_t first_line, line_count;
    int32 unique_products;
    size_t first_warning, warning_count;
};

// The events of a batch; memory belongs to the context current at construction.
struct Batch {
    pg::Array<Event> events;
    pg::Array<core::Line> lines;
    pg::Array<core::Finding> warnings;

    const core::Line *lines_of(const Event &e) const { return lines.begin() + e.first_line; }
};

// Checks one document and appends it. Views point into `document`, which must outlive the batch.
void decode_event(Batch &batch, const core::RuleSet &rules, int64 event_id, std::string_view type,
                  std::string_view store, TimestampTz ingested_at, Jsonb *document);

}  // namespace scout::load
