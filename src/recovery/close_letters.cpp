// Out of the dead-letter queue without loading: resolve (discard) and purge. Redrive is in redrive.cpp.
//
// Commit: letters and timeline change together. Abort, cancel, crash: the letters are as before.

#include "audit/caller.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

SCOUT_ACTION(scout_dlq_resolve, 6) {
    using namespace scout;
    std::string_view reason = pg::required_text(
        fcinfo, 0, "reason", "Say why the events are given up: it stands in the letters and the timeline.");
    bool filtered = false;
    for (int i = 1; i <= 4; i++) filtered = filtered || !PG_ARGISNULL(i);
    if (!filtered)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("dlq_resolve needs a filter"),
                errhint("Give dlq_ids, error_code, source_system or failed_before; "
                        "failed_before => now() means all."));
    const bool dry_run = pg::flag(fcinfo, 5, "dry_run");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_alone);
    static pg::Statement discard(
        "UPDATE scout.bronze_events_dlq d"
        " SET status = 'discarded', resolved_at = clock_timestamp(), resolved_by = $5,"
        " resolution = $6 WHERE d.status = 'open' AND ($1 IS NULL OR d.dlq_id = ANY ($1))"
        " AND ($2 IS NULL OR upper($2) IN (upper(d.error_code), upper(d.last_error_code)))"
        " AND ($3 IS NULL OR d.source_system = $3) AND ($4 IS NULL OR d.failed_at < $4)");
    static pg::Statement open("SELECT count(*) FROM scout.bronze_events_dlq WHERE status = 'open'");
    int64 discarded = 0, remaining = 0;
    ErrorData *error = pg::attempt(
        [&] {
            discarded = static_cast<int64>(
                discard
                    .run({pg::argument(fcinfo, 1, INT8ARRAYOID), pg::argument(fcinfo, 2, TEXTOID),
                          pg::argument(fcinfo, 3, TEXTOID), pg::argument(fcinfo, 4, TIMESTAMPTZOID),
                          pg::text(audit::actor()), pg::text(reason)})
                    .count());
            remaining = open.run().int8(0, 1);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);
    audit::Json arguments, counts;
    arguments.add("reason", reason)
        .add_or_null("error_code", pg::optional_text(fcinfo, 2))
        .add_or_null("source_system", pg::optional_text(fcinfo, 3))
        .add_bool("dry_run", dry_run);
    counts.add("letters_discarded", discarded).add("remaining", remaining);
    audit::record("dlq_resolve", role, arguments, dry_run ? "dry run" : "done", counts);
    result.int8(discarded).int8(remaining).boolean(dry_run);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_dlq_purge, 2) {
    using namespace scout;
    const TimestampTz before = pg::ago_argument(fcinfo, 0, "older_than");
    const bool dry_run = pg::flag(fcinfo, 1, "dry_run");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    // A discarded letter is all that accounts for an event that is still in bronze.
    static pg::Statement purge(
        "WITH purged AS (DELETE FROM scout.bronze_events_dlq d"
        "  WHERE d.status IN ('resolved', 'discarded') AND d.resolved_at < $1 AND NOT (d.status = 'discarded'"
        "  AND EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = d.event_id))"
        " RETURNING d.event_id),"
        // The dedup key of an event that nothing accounts for any more goes with its letter.
        " forgotten AS (DELETE FROM scout.bronze_event_keys k USING purged p WHERE k.event_id = p.event_id"
        "  AND NOT EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = p.event_id)"
        "  AND NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = p.event_id))"
        " SELECT count(*) FROM purged");
    static pg::Statement kept_closed(
        "SELECT count(*) FROM scout.bronze_events_dlq d WHERE d.status IN ('resolved', 'discarded')"
        " AND d.resolved_at < $1");
    int64 purged = 0, kept = 0;
    ErrorData *error = pg::attempt(
        [&] {
            purged = purge.run({pg::timestamp(before)}).int8(0, 1);
            kept = kept_closed.run({pg::timestamp(before)}).int8(0, 1);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);
    audit::Json arguments, counts;
    arguments.add_time("closed_before", before).add_bool("dry_run", dry_run);
    counts.add("letters_purged", purged).add("letters_kept", kept);
    audit::record("dlq_purge", role, arguments, dry_run ? "dry run" : "done", counts);
    result.int8(purged).int8(kept).boolean(dry_run);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
