// Intake: the row trigger through which every event enters bronze_events.
//
// It is one BEFORE ROW trigger, ENABLE ALWAYS, so that it sees INSERT, COPY, RPC, logical apply,
// inserts into a leaf partition and sessions with session_replication_role = replica alike. Its name
// sorts last, so that it hashes what the user's own triggers made of the row.
//
// Protocol of an insert
//   - the hash is computed and compared with the buffer and the key table (newest rows, not the
//     statement's snapshot). Known and held by an event: the row is skipped, counted, and the
//     statement goes on. Known but held by nothing (an earlier insert that ON CONFLICT or another
//     trigger dropped): the key goes over to this event.
//   - otherwise the event goes into the buffer (pending.hpp), which writes queue and key before commit.
//   - commit: event, queue row and key appear together. Two transactions with the same content that
//     run at the same time: the second to flush waits for the first and fails with 23505.
//   - abort, rollback to savepoint, crash: event, queue row and key vanish together.

#include "intake/intake.hpp"
#include "core/contract.hpp"
#include "core/text.hpp"
#include "extension/pipeline.hpp"
#include "extension/trigger.hpp"
#include "intake/event_keys.hpp"
#include "intake/event_state.hpp"
#include "intake/pending.hpp"
#include "intake/queue.hpp"
#include "pg/arguments.hpp"
#include "pg/jsonb_reader.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::intake {

namespace {

IntakeObserver *observer = nullptr;

// Columns of the relation that fired, which may be a leaf partition with an order of its own.
struct BronzeColumns {
    int event_id, event_type, event_ts, source_system, store_id, event_data, event_hash, ingested_at;
};

// Checked and looked up once per statement: fn_extra lives as long as the trigger's FmgrInfo.
const BronzeColumns &bronze_columns(FunctionCallInfo fcinfo, const TriggerData *trigger) {
    if (fcinfo->flinfo->fn_extra == nullptr) {
        extension::require_fired_on(trigger, "bronze_events");
        TupleDesc desc = RelationGetDescr(trigger->tg_relation);
        auto *c =
            static_cast<BronzeColumns *>(MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(BronzeColumns)));
        *c = {extension::column(desc, "event_id", INT8OID),
              extension::column(desc, "event_type", TEXTOID),
              extension::column(desc, "event_ts", TIMESTAMPTZOID),
              extension::column(desc, "source_system", TEXTOID),
              extension::column(desc, "store_id", TEXTOID),
              extension::column(desc, "event_data", JSONBOID),
              extension::column(desc, "event_hash", BYTEAOID),
              extension::column(desc, "ingested_at", TIMESTAMPTZOID)};
        fcinfo->flinfo->fn_extra = c;
    }
    return *static_cast<BronzeColumns *>(fcinfo->flinfo->fn_extra);
}

bool in_bronze(int64 event_id) {
    static pg::Statement query("SELECT FROM scout.bronze_events WHERE event_id = $1");
    return query.run({pg::int8(event_id)}).count() > 0;
}

// The usual state of a duplicate's first event, at a fraction of event_state()'s cost.
bool holds(int64 event_id, const EventHash &hash) {
    static pg::Statement query("SELECT FROM scout.bronze_events WHERE event_id = $1 AND event_hash = $2");
    return query.run({pg::int8(event_id), pg::datum(BYTEAOID, PointerGetDatum(to_bytea(hash)))}).count() > 0;
}

// Across partitions no index keeps event_id unique, and everything after bronze counts on it.
void refuse_second_event(int64 event_id) {
    pg::Session session(extension::require_intake_tables());
    const bool there = in_bronze(event_id);
    session.end();
    if (there)
        ereport(ERROR, errcode(ERRCODE_UNIQUE_VIOLATION),
                errmsg("bronze has an event %lld with another content", static_cast<long long>(event_id)),
                errhint("Leave event_id out: the table gives every event its own."));
}

