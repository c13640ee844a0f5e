#include "intake/pending.hpp"

#include "extension/installed.hpp"
#include "extension/pipeline.hpp"
#include "intake/event_keys.hpp"
#include "intake/queue.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

#include <new>

namespace scout::intake {

namespace {

constexpr size_t flush_events = 10'000;

// The unflushed events by hash: buckets chained through PendingEvent::next, the newest first, so that events
// leave in the reverse order of their coming at no cost. Only make_room() allocates, and it fails before it
// has changed anything: the rest is called when a subtransaction ends, where nothing may fail.
class HashIndex {
public:
    // Before an event is appended to `events`.
    void make_room(pg::Array<PendingEvent> &events) {
        if (used_ >= buckets_.size()) grow(events);
    }
    void add(pg::Array<PendingEvent> &events, size_t position) {
        link(events, position);
        used_++;
    }
    // `position` is the newest of those that are here.
    void remove_newest(const pg::Array<PendingEvent> &events, size_t position) {
        buckets_[bucket(events[position].hash)] = events[position].next;
        used_--;
    }
    PendingEvent *find(pg::Array<PendingEvent> &events, const EventHash &hash) const {
        if (used_ == 0) return nullptr;
        for (uint32 i = buckets_[bucket(hash)]; i != 0; i = events[i - 1].next)
            if (events[i - 1].hash == hash) return &events[i - 1];
        return nullptr;
    }
    void rebuild(pg::Array<PendingEvent> &events) {
        used_ = 0;
        for (uint32 &b : buckets_) b = 0;
        for (size_t i = 0; i < events.size(); i++)
            if (events[i].flushed == 0) add(events, i);
    }
    size_t size() const { return used_; }

private:
    size_t bucket(const EventHash &hash) const {  // SHA-256 is uniform: any bytes will do
        uint32 value;
        std::memcpy(&value, hash.bytes, sizeof value);
        return value & (buckets_.size() - 1);
    }
    void link(pg::Array<PendingEvent> &events, size_t position) {
        uint32 &head = buckets_[bucket(events[position].hash)];
        events[position].next = head;
        head = static_cast<uint32>(position + 1);
    }
    void grow(pg::Array<PendingEvent> &events) {
        const size_t size = std::max<size_t>(buckets_.size() * 2, 16);
        buckets_.reserve(size);
        (void)buckets_.extend(size - buckets_.size());
        rebuild(events);
    }
    pg::Array<uint32> buckets_{TopTransactionContext};
    size_t used_ = 0;
};

// Lives in TopTransactionContext.
struct Buffer {
    pg::Array<PendingEvent> events{TopTransactionContext};  // in order of insertion
    HashIndex unflushed;
    pg::Array<const char *> sources{TopTransactionContext};  // interned texts, the newest last
    int64 duplicates = 0, unreported = 0;
    int64 lowest_id = INT64_MAX, highest_id = INT64_MIN;  // of all that came, rolled back or not

