// clear_backlog(): what the older runbook deletes goes to the dead-letter queue instead, from where a
// redrive brings it back.
//
// FLIGHT is taken alone, as by quarantine: no batch loads an event that is being cleared.
// bronze_ingestion_batches of the older runbook keep their rows, marked dead_lettered; their letters
// have no event id and are counted apart by reconcile().

#include "audit/caller.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "intake/pending.hpp"
#include "intake/queue.hpp"
#include "load/dead_letter.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::recovery {

namespace {

constexpr const char *code = "BACKLOG_CLEARED";

pg::Statement sources(
    "SELECT p.source_system FROM scout.bronze_pending p WHERE p.min_ingested_at < $1"
    " AND ($2 IS NULL OR p.source_system = $2) GROUP BY 1"
    " UNION SELECT i.source_system FROM scout.bronze_ingestion_batches i WHERE i.status = 'pending'"
    " AND i.created_at < $1 AND ($2 IS NULL OR i.source_system = $2) ORDER BY 1");

// Queue ids are hints: only events that are in bronze and in no other state are waiting.
pg::Statement waiting(
    "SELECT b.event_id FROM (SELECT generate_series(lower(r), upper(r) - 1) AS event_id"
    "  FROM scout.bronze_pending p, unnest(p.events) r WHERE p.source_system = $2"
    " AND p.min_ingested_at < $1) q"
    " JOIN scout.bronze_events b ON b.event_id = q.event_id WHERE b.ingested_at < $1"
    " AND NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id)"
    " AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d WHERE d.event_id = b.event_id"
    "  AND d.status IN ('open', 'discarded')) ORDER BY b.event_id");

pg::Statement clear_batches(
    "WITH old AS (UPDATE scout.bronze_ingestion_batches i SET status = 'dead_lettered'"
    " WHERE i.status = 'pending'"
    "  AND i.created_at < $1 AND i.source_system = $2"
    " RETURNING i.batch_id, i.source_system, i.payload, i.created_at)"
    " INSERT INTO scout.bronze_events_dlq (original_payload, error_code, error_message,"
    " error_details, source_system)"
    " SELECT coalesce(o.payload, 'null'::jsonb), $3, $4,"
    " jsonb_build_object('batch_id', o.batch_id, 'created_at', o.created_at), o.source_system FROM old o");

struct Cleared {
    const char *source;
    int64 events = 0, batches = 0, before = 0, after = 0;
};

void clear_source(Cleared &c, TimestampTz before, const char *message, const char *details) {
    c.before = intake::backlog(c.source).events;
    pg::Rows rows = waiting.run({pg::timestamp(before), pg::text(c.source)});
    pg::Array<int64> ids;
    for (uint64 i = 0; i < rows.count(); i++) ids.push(rows.int8(i, 1));
    c.events = load::dead_letter_chosen(ids.begin(), ids.size(), code, message, details);
    (void)intake::remove_from_queue(ids.begin(), ids.size());
    c.batches = static_cast<int64>(
        clear_batches.run({pg::timestamp(before), pg::text(c.source), pg::text(code), pg::text(message)})
            .count());
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    c.after = intake::backlog(c.source).events;
    PopActiveSnapshot();
}

}  // namespace

}  // namespace scout::recovery

SCOUT_ACTION(scout_clear_backlog, 3) {
    using namespace scout;
    using namespace scout::recovery;
    const TimestampTz before = pg::ago_argument(fcinfo, 0, "older_than");
    const char *source = pg::optional_text(fcinfo, 1);
    const bool dry_run = pg::flag(fcinfo, 2, "dry_run");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_alone);
    intake::flush_pending();
    audit::Json why;
    why.add_time("older_than", before).add("by", audit::actor());
    const char *details = why.text();
    const char *message = "Cleared from the backlog instead of being deleted.";

    pg::Rows rows = sources.run({pg::timestamp(before), pg::text_or_null(source)});
    pg::Array<Cleared> all;
    for (uint64 i = 0; i < rows.count(); i++) {
        Cleared c;
        c.source = pg::c_string(rows.text(i, 1));
        all.push(c);
    }
    ErrorData *error = pg::attempt(
        [&] {
            for (Cleared &c : all) clear_source(c, before, message, details);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);

    int64 events = 0, batches = 0;
    for (const Cleared &c : all) {
        events += c.events;
        batches += c.batches;
        result.text(c.source).int8(c.events).int8(c.batches).int8(c.before).int8(c.after).boolean(dry_run);
        result.end_row();
    }
    audit::Json arguments, counts;
    arguments.add_time("older_than", before)
        .add_or_null("source_system", source)
        .add_bool("dry_run", dry_run);
    counts.add("events_dead_lettered", events).add("batches_dead_lettered", batches);
    audit::record("clear_backlog", role, arguments, dry_run ? "dry run" : "done", counts);
    session.end();
    return static_cast<Datum>(0);
}
