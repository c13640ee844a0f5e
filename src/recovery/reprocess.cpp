// Reprocess: derive silver again from the bronze events of a window.
//
// The work is cut into ranges of event ids once, at the start; each range is one call of the batch,
// which knows nothing of the transaction around it. Quarantined and discarded events stay where
// they are. FLIGHT is taken in a mode that runs beside other reprocesses and keeps loads and
// quarantine out. Runs while paused, and says so: it is recovery.
// As a job: a range is a chunk, commit is a range, and after abort, cancel and crash the ranges that are
// left are done by the next attempt. In the caller's transaction: all of the window, or nothing.

#include "audit/caller.hpp"
#include "extension/arguments.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "intake/pending.hpp"
#include "intake/queue.hpp"
#include "jobs/chunks.hpp"
#include "jobs/request.hpp"
#include "load/batch.hpp"
#include "load/dead_letter.hpp"
#include "load/jobs.hpp"
#include "pause/notices.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "recovery/jobs.hpp"
#include "recovery/open_writers.hpp"

namespace scout::recovery {

namespace {

struct Range {
    int64 first, last, events;
};

#define BY_INGESTED " FROM scout.bronze_events b WHERE b.ingested_at >= $1 AND b.ingested_at < $2"
#define BY_EVENT_TS " FROM scout.bronze_events b WHERE b.event_ts >= $1 AND b.event_ts < $2"
#define CUT_HEAD                                                                 \
    "SELECT min(c.event_id), max(c.event_id), count(*) FROM (SELECT b.event_id," \
    " (row_number() OVER (ORDER BY b.event_id) - 1) / $3 AS part"
#define CUT_TAIL ") c GROUP BY c.part ORDER BY c.part"
// What a person wrote a letter for (quarantine, cleared backlog) or discarded stays out; what a rule wrote is
// tried again.
#define NOT_KEPT_OUT                                                                       \
    " AND b.event_id BETWEEN $3 AND $4 AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d" \
    " WHERE d.event_id = b.event_id AND (d.status = 'discarded'"                              \
    " OR d.status = 'open' AND coalesce(d.last_error_code, d.error_code) <> ALL ($5))) ORDER BY b.event_id"

pg::Statement cut_by_ingested(CUT_HEAD BY_INGESTED CUT_TAIL);
pg::Statement cut_by_event_ts(CUT_HEAD BY_EVENT_TS CUT_TAIL);
pg::Statement ids_by_ingested("SELECT b.event_id" BY_INGESTED NOT_KEPT_OUT, pg::Plan::by_index);
pg::Statement ids_by_event_ts("SELECT b.event_id" BY_EVENT_TS NOT_KEPT_OUT, pg::Plan::by_index);

pg::Array<Range> cut(const extension::Window &w, bool on_event_ts, int batch_size) {
    pg::Rows rows = (on_event_ts ? cut_by_event_ts : cut_by_ingested)
                        .run({pg::timestamp(w.start), pg::timestamp(w.end), pg::int4(batch_size)});
    pg::Array<Range> ranges;
    for (uint64 i = 0; i < rows.count(); i++)
        ranges.push({rows.int8(i, 1), rows.int8(i, 2), rows.int8(i, 3)});
    rows.free();
    return ranges;
}

void reprocess_range(const extension::Window &w, bool on_event_ts, const Range &range,
                     load::BatchCounts &counts) {
    pg::Workspace workspace("scout_ir reprocess");
    pg::Array<std::string_view> codes = load::automatic_codes();
    pg::Array<int64> ids;
    (on_event_ts ? ids_by_event_ts : ids_by_ingested)
        .each({pg::timestamp(w.start), pg::timestamp(w.end), pg::int8(range.first), pg::int8(range.last),
               pg::text_array(codes.begin(), codes.size())},
              [&ids](const pg::Row &row) { ids.push(row.int8(1)); });
    (void)intake::remove_from_queue(ids.begin(), ids.size());
    const intake::Ingested ingested{w.start, w.end};
    load::process_batch(load::Mode::reprocess, ids.begin(), ids.size(), counts,
                        on_event_ts ? nullptr : &ingested);
    workspace.leave();
}

struct Reprocess {
    extension::Window window;
    bool on_event_ts;
    int batch_size;
};

Reprocess read_arguments(const char *json) {
    static pg::Statement parse(
        "SELECT (a->>'start_ts')::timestamptz, (a->>'end_ts')::timestamptz, a->>'window_on' = 'event_ts',"
        " (a->>'batch_size')::int FROM (SELECT $1::jsonb) x(a)");
    pg::Rows rows = parse.run({pg::text(json)});
    const Reprocess r{{rows.timestamp(0, 1), rows.timestamp(0, 2)}, rows.boolean(0, 3), rows.int4(0, 4)};
    rows.free();
    return r;
}

int64 freeze(const jobs::Job &job) {
    pg::Session session(extension::require_pipeline());
    intake::flush_pending();
    const Reprocess r = read_arguments(job.arguments);
    pg::Array<jobs::Chunk> chunks;
    int64 events = 0;
    for (const Range &range : cut(r.window, r.on_event_ts, r.batch_size)) {
        chunks.push({0, range.first, range.last, nullptr});
        events += range.events;
    }
    jobs::add_chunks(job.id, chunks);
    session.end();
    return events;
}

jobs::Turn turn(const jobs::Job &job, jobs::Progress &progress) {
    pg::Session session(extension::require_pipeline());
    const TimestampTz started = GetCurrentTimestamp();
    jobs::Chunk chunk;
    const bool found = jobs::claim_chunk(job.id, chunk);
    if (found) {
        extension::acquire(extension::Lock::flight, extension::flight_reprocess);
        const Reprocess r = read_arguments(job.arguments);
        load::BatchCounts counts;
        reprocess_range(r.window, r.on_event_ts, {chunk.first, chunk.last, 0}, counts);
        if (counts.processed > 0) audit::record_run("reprocess", started, counts);
        jobs::finish_chunk(job.id, chunk);
        progress = load::progress_of(counts);
        progress.position = chunk.last;
    }
    session.end();
    return found ? jobs::Turn::worked : jobs::Turn::nothing_left;
}

struct Reprocessed {
    jobs::Progress counts;
    int64 microseconds, job;  // job 0: in the caller's transaction
    const char *status;
};

// All in the caller's transaction, or rolled back again where it is only to be counted.
Reprocessed reprocess_here(const Reprocess &r, bool dry_run) {
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_reprocess);
    intake::flush_pending();
    const TimestampTz started = GetCurrentTimestamp();
    load::BatchCounts counts;
    ErrorData *error = pg::attempt(
        [&] {
            for (const Range &range : cut(r.window, r.on_event_ts, r.batch_size)) {
                CHECK_FOR_INTERRUPTS();
                reprocess_range(r.window, r.on_event_ts, range, counts);
            }
            if (counts.processed > 0) audit::record_run("reprocess", started, counts);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);
    session.end();
    return {load::progress_of(counts), GetCurrentTimestamp() - started, 0,
            dry_run ? "dry run" : "in_transaction"};
}

void audit_here(Oid role, audit::Json &arguments, const Reprocessed &done) {
    audit::Json audited;
    audited.add("events_reprocessed", done.counts.done)
        .add("transactions_created", done.counts.created)
        .add("transactions_updated", done.counts.updated)
        .add("transactions_removed", done.counts.removed)
        .add("events_dead_lettered", done.counts.dead_lettered)
        .add("dead_letters_resolved", done.counts.resolved);
    audit::record("reprocess_bronze_window", role, arguments,
                  strcmp(done.status, "dry run") == 0 ? "dry run" : "done", audited);
}

}  // namespace

const jobs::Kind reprocess_kind{"reprocess_bronze_window", "events", freeze, turn, nullptr};

}  // namespace scout::recovery

