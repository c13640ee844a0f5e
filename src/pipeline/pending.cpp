#include "pipeline/pending.hpp"

#include "pg/relation.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"
#include "pipeline/queue.hpp"

#include <string>
#include <unordered_map>
#include <unordered_set>

namespace scout::pipeline {

namespace {

struct HashOfHash {
    size_t operator()(const EventHash &h) const {
        size_t value;  // SHA-256 is uniform: any eight bytes will do
        std::memcpy(&value, h.bytes, sizeof value);
        return value;
    }
};

// Lives in TopTransactionContext, whose reset destroys it.
struct Buffer {
    pg::Array<PendingEvent> events{TopTransactionContext};  // in order of insertion
    std::unordered_map<EventHash, int64, HashOfHash> keys;  // of the unflushed ones
    std::unordered_set<std::string> sources;                // node-based: c_str() stays put
    size_t unflushed = 0;
    int64 duplicates = 0, unreported = 0;
};

Buffer *buffer = nullptr;

Buffer &require_buffer() {
    if (buffer == nullptr) buffer = pg::own<Buffer>(TopTransactionContext);
    return *buffer;
}

void index_unflushed(Buffer &b) {
    b.keys.clear();
    b.unflushed = 0;
    for (const PendingEvent &e : b.events)
        if (e.flushed == 0) {
            b.keys.emplace(e.hash, e.event_id);
            b.unflushed++;
        }
}

void write_chunk(const char *source, int64 *ids, size_t count, TimestampTz first, TimestampTz last) {
    static pg::Statement insert(
        "INSERT INTO scout.bronze_pending (source_system, events, event_count, min_ingested_at, "
        "max_ingested_at)"
        " VALUES ($1, $2::text::int8multirange, $3, $4, $5)");
    std::sort(ids, ids + count);
    insert.run({pg::text(source), pg::text(multirange_text(ids, count)), pg::int4(static_cast<int32>(count)),
                pg::timestamp(first), pg::timestamp(last)});
}

// A concurrent transaction may have committed the same content since the trigger looked: the insert
// waits for it, and its row is then missing here.
void write_keys(const Buffer &b, const pg::Array<size_t> &batch) {
    static pg::Statement insert(
        "INSERT INTO scout.bronze_event_keys AS known (event_hash, event_id)"
        " SELECT k.h, k.e FROM unnest($1::bytea[], $2::bigint[]) AS k(h, e)"
        // An event that is put back under its own id finds its key.
        " ON CONFLICT (event_hash) DO UPDATE SET event_id = excluded.event_id WHERE known.event_id = "
        "excluded.event_id");
    // Sorted by hash, so that two transactions with several events in common cannot deadlock.
    pg::Array<size_t> order;
    for (size_t i : batch) order.push(i);
    std::sort(order.begin(), order.end(), [&b](size_t x, size_t y) {
        return std::memcmp(b.events[x].hash.bytes, b.events[y].hash.bytes, event_hash_bytes) < 0;
    });
    pg::Column hashes(BYTEAOID, order.size()), ids(INT8OID, order.size());
    for (size_t i : order) {
        hashes.add(PointerGetDatum(to_bytea(b.events[i].hash)));
        ids.add(Int64GetDatum(b.events[i].event_id));
    }
    if (insert.run({hashes.param(), ids.param()}).count() != order.size())
        ereport(ERROR, errcode(ERRCODE_UNIQUE_VIOLATION),
                errmsg("an event of this transaction was committed by another session meanwhile"),
                errhint("Repeat the transaction: the duplicate will then be skipped."));
}

// One chunk of up to chunk_events ids of one source.
void write_source(Buffer &b, const pg::Array<size_t> &batch, const char *source) {
    pg::Array<int64> ids;
    TimestampTz first = 0, last = 0;
    auto finish = [&] {
        if (!ids.empty()) write_chunk(source, ids.begin(), ids.size(), first, last);
        ids.truncate(0);
    };
    for (size_t i : batch) {
        const PendingEvent &e = b.events[i];
        if (e.source != source) continue;
        if (ids.empty()) first = last = e.ingested_at;
        first = std::min(first, e.ingested_at);
        last = std::max(last, e.ingested_at);
        ids.push(e.event_id);
        if (ids.size() == chunk_events) finish();
    }
    finish();
}

// Flushes the unflushed events from nesting level `from_level` up.
void flush(Buffer &b, int from_level) {
    if (!OidIsValid(pg::relation_oid("bronze_events"))) {
        buffer = nullptr;  // this transaction dropped bronze itself: there is nothing to queue
        return;
    }
    pg::Workspace workspace("scout_ir flush");
    pg::Session session(pg::require_pipeline());
    const int level = GetCurrentTransactionNestLevel();
    pg::Array<size_t> batch;
    for (size_t i = 0; i < b.events.size(); i++)
        if (b.events[i].flushed == 0 && b.events[i].level >= from_level) batch.push(i);
    pg::Array<const char *> sources;
    for (size_t i : batch)
        if (std::find(sources.begin(), sources.end(), b.events[i].source) == sources.end())
            sources.push(b.events[i].source);

    write_keys(b, batch);
    for (const char *source : sources) write_source(b, batch, source);
    for (size_t i : batch) b.events[i].flushed = level;
    session.end();
    workspace.leave();

    // Those that were flushed on their own level need no memory any more.
    size_t kept = 0;
    for (size_t i = 0; i < b.events.size(); i++)
        if (b.events[i].flushed != b.events[i].level) b.events[kept++] = b.events[i];
    b.events.truncate(kept);
    index_unflushed(b);
}

void write_duplicates(const Buffer &b) {
    static pg::Statement insert(
        "INSERT INTO scout.etl_runs (kind, started_at, finished_at, duration_ms, write_path, "
        "duplicates_skipped)"
        " VALUES ('intake', now(), clock_timestamp(), 0, 'trigger', $1)");
    pg::Session session(pg::extension_owner());
    insert.run({pg::int8(b.duplicates)});
    session.end();
    if (b.unreported > 0)
        ereport(NOTICE, errmsg_plural("%lld event was a duplicate and was skipped",
                                      "%lld events were duplicates and were skipped",
                                      static_cast<unsigned long>(b.unreported),
                                      static_cast<long long>(b.unreported)));
}

void on_transaction(XactEvent event, void *) {
    switch (event) {
        case XACT_EVENT_PRE_COMMIT:
        case XACT_EVENT_PRE_PREPARE:
            if (buffer != nullptr && (buffer->unflushed > 0 || buffer->duplicates > 0)) {
                PushActiveSnapshot(GetTransactionSnapshot());
                if (buffer->duplicates > 0) write_duplicates(*buffer);
                flush_pending();
                PopActiveSnapshot();
            }
            break;
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_PREPARE:
        case XACT_EVENT_ABORT: buffer = nullptr; break;  // freed with TopTransactionContext
        default: break;
    }
}

void on_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
    if (buffer == nullptr || (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)) return;
    Buffer &b = *buffer;
    const int level = GetCurrentTransactionNestLevel();
    const bool abort = event == SUBXACT_EVENT_ABORT_SUB;
    bool keys_changed = false;
    size_t kept = 0;
    for (size_t i = 0; i < b.events.size(); i++) {
        PendingEvent e = b.events[i];
        if (abort) {
            keys_changed = keys_changed || e.level >= level || e.flushed >= level;
            if (e.level >= level) continue;
            if (e.flushed >= level) e.flushed = 0;
        } else {
            e.level = std::min(e.level, level - 1);
            if (e.flushed != 0) e.flushed = std::min(e.flushed, level - 1);
            if (e.flushed == e.level) continue;
        }
        b.events[kept++] = e;
    }
    b.events.truncate(kept);
    if (keys_changed) index_unflushed(b);
}

}  // namespace