    void note_id(int64 id) {
        lowest_id = std::min(lowest_id, id);
        highest_id = std::max(highest_id, id);
    }
};

Buffer *buffer = nullptr;

Buffer &require_buffer() {
    if (buffer == nullptr) buffer = new (MemoryContextAlloc(TopTransactionContext, sizeof(Buffer))) Buffer();
    return *buffer;
}

// Nearly always one of very few; what is not found among the newest is stored once more.
const char *intern(Buffer &b, std::string_view source) {
    constexpr size_t look_back = 8;
    const size_t n = b.sources.size();
    for (size_t i = n; i > 0 && i + look_back > n; i--)
        if (source == b.sources[i - 1]) return b.sources[i - 1];
    MemoryContext outer = MemoryContextSwitchTo(TopTransactionContext);
    const char *text = pg::c_string(source);
    MemoryContextSwitchTo(outer);
    return b.sources.push(text);
}

// Where the events of subtransaction `level` and of those inside it begin.
size_t first_of_level(const Buffer &b, int level) {
    const PendingEvent *first = std::lower_bound(b.events.begin(), b.events.end(), level,
                                                 [](const PendingEvent &e, int l) { return e.level < l; });
    return static_cast<size_t>(first - b.events.begin());
}

// Events that were flushed on their own level need no memory any more.
void drop_settled(Buffer &b) {
    size_t kept = 0;
    for (size_t i = 0; i < b.events.size(); i++)
        if (b.events[i].flushed != b.events[i].level) b.events[kept++] = b.events[i];
    b.events.truncate(kept);
    b.unflushed.rebuild(b.events);
    if (kept > 0) return;
    for (const char *text : b.sources) pfree(const_cast<char *>(text));
    b.sources.truncate(0);
}

// One queue row per chunk of ids of one source; sorts the events.
void write_chunks(pg::Array<PendingEvent> &events) {
    static pg::Statement insert(
        "INSERT INTO scout.bronze_pending (source_system, events, event_count,"
        " min_ingested_at, max_ingested_at)"
        " VALUES ($1, $2::text::int8multirange, $3, $4, $5)");
    std::sort(events.begin(), events.end(), [](const PendingEvent &a, const PendingEvent &b) {
        const int order = a.source == b.source ? 0 : strcmp(a.source, b.source);
        return order != 0 ? order < 0 : a.event_id < b.event_id;
    });
    pg::Array<int64> ids;
    for (const PendingEvent *e = events.begin(); e != events.end();) {
        const PendingEvent *first = e;
        TimestampTz oldest = e->ingested_at, newest = e->ingested_at;
        ids.truncate(0);
        for (; e != events.end() && ids.size() < chunk_events && strcmp(e->source, first->source) == 0; e++) {
            oldest = std::min(oldest, e->ingested_at);
            newest = std::max(newest, e->ingested_at);
            ids.push(e->event_id);
        }
        insert.run({pg::text(first->source), pg::text(multirange_text(ids.begin(), ids.size())),
                    pg::int4(static_cast<int32>(ids.size())), pg::timestamp(oldest), pg::timestamp(newest)});
    }
}

// Flushes the unflushed events from nesting level `from_level` up.
void flush(Buffer &b, int from_level) {
    if (!OidIsValid(extension::relation_oid("bronze_events"))) {
        buffer = nullptr;  // this transaction dropped bronze itself: there is nothing to queue
        return;
    }
    pg::Workspace workspace("scout_ir flush");
    pg::Session session(extension::require_intake_tables());
    pg::Array<PendingEvent> batch;
    pg::Array<EventKey> keys;
    const size_t first = first_of_level(b, from_level);
    for (size_t i = first; i < b.events.size(); i++) {
        const PendingEvent &e = b.events[i];
        if (e.flushed != 0) continue;
        batch.push(e);
        keys.push({e.hash, e.event_id, e.key_kept});
    }
    write_keys(keys);
    write_chunks(batch);
    session.end();
    workspace.leave();

    const int level = GetCurrentTransactionNestLevel();
    for (size_t i = first; i < b.events.size(); i++)
        if (b.events[i].flushed == 0) b.events[i].flushed = level;
    drop_settled(b);
}

void write_duplicates(const Buffer &b) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.etl_runs (kind, started_at, finished_at, duration_ms,"
        " write_path, duplicates_skipped)"
        " VALUES ('intake', now(), clock_timestamp(), 0, 'trigger', $1)");
    pg::Session session(extension::extension_owner());
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
            if (buffer != nullptr && (buffer->unflushed.size() > 0 || buffer->duplicates > 0)) {
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
    if (buffer == nullptr || event == SUBXACT_EVENT_START_SUB) return;
    Buffer &b = *buffer;
    if (event == SUBXACT_EVENT_PRE_COMMIT_SUB) {
        // A transaction of a million savepoints: no level inserts enough to flush for its own sake.
        if (b.unflushed.size() < flush_events) return;
        PushActiveSnapshot(GetTransactionSnapshot());
        flush(b, 0);
        PopActiveSnapshot();
        return;
    }
    const int level = GetCurrentTransactionNestLevel();
    const size_t first = first_of_level(b, level);
    const bool nothing_flushed = b.unflushed.size() == b.events.size();
    if (event == SUBXACT_EVENT_ABORT_SUB) {
        for (size_t i = b.events.size(); i > first; i--)
            if (b.events[i - 1].flushed == 0) b.unflushed.remove_newest(b.events, i - 1);
        b.events.truncate(first);
        if (nothing_flushed) return;
        for (PendingEvent &e : b.events)
            if (e.flushed >= level) e.flushed = 0;
        b.unflushed.rebuild(b.events);
    } else {
        for (size_t i = first; i < b.events.size(); i++) b.events[i].level = level - 1;
        if (nothing_flushed) return;
        for (PendingEvent &e : b.events) e.flushed = std::min(e.flushed, level - 1);
        drop_settled(b);
    }
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

void append_pending(int64 event_id, const EventHash &hash, TimestampTz ingested_at, std::string_view source,
                    bool key_kept) {
    Buffer &b = require_buffer();
    const char *kept_source = intern(b, source);
    b.note_id(event_id);
    b.unflushed.make_room(b.events);
    b.events.push(
        {event_id, hash, ingested_at, kept_source, GetCurrentTransactionNestLevel(), 0, 0, key_kept});
    b.unflushed.add(b.events, b.events.size() - 1);
}

int64 buffered_event(const EventHash &hash) {
    const PendingEvent *found = buffer == nullptr ? nullptr : buffer->unflushed.find(buffer->events, hash);
    return found == nullptr ? 0 : found->event_id;
}

void rename_buffered(const EventHash &hash, int64 event_id) {
    buffer->note_id(event_id);
    buffer->unflushed.find(buffer->events, hash)->event_id = event_id;
}

bool may_have_inserted(int64 event_id) {
    return buffer != nullptr && event_id >= buffer->lowest_id && event_id <= buffer->highest_id;
}

void flush_pending() {
    if (buffer != nullptr && buffer->unflushed.size() > 0) flush(*buffer, 0);
}

void flush_pending_if_full() {
    if (buffer == nullptr || buffer->unflushed.size() < flush_events) return;
    // Outer levels' events would have to stay in memory anyway: leave them for their own level.
    const int level = GetCurrentTransactionNestLevel();
    if (buffer->events.size() - first_of_level(*buffer, level) >= flush_events) flush(*buffer, level);
}

void count_duplicate(bool reported) {
    Buffer &b = require_buffer();
    b.duplicates++;
    if (!reported) b.unreported++;
}

void keep_counts_in(void (*trial)(void *), void *argument) {
    const int64 all = buffer == nullptr ? 0 : buffer->duplicates;
    const int64 unreported = buffer == nullptr ? 0 : buffer->unreported;
    trial(argument);
    if (buffer == nullptr) return;
    buffer->duplicates = all;
    buffer->unreported = unreported;
}

const pg::Array<PendingEvent> *buffered_events() {
    return buffer == nullptr ? nullptr : &buffer->events;
}

}  // namespace scout::intake
