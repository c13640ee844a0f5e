// The dedup key of an event.
//
// event_hash = the first 16 bytes of SHA-256 over a format version, the event type and the business content:
//   - object keys in any order: JSONB stores them sorted and without duplicates;
//   - the ids transaction_id, store_id, customer_id and items[].product_id trimmed and, in ASCII,
//     case-folded, so that " a17 " and "A17" are the same id;
//   - numbers by value: 1.5 and 1.50 are the same;
//   - the top-level key "metadata" is left out: it describes the delivery, not the sale.
// Everything else counts, also white space in other texts and whether a number came as a string.
//
// Texts are hashed as UTF-8, whatever the database's encoding. The layout of what is hashed is a promise:
// hashes are stored in user tables and in dumps. What changes it gets a new version, so that hashes of two
// layouts never meet by chance.
#pragma once

#include "pg/postgres.hpp"

namespace scout::intake {

constexpr size_t event_hash_bytes = 16;

struct EventHash {
    uint8 bytes[event_hash_bytes];
    bool operator==(const EventHash &other) const {
        return std::memcmp(bytes, other.bytes, sizeof bytes) == 0;
    }
};

EventHash hash_event(Jsonb *event, std::string_view event_type);

bytea *to_bytea(const EventHash &hash);  // in the current context

}  // namespace scout::intake