void register_pending_callbacks() {
    RegisterXactCallback(
        [](XactEvent event, void *) {
            (void)pg::invoke([event] {
                on_transaction(event, nullptr);
                return static_cast<Datum>(0);
            });
        },
        nullptr);
    RegisterSubXactCallback(
        [](SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *) {
            (void)pg::invoke([=] {
                on_subtransaction(event, mine, parent, nullptr);
                return static_cast<Datum>(0);
            });
        },
        nullptr);
}

void append_pending(int64 event_id, const EventHash &hash, TimestampTz ingested_at, std::string_view source) {
    Buffer &b = require_buffer();
    const char *name = b.sources.emplace(source).first->c_str();
    b.keys.emplace(hash, event_id);
    b.events.push({event_id, hash, ingested_at, name, GetCurrentTransactionNestLevel(), 0});
    b.unflushed++;
}

int64 buffered_event(const EventHash &hash) {
    if (buffer == nullptr) return 0;
    auto found = buffer->keys.find(hash);
    return found == buffer->keys.end() ? 0 : found->second;
}

void rename_buffered(const EventHash &hash, int64 event_id) {
    for (PendingEvent &e : buffer->events)
        if (e.flushed == 0 && e.hash == hash) e.event_id = event_id;
    buffer->keys[hash] = event_id;
}

void flush_pending() {
    if (buffer != nullptr && buffer->unflushed > 0) flush(*buffer, 0);
}

void flush_pending_if_full() {
    if (buffer == nullptr || buffer->unflushed < chunk_events) return;
    // Outer levels' events would have to stay in memory anyway: leave them for their own level.
    const int level = GetCurrentTransactionNestLevel();
    size_t mine = 0;
    for (const PendingEvent &e : buffer->events) mine += e.flushed == 0 && e.level == level;
    if (mine >= chunk_events) flush(*buffer, level);
}

void count_duplicate(bool reported) {
    Buffer &b = require_buffer();
    b.duplicates++;
    if (!reported) b.unreported++;
}

const pg::Array<PendingEvent> *buffered_events() {
    return buffer == nullptr ? nullptr : &buffer->events;
}

}  // namespace scout::pipeline
