#include "intake/event_keys.hpp"

#include "extension/pipeline.hpp"
#include "pg/guard.hpp"
#include "pg/key_table.hpp"
#include "pg/spi.hpp"

namespace scout::intake {

namespace {

pg::KeyTable key_table("event_hash", "event_id");

Oid keys_table() {
    return extension::require_table("bronze_event_keys");
}

pg::Param bytes(const EventHash &hash) {
    return pg::datum(BYTEAOID, PointerGetDatum(to_bytea(hash)));
}

[[noreturn]] void report_taken() {
    if (IsolationUsesXactSnapshot())
        ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                errmsg("could not serialize access due to concurrent update"));
    ereport(ERROR, errcode(ERRCODE_UNIQUE_VIOLATION),
            errmsg("an event of this transaction was committed by another session meanwhile"),
            errhint("Repeat the transaction: the duplicate will then be skipped."));
}

bool insert_natively(const pg::Array<EventKey> &keys) {
    pg::Array<pg::KeyTable::Entry> entries;
    for (const EventKey &k : keys) {
        if (k.kept) return false;
        entries.push({to_bytea(k.hash), k.event_id});
    }
    bool done = false, taken = false;
    try {
        pg::guarded([&] { done = key_table.insert(keys_table(), entries.begin(), entries.size()); });
    } catch (const pg::ServerError &e) {
        if (e.data()->sqlerrcode != ERRCODE_UNIQUE_VIOLATION) throw;
        taken = true;
    }
    if (taken) report_taken();
    return done;
}

}  // namespace

int64 known_event(const EventHash &hash) {
    int64 found;
    if (key_table.find(keys_table(), to_bytea(hash), found)) return found;
    static pg::Statement query("SELECT event_id FROM scout.bronze_event_keys WHERE event_hash = $1");
    pg::Session session(extension::require_intake_tables());
    pg::Rows rows = query.read_latest({bytes(hash)});
    found = rows.count() > 0 ? rows.int8(0, 1) : 0;
    session.end();
    return found;
}

void write_keys(pg::Array<EventKey> &keys) {
    static pg::Statement insert(
        "INSERT INTO scout.bronze_event_keys AS known (event_hash, event_id)"
        " SELECT k.h, k.e FROM unnest($1::bytea[], $2::bigint[]) AS k(h, e)"
        // An event that is put back under its own id finds its key.
        " ON CONFLICT (event_hash) DO UPDATE SET event_id = excluded.event_id"
        " WHERE known.event_id = excluded.event_id");
    // In the order of the hashes, so that two transactions with several events in common cannot deadlock.
    std::sort(keys.begin(), keys.end(), [](const EventKey &a, const EventKey &b) {
        return std::memcmp(a.hash.bytes, b.hash.bytes, event_hash_bytes) < 0;
    });
    if (insert_natively(keys)) return;
    pg::Column hashes(BYTEAOID, keys.size()), ids(INT8OID, keys.size());
    for (const EventKey &k : keys) {
        hashes.add(PointerGetDatum(to_bytea(k.hash)));
        ids.add(Int64GetDatum(k.event_id));
    }
    // The insert waited for a transaction that was committing the same content: its row is then missing here.
    if (insert.run({hashes.param(), ids.param()}).count() != keys.size()) report_taken();
}

void forget_key(const EventHash &hash, int64 event_id) {
    static pg::Statement forget(
        "DELETE FROM scout.bronze_event_keys WHERE event_hash = $1 AND event_id = $2");
    forget.run({bytes(hash), pg::int8(event_id)});
}

}  // namespace scout::intake
