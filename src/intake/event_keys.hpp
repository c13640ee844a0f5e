// The dedup keys, bronze_event_keys: which content is known, and as which event.
#pragma once

#include "intake/event_hash.hpp"
#include "pg/memory.hpp"

namespace scout::intake {

// The event that a committed key row, or one of this transaction's, names; 0 if there is none. Reads the
// newest rows, not the statement's snapshot; a key that another session has not committed yet does not count:
// writing the key will wait for it.
int64 known_event(const EventHash &hash);

struct EventKey {
    EventHash hash;
    int64 event_id;
    bool kept;  // an earlier life of the same event may have left its key
};

// Writes keys. 23505 (40001 in a transaction with an older snapshot) where another session has committed one
// of them meanwhile. Needs a Session as the owner; sorts the array.
void write_keys(pg::Array<EventKey> &keys);

// Takes the key from an event that holds the content no more. Needs a Session as the owner.
void forget_key(const EventHash &hash, int64 event_id);

}  // namespace scout::intake
