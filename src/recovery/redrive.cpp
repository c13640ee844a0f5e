// Redrive: open dead letters are loaded again.
//
// Letters are taken with SKIP LOCKED, once each, and their events go through the same batch as everything
// else; what fails again stays open with one more attempt. A letter whose event has left bronze, or that
// never had one, is put back into bronze first: under its old id from bronze_deletions, otherwise as a new
// event.
// As a job: the letters are chosen when it is asked for, and a chunk is a set of them; what has been
// resolved since, or no longer matches, is passed over. Commit: silver and the letters of a chunk change
// together. Abort, cancel, crash: the letters of the chunk are open as before, and its chunk is there for
// the next attempt. In the caller's transaction: all of them, or none.

#include "audit/caller.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "intake/pending.hpp"
#include "intake/queue.hpp"
#include "jobs/chunks.hpp"
#include "jobs/request.hpp"
#include "load/batch.hpp"
#include "load/jobs.hpp"
#include "pause/notices.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/ranges.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "recovery/jobs.hpp"

namespace scout::recovery {

namespace {

constexpr size_t redrive_batch = 2000;

// $1 code, $2 source, $3 after, $4 before, $5 event ids
#define MATCHING                                                                        \
    " FROM scout.bronze_events_dlq d WHERE d.status = 'open'"                           \
    " AND ($1 IS NULL OR upper($1) IN (upper(d.error_code), upper(d.last_error_code)))" \
    " AND ($2 IS NULL OR d.source_system = $2) AND ($3 IS NULL OR d.failed_at >= $3)"   \
    " AND ($4 IS NULL OR d.failed_at < $4) AND ($5 IS NULL OR d.event_id = ANY ($5))"
#define LETTER                                                 \
    "SELECT d.dlq_id, coalesce(d.event_id, 0), EXISTS (SELECT" \
    " FROM scout.bronze_events b WHERE b.event_id = d.event_id)"

pg::Statement choose("SELECT d.dlq_id" MATCHING " ORDER BY d.dlq_id LIMIT $6");
pg::Statement claim(LETTER MATCHING " ORDER BY d.dlq_id LIMIT $6 FOR UPDATE OF d SKIP LOCKED");
pg::Statement claim_chosen(LETTER MATCHING
                           " AND d.dlq_id BETWEEN $6 AND $7 AND d.dlq_id <@ $8::int8multirange"
                           " ORDER BY d.dlq_id FOR UPDATE OF d SKIP LOCKED",
                           pg::Plan::by_index);
pg::Statement count_open("SELECT count(*)" MATCHING);

// Puts a deleted event back under its own id.
pg::Statement put_back(
    "INSERT INTO scout.bronze_events (event_id, event_type, source_system, store_id, event_data, ingested_at)"
    " OVERRIDING SYSTEM VALUE SELECT x.event_id, x.event_type, x.source_system, x.store_id, x.event_data, x.ingested_at"
    " FROM scout.bronze_deletions x WHERE x.event_id = $1 ORDER BY x.deleted_at DESC"
    " LIMIT 1 RETURNING event_id");

pg::Statement reinsert_payload(
    "INSERT INTO scout.bronze_events (source_system, event_data)"
    " SELECT coalesce(d.source_system, 'dead-letter'), d.original_payload FROM scout.bronze_events_dlq d"
    " WHERE d.dlq_id = $1 RETURNING event_id");

pg::Statement link("UPDATE scout.bronze_events_dlq SET event_id = $2 WHERE dlq_id = $1");

pg::Statement known_elsewhere(
    "UPDATE scout.bronze_events_dlq d"
    " SET status = 'resolved', resolved_at = clock_timestamp(), resolved_by = $2,"
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
        rows = reinsert_payload.run({pg::int8(dlq_id)});
        if (rows.count() > 0) found = rows.int8(0, 1);
    }
    if (found == 0) {
        intake::flush_pending();
        known_elsewhere.run({pg::int8(dlq_id), pg::text(audit::actor())});
        return 0;
    }
    if (found != event_id) link.run({pg::int8(dlq_id), pg::int8(found)});
    return found;
}

const char *as_text(Oid type, Datum value) {
    Oid output;
    bool is_varlena;
    getTypeOutputInfo(type, &output, &is_varlena);
    return OidOutputFunctionCall(output, value);
}

struct Filter {
    pg::Param code, source, after, before, ids;
    int max_events;
};

struct Redriven {
    int64 chosen = 0, resolved_elsewhere = 0;
    load::BatchCounts counts;

