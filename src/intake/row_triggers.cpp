// The other row triggers: what leaves bronze by hand is kept, what enters the dead-letter queue by
// hand is linked to its event.
//
// DELETE on bronze_events  a copy of the row goes into bronze_deletions in the same transaction. The
//   dedup key stays as long as silver or a dead letter holds the event, so that a redelivery of what
//   a runbook quarantined by hand is refused; otherwise it goes, and the event may come again. A row that
//   only moves (UPDATE of the partition key, DELETE ... RETURNING into an INSERT) is back by the end of the
//   statement, when this fires: nothing has left bronze, and the key stays with the event.
// TRUNCATE on bronze_events  refused: it would leave no trace.
// INSERT into bronze_events_dlq without event_id  the payload's hash, or else its transaction_id,
//   names the event. Takes FLIGHT alone, so that no batch loads the event at the same time. Where the
//   event has a letter already, that letter is (re)opened and the new row is not inserted: an event
//   has one letter, which keeps the evidence of its first failure.

#include "audit/caller.hpp"
#include "core/text.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "extension/trigger.hpp"
#include "intake/event_hash.hpp"
#include "intake/pending.hpp"
#include "pg/jsonb_reader.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::intake {

namespace {

void keep_deleted(TriggerData *trigger) {
    TupleDesc desc = RelationGetDescr(trigger->tg_relation);
    HeapTuple row = trigger->tg_trigtuple;
    auto param = [&](const char *name, Oid type) {
        bool null;
        Datum d = heap_getattr(row, extension::column(desc, name, type), desc, &null);
        return null ? pg::null_of(type) : pg::datum(type, d);
    };
    const pg::Param event_id = param("event_id", INT8OID), hash = param("event_hash", BYTEAOID);
    const char *actor = audit::actor();
    const bool may_have_moved = may_have_inserted(DatumGetInt64(event_id.value));
    flush_pending();
    pg::Session session(extension::require_intake_tables());
    static pg::Statement still_there(
        "SELECT FROM scout.bronze_events b WHERE b.event_id = $1 AND b.event_hash = $2", pg::Plan::by_index);
    if (may_have_moved && still_there.run({event_id, hash}).count() > 0) {
        session.end();
        return;
    }
    static pg::Statement copy(
        "INSERT INTO scout.bronze_deletions (event_id, event_hash, event_type,"
        " source_system, store_id, ingested_at,"
        " event_data, deleted_at, deleted_by)"
        " VALUES ($1, coalesce($2, ''), $3, $4, coalesce($5, ''), $6,"
        " coalesce($7, 'null'), clock_timestamp(), $8)");
    copy.run({event_id, hash, param("event_type", TEXTOID), param("source_system", TEXTOID),
              param("store_id", TEXTOID), param("ingested_at", TIMESTAMPTZOID), param("event_data", JSONBOID),
              pg::text(actor)});
    static pg::Statement forget(
        "DELETE FROM scout.bronze_event_keys WHERE event_hash = $1 AND event_id = $2"
        " AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d WHERE d.event_id = $2)"
        " AND NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = $2)");
    forget.run({hash, event_id});
    session.end();
}

// The event that a payload stands for; 0 if none. By content, then by transaction id: the older
// runbook keeps only the id of a row that it then deletes.
int64 event_of_payload(Jsonb *payload) {
    static pg::Statement by_hash("SELECT event_id FROM scout.bronze_event_keys WHERE event_hash = $1");
    static pg::Statement by_transaction(
        "SELECT source_event_id FROM scout.silver_transactions WHERE transaction_id = $1"
        " AND source_event_id IS NOT NULL");
    EventHash hash = hash_event(payload, "transaction.v1");
    pg::Rows rows = by_hash.run({pg::datum(BYTEAOID, PointerGetDatum(to_bytea(hash)))});
    if (rows.count() > 0) return rows.int8(0, 1);
    if (!JsonContainerIsObject(&payload->root)) return 0;
    core::Value id = pg::member(&payload->root, "transaction_id");
    if (id.kind != core::Value::Kind::string) return 0;
    rows = by_transaction.run({pg::text(core::trim(id.text))});
    return rows.count() > 0 ? rows.int8(0, 1) : 0;
}

// Reopens the event's letter where there is one; false if there is none.
bool reopen_letter(int64 event_id, pg::Param code, pg::Param message, pg::Param details) {
    static pg::Statement reopen(
        "UPDATE scout.bronze_events_dlq SET status = 'open', attempts = attempts + 1,"
        " last_retry_at = clock_timestamp(),"
        " last_error_code = $2, last_error_message = $3, last_error_details = $4,"
        " resolved_at = NULL, resolved_by = NULL, resolution = NULL WHERE event_id = $1");
    return reopen.run({pg::int8(event_id), code, message, details}).count() > 0;
}

HeapTuple link_letter(TriggerData *trigger) {
    TupleDesc desc = RelationGetDescr(trigger->tg_relation);
    HeapTuple row = trigger->tg_trigtuple;
    const int event_id = extension::column(desc, "event_id", INT8OID);
    if (!heap_attisnull(row, event_id, desc)) return row;
    auto param = [&](const char *name, Oid type) {
        bool null;
        Datum d = heap_getattr(row, extension::column(desc, name, type), desc, &null);
        return null ? pg::null_of(type) : pg::datum(type, d);
    };
    pg::Param payload = param("original_payload", JSONBOID);
    if (payload.null) return row;  // the column's NOT NULL says it better

    extension::acquire(extension::Lock::flight, extension::flight_alone);
    flush_pending();
    MemoryContext outer = CurrentMemoryContext;
    const Oid owner = extension::require_intake_tables();
    extension::require_owned_by("bronze_events_dlq", owner);
    pg::Session session(owner);
    int64 found = event_of_payload(DatumGetJsonbP(payload.value));
    bool reopened =
        found != 0 && reopen_letter(found, param("error_code", TEXTOID), param("error_message", TEXTOID),
                                    param("error_details", JSONBOID));
    session.end();
    MemoryContextSwitchTo(outer);
    if (reopened) return nullptr;

    int numbers[4] = {extension::column(desc, "last_error_code", TEXTOID)};
    Datum values[4] = {param("error_code", TEXTOID).value};
    bool nulls[4] = {param("error_code", TEXTOID).null, false, false, false};
    int changed = 1;
    if (found != 0) {
        numbers[changed] = event_id;
        values[changed++] = Int64GetDatum(found);
    }
    Jsonb *document = DatumGetJsonbP(payload.value);
    const int transaction_id = extension::column(desc, "transaction_id", TEXTOID);
    if (heap_attisnull(row, transaction_id, desc) && JsonContainerIsObject(&document->root)) {
        core::Value id = pg::member(&document->root, "transaction_id");
        if (id.kind == core::Value::Kind::string) {
            numbers[changed] = transaction_id;
            std::string_view text = core::trim(id.text);
            values[changed++] =
                PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
        }
    }
    return heap_modify_tuple_by_cols(row, desc, changed, numbers, values, nulls);
}

}  // namespace

}  // namespace scout::intake

SCOUT_TRIGGER(scout_bronze_deleted) {
    scout::extension::require_trigger(fcinfo, "bronze_deleted");
    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("bronze events cannot be truncated"),
                errdetail("TRUNCATE would leave no trace of the events."),
                errhint("DELETE keeps a copy of every row in scout.bronze_deletions."));
    if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
        !TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("bronze_deleted() must be an AFTER DELETE trigger FOR EACH ROW"));
    scout::extension::require_fired_on(trigger, "bronze_events");
    scout::intake::keep_deleted(trigger);
    PG_RETURN_POINTER(nullptr);
}

SCOUT_TRIGGER(scout_dead_letter_link) {
    scout::extension::require_trigger(fcinfo, "dead_letter_link");
    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
        !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("dead_letter_link() must be a BEFORE INSERT trigger FOR EACH ROW"));
    scout::extension::require_fired_on(trigger, "bronze_events_dlq");
    PG_RETURN_POINTER(scout::intake::link_letter(trigger));
}
