// Out of the dead-letter queue: redrive, resolve, purge.
//
// Redrive takes letters with SKIP LOCKED, once each, and loads their events through the same batch as
// everything else; what fails again stays open with one more attempt. A letter whose event has left
// bronze, or that never had one, is put back into bronze first: under its old id from
// bronze_deletions, otherwise as a new event.
// Commit: silver and letters change together. Abort, cancel, crash: the letters are open as before.

#include "audit/caller.hpp"
#include "pg/guard.hpp"
#include "pg/locks.hpp"
#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pipeline/arguments.hpp"
#include "pipeline/batch.hpp"
#include "pipeline/notices.hpp"
#include "pipeline/pending.hpp"
#include "pipeline/queue.hpp"

namespace scout::pipeline {

namespace {

constexpr size_t redrive_batch = 2000;

// $1 code, $2 source, $3 after, $4 before, $5 event ids
#define LETTER_FILTER                                                                                     \
    " d.status = 'open' AND ($1 IS NULL OR upper($1) IN (upper(d.error_code), upper(d.last_error_code)))" \
    " AND ($2 IS NULL OR d.source_system = $2) AND ($3 IS NULL OR d.failed_at >= $3)"                     \
    " AND ($4 IS NULL OR d.failed_at < $4)"

pg::Statement choose(
    "SELECT d.dlq_id, coalesce(d.event_id, 0), EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = "
    "d.event_id)"
    " FROM scout.bronze_events_dlq d WHERE" LETTER_FILTER
    " AND ($5 IS NULL OR d.event_id = ANY ($5))"
    " ORDER BY d.dlq_id LIMIT $6 FOR UPDATE OF d SKIP LOCKED");

pg::Statement count_open("SELECT count(*) FROM scout.bronze_events_dlq d WHERE" LETTER_FILTER
                         " AND ($5 IS NULL OR d.event_id = ANY ($5))");

// Puts a deleted event back under its own id.
pg::Statement put_back(
    "INSERT INTO scout.bronze_events (event_id, event_type, source_system, store_id, event_data, ingested_at)"
    " SELECT x.event_id, x.event_type, x.source_system, x.store_id, x.event_data, x.ingested_at"
    " FROM scout.bronze_deletions x WHERE x.event_id = $1 ORDER BY x.deleted_at DESC LIMIT 1 RETURNING "
    "event_id");

pg::Statement take_in_again(
    "INSERT INTO scout.bronze_events (source_system, event_data)"
    " SELECT coalesce(d.source_system, 'dead-letter'), d.original_payload FROM scout.bronze_events_dlq d"
    " WHERE d.dlq_id = $1 RETURNING event_id");

pg::Statement link("UPDATE scout.bronze_events_dlq SET event_id = $2 WHERE dlq_id = $1");

pg::Statement known_elsewhere(
    "UPDATE scout.bronze_events_dlq d SET status = 'resolved', resolved_at = clock_timestamp(), resolved_by "
    "= $2,"
    " resolution = 'bronze has this content as event ' || k.event_id"
    " FROM scout.bronze_event_keys k WHERE d.dlq_id = $1"
    " AND k.event_hash = scout.event_hash(d.original_payload, 'transaction.v1')");

// The bronze event behind a letter, put back where it is missing; 0 where its content lives on as
// another event, in which case the letter is resolved.
int64 bring_back(int64 dlq_id, int64 event_id) {
    int64 found = 0;
    pg::Rows rows;
    if (event_id != 0) {
        rows = put_back.run({pg::int8(event_id)});
        if (rows.count() > 0) found = rows.int8(0, 1);
    }
    if (found == 0) {
        rows = take_in_again.run({pg::int8(dlq_id)});
        if (rows.count() > 0) found = rows.int8(0, 1);
    }
    if (found == 0) {
        flush_pending();
        known_elsewhere.run({pg::int8(dlq_id), pg::text(audit::actor())});
        return 0;
    }
    if (found != event_id) link.run({pg::int8(dlq_id), pg::int8(found)});
    return found;
}

struct Filter {
    pg::Param code, source, after, before, ids;
};

struct Redriven {
    int64 chosen = 0, resolved_elsewhere = 0;
    BatchCounts counts;
};

void redrive(const Filter &f, int max_events, Redriven &out) {
    pg::Rows letters = choose.run({f.code, f.source, f.after, f.before, f.ids, pg::int4(max_events)});
    pg::Array<int64> ids;
    for (uint64 i = 0; i < letters.count(); i++) {
        CHECK_FOR_INTERRUPTS();
        int64 event_id = letters.int8(i, 2);
        if (!letters.boolean(i, 3)) event_id = bring_back(letters.int8(i, 1), event_id);
        event_id != 0 ? (void)ids.push(event_id) : (void)out.resolved_elsewhere++;
    }
    out.chosen = static_cast<int64>(letters.count());
    flush_pending();
    std::sort(ids.begin(), ids.end());
    (void)remove_from_queue(ids.begin(), ids.size());
    for (size_t i = 0; i < ids.size(); i += redrive_batch)
        process_batch(Mode::redrive, ids.begin() + i, std::min(redrive_batch, ids.size() - i), out.counts);
}

}  // namespace

}  // namespace scout::pipeline