    int64 loaded() const { return counts.resolved + resolved_elsewhere; }
};

void redrive(const pg::Rows &letters, Redriven &out) {
    pg::Array<int64> ids;
    for (uint64 i = 0; i < letters.count(); i++) {
        CHECK_FOR_INTERRUPTS();
        int64 event_id = letters.int8(i, 2);
        if (!letters.boolean(i, 3)) event_id = bring_back(letters.int8(i, 1), event_id);
        event_id != 0 ? (void)ids.push(event_id) : (void)out.resolved_elsewhere++;
    }
    out.chosen = static_cast<int64>(letters.count());
    intake::flush_pending();
    std::sort(ids.begin(), ids.end());
    (void)intake::remove_from_queue(ids.begin(), ids.size());
    for (size_t i = 0; i < ids.size(); i += redrive_batch)
        load::process_batch(load::Mode::redrive, ids.begin() + i, std::min(redrive_batch, ids.size() - i),
                            out.counts);
}

int64 count_remaining(const Filter &f) {
    pg::Rows rows = count_open.read_latest({f.code, f.source, f.after, f.before, f.ids});
    const int64 count = rows.int8(0, 1);
    rows.free();
    return count;
}

// The Datums belong to the rows, which live as long as the Session.
Filter read_arguments(const char *json) {
    static pg::Statement parse(
        "SELECT a->>'error_code', a->>'source_system', (a->>'failed_after')::timestamptz,"
        " (a->>'failed_before')::timestamptz, (a->>'event_ids')::bigint[], (a->>'max_events')::int"
        " FROM (SELECT $1::jsonb) x(a)");
    static constexpr Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8ARRAYOID};
    pg::Rows rows = parse.run({pg::text(json)});
    pg::Param params[std::size(types)];
    for (size_t i = 0; i < std::size(types); i++) {
        bool null;
        const Datum value = rows.value(0, static_cast<int>(i) + 1, null);
        params[i] = {types[i], value, null};
    }
    return {params[0], params[1], params[2], params[3], params[4], rows.int4(0, 6)};
}

int64 freeze(const jobs::Job &job) {
    pg::Session session(extension::require_pipeline());
    const Filter f = read_arguments(job.arguments);
    pg::Array<int64> letters;
    choose.each({f.code, f.source, f.after, f.before, f.ids, pg::int4(f.max_events)},
                [&letters](const pg::Row &row) { letters.push(row.int8(1)); });
    pg::Array<jobs::Chunk> chunks;
    for (size_t i = 0; i < letters.size(); i += redrive_batch) {
        const size_t count = std::min(redrive_batch, letters.size() - i);
        const int64 *first = letters.begin() + i;
        chunks.push(
            {0, first[0], first[count - 1], as_text(INT8MULTIRANGEOID, pg::multirange_of(first, count))});
    }
    jobs::add_chunks(job.id, chunks);
    session.end();
    return static_cast<int64>(letters.size());
}

jobs::Turn turn(const jobs::Job &job, jobs::Progress &progress) {
    pg::Session session(extension::require_pipeline());
    const TimestampTz started = GetCurrentTimestamp();
    jobs::Chunk chunk;
    const bool found = jobs::claim_chunk(job.id, chunk);
    if (found) {
        // Keeps loads out: an event that is put back into bronze must not be claimed before its letter is
        // closed.
        extension::acquire(extension::Lock::flight, extension::flight_reprocess);
        const Filter f = read_arguments(job.arguments);
        Redriven out;
        redrive(claim_chosen.run({f.code, f.source, f.after, f.before, f.ids, pg::int8(chunk.first),
                                  pg::int8(chunk.last), pg::text(chunk.object)}),
                out);
        if (out.chosen > 0) audit::record_run("redrive", started, out.counts);
        jobs::finish_chunk(job.id, chunk);
        progress = load::progress_of(out.counts);
        progress.done = out.chosen;
        progress.resolved = out.loaded();
        progress.position = chunk.last;
    }
    session.end();
    return found ? jobs::Turn::worked : jobs::Turn::nothing_left;
}