SCOUT_ACTION(scout_reprocess_bronze_window, 8) {
    using namespace scout;
    using namespace scout::recovery;
    const extension::Window window = extension::window_argument(fcinfo, 0);
    const int batch_size = extension::batch_size_argument(fcinfo, 2);
    const bool dry_run = pg::flag(fcinfo, 3, "dry_run");
    std::string_view on =
        pg::required_text(fcinfo, 4, "window_on", "Valid values are ingested_at and event_ts.");
    if (on != "ingested_at" && on != "event_ts")
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("window_on must be ingested_at or event_ts"),
                errhint("ingested_at is when the event came, event_ts when the sale was made."));
    if (on == "ingested_at") extension::refuse_future(window);
    const int workers = jobs::workers_argument(fcinfo, 5);
    const bool wait = pg::flag(fcinfo, 6, "wait");
    const char *key = pg::optional_text(fcinfo, 7);

    pg::Result result(fcinfo);
    const Oid role = GetUserId();
    pg::Session session;
    pg::Session looking(extension::require_pipeline());
    pause::mention_pause("the window is reprocessed");
    looking.end();
    audit::Json arguments;
    arguments.add_time("start_ts", window.start)
        .add_time("end_ts", window.end)
        .add("window_on", on)
        .add("batch_size", static_cast<int64>(batch_size));
    Reprocessed done;
    if (dry_run || (wait && jobs::runs_here("the window is reprocessed"))) {
        done = reprocess_here({window, on == "event_ts", batch_size}, dry_run);
        audit_here(role, arguments.add_bool("dry_run", dry_run), done);
    } else {
        const jobs::Outcome o =
            jobs::submit({"reprocess_bronze_window", arguments.text(), workers, key, false}, wait);
        done = {o.counts, o.finished - o.started, o.job, o.state};
    }
    if (on == "ingested_at") warn_open_writers(window.end);
    result.int8(done.counts.done)
        .int8(done.counts.created)
        .int8(done.counts.lines)
        .int8(done.counts.updated)
        .int8(done.counts.removed)
        .int8(done.counts.dead_lettered)
        .int8(done.counts.resolved)
        .milliseconds(done.microseconds);
    done.job != 0 ? result.int8(done.job) : result.null();
    result.text(done.status);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