// Gives an event whose content changed its new key. The new content may be queued already, under the
// same id: ON CONFLICT DO UPDATE fires the insert trigger first.
void rekey(int64 event_id, pg::Param old_hash, const EventHash &hash) {
    static pg::Statement forget(  // a hash from a time without triggers may have any length
        "DELETE FROM scout.bronze_event_keys WHERE event_hash = $1 AND event_id = $2");
    static pg::Statement insert(
        "INSERT INTO scout.bronze_event_keys AS known (event_hash, event_id) VALUES ($1, $2)"
        " ON CONFLICT (event_hash) DO UPDATE SET event_id = excluded.event_id"
        " WHERE known.event_id = excluded.event_id");
    flush_pending();
    pg::Session session(extension::require_intake_tables());
    forget.run({old_hash, pg::int8(event_id)});
    if (insert.run({pg::datum(BYTEAOID, PointerGetDatum(to_bytea(hash))), pg::int8(event_id)}).count() == 0)
        ereport(ERROR, errcode(ERRCODE_UNIQUE_VIOLATION),
                errmsg("another event has the content that event %lld would get",
                       static_cast<long long>(event_id)),
                errhint("Quarantine one of the two: SELECT * FROM scout.quarantine_events(...)"));
    session.end();
}

bool is_hash(Datum stored, const EventHash &hash) {
    auto *bytes = DatumGetByteaPP(stored);
    return VARSIZE_ANY_EXHDR(bytes) == event_hash_bytes &&
           std::memcmp(VARDATA_ANY(bytes), hash.bytes, event_hash_bytes) == 0;
}

enum class Content {
    fresh,
    key_kept,   // its key is there, for this very event: one that was deleted is put back
    buffered,   // it is in the buffer, as this event now: the row that it came with was dropped
    duplicate,  // another event, `known_as`, has it
};

// What is known of an event's content. Takes the key over where nothing holds it.
Content claim_content(int64 event_id, const EventHash &hash, int64 &known_as) {
    known_as = buffered_event(hash);
    const bool buffered = known_as != 0;
    if (!buffered) known_as = known_event(hash);
    if (known_as == 0) return Content::fresh;

    pg::Session session(extension::require_intake_tables());
    const bool same = known_as == event_id && !buffered;
    const bool held =
        same ? in_bronze(event_id) : holds(known_as, hash) || *event_state(known_as, hash) != '\0';
    if (!held && !same && !buffered) forget_key(hash, known_as);
    session.end();
    if (held) return Content::duplicate;
    if (!buffered) return same ? Content::key_kept : Content::fresh;
    rename_buffered(hash, event_id);
    return Content::buffered;
}

// A pending event goes by the source that its chunk names: pausing a source must hold what bronze says
// is of that source.
void requeue_if_source_changed(TriggerData *trigger, TupleDesc desc, const BronzeColumns &c, int64 event_id,
                               const EventHash &hash) {
    HeapTuple after = trigger->tg_newtuple;
    std::string_view source = pg::text_view(extension::field(after, desc, c.source_system, "source_system"));
    bool none;
    const Datum before = heap_getattr(trigger->tg_trigtuple, c.source_system, desc, &none);
    if (!none && source == pg::text_view(before)) return;
    flush_pending();
    pg::Session session(extension::require_intake_tables());
    const bool queued = remove_from_queue(&event_id, 1) > 0;
    session.end();
    if (queued)
        append_pending(event_id, hash,
                       DatumGetTimestampTz(extension::field(after, desc, c.ingested_at, "ingested_at")),
                       source, true);
}