struct Redrive {
    int64 redriven, loaded, job;  // job 0: in the caller's transaction
    const char *status;
};

// All in the caller's transaction, or rolled back again where it is only to be counted. `remaining` is
// what it would be.
Redrive redrive_here(const Filter &f, bool dry_run, int64 &remaining) {
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_reprocess);
    intake::flush_pending();
    const TimestampTz started = GetCurrentTimestamp();
    Redriven out;
    ErrorData *error = pg::attempt(
        [&] {
            redrive(claim.run({f.code, f.source, f.after, f.before, f.ids, pg::int4(f.max_events)}), out);
            remaining = count_remaining(f);
            if (out.chosen > 0) audit::record_run("redrive", started, out.counts);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);
    session.end();
    return {out.chosen, out.loaded(), 0, dry_run ? "dry run" : "in_transaction"};
}

}  // namespace

const jobs::Kind redrive_kind{"dlq_redrive", "events", freeze, turn, nullptr};

}  // namespace scout::recovery

SCOUT_ACTION(scout_dlq_redrive, 10) {
    using namespace scout;
    using namespace scout::recovery;
    const int max_events = pg::count_argument(fcinfo, 4, "max_events", 1'000'000);
    const bool dry_run = pg::flag(fcinfo, 5, "dry_run");
    const int workers = jobs::workers_argument(fcinfo, 7);
    const bool wait = pg::flag(fcinfo, 8, "wait");
    const char *key = pg::optional_text(fcinfo, 9);
    if (!PG_ARGISNULL(2) && !PG_ARGISNULL(3) && PG_GETARG_TIMESTAMPTZ(2) >= PG_GETARG_TIMESTAMPTZ(3))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("failed_before must be later than failed_after"),
                errhint("The window is [failed_after, failed_before)."));
    const Filter filter{pg::argument(fcinfo, 0, TEXTOID),        pg::argument(fcinfo, 1, TEXTOID),
                        pg::argument(fcinfo, 2, TIMESTAMPTZOID), pg::argument(fcinfo, 3, TIMESTAMPTZOID),
                        pg::argument(fcinfo, 6, INT8ARRAYOID),   max_events};
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::Session looking(extension::require_pipeline());
    pause::mention_pause("dead letters are redriven");
    looking.end();

    audit::Json arguments;
    arguments.add_or_null("error_code", pg::optional_text(fcinfo, 0))
        .add_or_null("source_system", pg::optional_text(fcinfo, 1))
        .add("max_events", static_cast<int64>(max_events));
    if (!PG_ARGISNULL(2)) arguments.add_time("failed_after", PG_GETARG_TIMESTAMPTZ(2));
    if (!PG_ARGISNULL(3)) arguments.add_time("failed_before", PG_GETARG_TIMESTAMPTZ(3));
    if (!PG_ARGISNULL(6)) arguments.add("event_ids", as_text(INT8ARRAYOID, PG_GETARG_DATUM(6)));
    Redrive done;
    int64 remaining = 0;
    if (dry_run || (wait && jobs::runs_here("dead letters are redriven"))) {
        done = redrive_here(filter, dry_run, remaining);
        audit::Json counts;
        counts.add("events_redriven", done.redriven)
            .add("events_loaded", done.loaded)
            .add("events_failed_again", done.redriven - done.loaded)
            .add("remaining", remaining);
        audit::record("dlq_redrive", role, arguments.add_bool("dry_run", dry_run),
                      dry_run ? "dry run" : "done", counts);
    } else {
        const jobs::Outcome o = jobs::submit({"dlq_redrive", arguments.text(), workers, key, false}, wait);
        done = {o.counts.done, o.counts.resolved, o.job, o.state};
        pg::Session counting(extension::require_pipeline());
        remaining = count_remaining(filter);
        counting.end();
    }
    result.int8(done.redriven)
        .int8(done.loaded)
        .int8(done.redriven - done.loaded)
        .int8(remaining)
        .boolean(dry_run);
    done.job != 0 ? result.int8(done.job) : result.null();
    result.text(done.status);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