SCOUT_ACTION(scout_dlq_redrive) {
    using namespace scout;
    using namespace scout::pipeline;
    const int max_events = positive_argument(fcinfo, 4, "max_events");
    const bool dry_run = flag(fcinfo, 5, "dry_run");
    if (!PG_ARGISNULL(2) && !PG_ARGISNULL(3) && PG_GETARG_TIMESTAMPTZ(2) >= PG_GETARG_TIMESTAMPTZ(3))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("failed_before must be later than failed_after"),
                errhint("The window is [failed_after, failed_before)."));
    Filter filter{pg::argument(fcinfo, 0, TEXTOID), pg::argument(fcinfo, 1, TEXTOID),
                  pg::argument(fcinfo, 2, TIMESTAMPTZOID), pg::argument(fcinfo, 3, TIMESTAMPTZOID),
                  pg::argument(fcinfo, 6, INT8ARRAYOID)};
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(pg::require_pipeline());
    // Keeps loads out: an event that is put back into bronze must not be claimed before its letter is closed.
    pg::acquire(pg::Lock::flight, pg::flight_reprocess);
    flush_pending();
    mention_pause("dead letters are redriven");
    const TimestampTz started = GetCurrentTimestamp();
    Redriven out;
    int64 remaining = 0;
    ErrorData *error = pg::attempt(
        [&] {
            redrive(filter, max_events, out);
            remaining = count_open.run({filter.code, filter.source, filter.after, filter.before, filter.ids})
                            .int8(0, 1);
            if (out.chosen > 0) record_run("redrive", started, out.counts);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);

    const int64 loaded = out.counts.resolved + out.resolved_elsewhere;
    audit::Json arguments, counts;
    arguments.add_or_null("error_code", optional_text(fcinfo, 0))
        .add_or_null("source_system", optional_text(fcinfo, 1))
        .add("max_events", static_cast<int64>(max_events))
        .add_bool("dry_run", dry_run);
    counts.add("events_redriven", out.chosen)
        .add("events_loaded", loaded)
        .add("events_failed_again", out.chosen - loaded)
        .add("remaining", remaining);
    audit::record("dlq_redrive", role, arguments, dry_run ? "dry run" : "done", counts);
    result.int8(out.chosen).int8(loaded).int8(out.chosen - loaded).int8(remaining).boolean(dry_run);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_dlq_resolve) {
    using namespace scout;
    using namespace scout::pipeline;
    std::string_view reason = required_text(
        fcinfo, 0, "reason", "Say why the events are given up: it stands in the letters and the timeline.");
    bool filtered = false;
    for (int i = 1; i <= 4; i++) filtered = filtered || !PG_ARGISNULL(i);
    if (!filtered)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("dlq_resolve needs a filter"),
                errhint("Give dlq_ids, error_code, source_system or failed_before; failed_before => now() "
                        "means all."));
    const bool dry_run = flag(fcinfo, 5, "dry_run");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(pg::require_pipeline());
    pg::acquire(pg::Lock::flight, pg::flight_alone);
    static pg::Statement discard(
        "UPDATE scout.bronze_events_dlq d SET status = 'discarded', resolved_at = clock_timestamp(), "
        "resolved_by = $5,"
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
        .add_or_null("error_code", optional_text(fcinfo, 2))
        .add_or_null("source_system", optional_text(fcinfo, 3))
        .add_bool("dry_run", dry_run);
    counts.add("letters_discarded", discarded).add("remaining", remaining);
    audit::record("dlq_resolve", role, arguments, dry_run ? "dry run" : "done", counts);
    result.int8(discarded).int8(remaining).boolean(dry_run);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_dlq_purge) {
    using namespace scout;
    using namespace scout::pipeline;
    const TimestampTz before = ago_argument(fcinfo, 0, "older_than");
    const bool dry_run = flag(fcinfo, 1, "dry_run");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(pg::require_pipeline());
    // A discarded letter is all that accounts for an event that is still in bronze.
    static pg::Statement purge(
        "WITH purged AS (DELETE FROM scout.bronze_events_dlq d"
        "  WHERE d.status IN ('resolved', 'discarded') AND d.resolved_at < $1 AND NOT (d.status = 'discarded'"
        "  AND EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = d.event_id)) RETURNING "
        "d.event_id),"
        // The dedup key of an event that nothing accounts for any more goes with its letter.
        " forgotten AS (DELETE FROM scout.bronze_event_keys k USING purged p WHERE k.event_id = p.event_id"
        "  AND NOT EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = p.event_id)"
        "  AND NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = p.event_id))"
        " SELECT count(*) FROM purged");
    static pg::Statement kept_closed(
        "SELECT count(*) FROM scout.bronze_events_dlq d WHERE d.status IN ('resolved', 'discarded') AND "
        "d.resolved_at < $1");
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