HeapTuple intake_row(FunctionCallInfo fcinfo, TriggerData *trigger, bool update) {
    Relation relation = trigger->tg_relation;
    TupleDesc desc = RelationGetDescr(relation);
    const BronzeColumns &c = bronze_columns(fcinfo, trigger);
    HeapTuple row = update ? trigger->tg_newtuple : trigger->tg_trigtuple;

    const int64 event_id = DatumGetInt64(extension::field(row, desc, c.event_id, "event_id"));
    Jsonb *event = DatumGetJsonbP(extension::field(row, desc, c.event_data, "event_data"));
    EventHash hash =
        hash_event(event, pg::text_view(extension::field(row, desc, c.event_type, "event_type")));

    Content content = Content::fresh;
    if (update) {
        bool unhashed;  // a row from a time without triggers
        const Datum before = heap_getattr(trigger->tg_trigtuple, c.event_hash, desc, &unhashed);
        if (DatumGetInt64(extension::field(trigger->tg_trigtuple, desc, c.event_id, "event_id")) != event_id)
            ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("the event_id of a bronze event cannot change"),
                    errhint("Insert a new event and quarantine the old one."));
        if (unhashed || !is_hash(before, hash)) rekey(event_id, {BYTEAOID, before, unhashed}, hash);
        requeue_if_source_changed(trigger, desc, c, event_id, hash);
    } else {
        int64 known_as;
        content = claim_content(event_id, hash, known_as);
        if (content == Content::duplicate) {
            if (observer != nullptr) observer->outcomes.push({event_id, known_as, hash});
            count_duplicate(observer != nullptr);
            return nullptr;
        }
        if (relation->rd_rel->relispartition) refuse_second_event(event_id);
    }

    // event_ts and store_id are for people who look at bronze, and for partitioning and distribution;
    // what cannot be read stays NULL or empty, and the load says why.
    int numbers[3] = {c.event_hash};
    Datum values[3] = {PointerGetDatum(to_bytea(hash))};
    bool nulls[3] = {false, false, false};
    int changed = 1;
    const bool object = JsonContainerIsObject(&event->root);
    if (object && heap_attisnull(row, c.event_ts, desc)) {
        core::Value ts = pg::member(&event->root, "ts");
        core::Timestamp parsed;
        if (ts.kind == core::Value::Kind::string && core::parse_timestamp(ts.text, parsed)) {
            numbers[changed] = c.event_ts;
            values[changed++] = TimestampTzGetDatum(parsed);
        }
    }
    bool no_store;
    Datum store_id = heap_getattr(row, c.store_id, desc, &no_store);
    if (object && (no_store || pg::text_view(store_id).empty())) {
        core::Value store = pg::member(&event->root, "store_id");
        std::string_view id = core::trim(store.text);
        if (store.kind == core::Value::Kind::string && !id.empty() && id.size() <= core::max_id_bytes) {
            numbers[changed] = c.store_id;
            values[changed++] =
                PointerGetDatum(cstring_to_text_with_len(id.data(), static_cast<int>(id.size())));
        }
    }
    HeapTuple out = heap_modify_tuple_by_cols(row, desc, changed, numbers, values, nulls);

    if (!update) {
        if (observer != nullptr) observer->outcomes.push({event_id, 0, hash});
        if (content != Content::buffered)
            append_pending(event_id, hash,
                           DatumGetTimestampTz(extension::field(row, desc, c.ingested_at, "ingested_at")),
                           pg::text_view(extension::field(row, desc, c.source_system, "source_system")),
                           content == Content::key_kept);
        flush_pending_if_full();
    }
    return out;
}

}  // namespace

IntakeObserver *observe_intake(IntakeObserver *new_observer) {
    return std::exchange(observer, new_observer);
}

}  // namespace scout::intake

SCOUT_TRIGGER(scout_bronze_intake) {
    scout::extension::require_trigger(fcinfo, "bronze_intake");
    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    const bool update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
    if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
        !(update || TRIGGER_FIRED_BY_INSERT(trigger->tg_event)))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("bronze_intake() must be a BEFORE INSERT OR UPDATE trigger FOR EACH ROW"));
    PG_RETURN_POINTER(scout::intake::intake_row(fcinfo, trigger, update));
}
