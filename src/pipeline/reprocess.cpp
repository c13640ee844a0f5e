// Reprocess: derive silver again from the bronze events of a window.
//
// The work is cut into ranges of event ids once, at the start; each range is one call of the batch,
// which knows nothing of the transaction around it. Quarantined and discarded events stay where
// they are. FLIGHT is taken in a mode that runs beside other reprocesses and keeps loads and
// quarantine out. Runs while paused, and says so: it is recovery.
// Commit: the whole window (here: the caller's transaction). Abort, cancel, crash: nothing has changed.

#include "audit/caller.hpp"
#include "pg/guard.hpp"
#include "pg/locks.hpp"
#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pipeline/arguments.hpp"
#include "pipeline/batch.hpp"
#include "pipeline/dead_letter.hpp"
#include "pipeline/notices.hpp"
#include "pipeline/pending.hpp"
#include "pipeline/queue.hpp"

namespace scout::pipeline {

namespace {

struct Range {
    int64 first, last;
};

#define BY_INGESTED " FROM scout.bronze_events b WHERE b.ingested_at >= $1 AND b.ingested_at < $2"
#define BY_EVENT_TS " FROM scout.bronze_events b WHERE b.event_ts >= $1 AND b.event_ts < $2"
#define CUT_HEAD                                                       \
    "SELECT min(c.event_id), max(c.event_id) FROM (SELECT b.event_id," \
    " (row_number() OVER (ORDER BY b.event_id) - 1) / $3 AS part"
#define CUT_TAIL ") c GROUP BY c.part ORDER BY c.part"
#define NOT_HELD_BACK                                                                         \
    " AND b.event_id BETWEEN $3 AND $4 AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d" \
    " WHERE d.event_id = b.event_id AND (d.status = 'discarded'"                              \
    " OR d.status = 'open' AND coalesce(d.last_error_code, d.error_code) <> ALL ($5))) ORDER BY b.event_id"

pg::Statement cut_by_ingested(CUT_HEAD BY_INGESTED CUT_TAIL);
pg::Statement cut_by_event_ts(CUT_HEAD BY_EVENT_TS CUT_TAIL);
pg::Statement ids_by_ingested("SELECT b.event_id" BY_INGESTED NOT_HELD_BACK, pg::Plan::by_index);
pg::Statement ids_by_event_ts("SELECT b.event_id" BY_EVENT_TS NOT_HELD_BACK, pg::Plan::by_index);

pg::Array<Range> cut(const Window &w, bool on_event_ts, int batch_size) {
    pg::Rows rows = (on_event_ts ? cut_by_event_ts : cut_by_ingested)
                        .run({pg::timestamp(w.start), pg::timestamp(w.end), pg::int4(batch_size)});
    pg::Array<Range> ranges;
    for (uint64 i = 0; i < rows.count(); i++) ranges.push({rows.int8(i, 1), rows.int8(i, 2)});
    rows.free();
    return ranges;
}

void reprocess_range(const Window &w, bool on_event_ts, const Range &range, BatchCounts &counts) {
    pg::Workspace workspace("scout_ir reprocess");
    pg::Array<std::string_view> codes = automatic_codes();
    pg::Array<int64> ids;
    (on_event_ts ? ids_by_event_ts : ids_by_ingested)
        .each({pg::timestamp(w.start), pg::timestamp(w.end), pg::int8(range.first), pg::int8(range.last),
               pg::text_array(codes.begin(), codes.size())},
              [&ids](const pg::Row &row) { ids.push(row.int8(1)); });
    (void)remove_from_queue(ids.begin(), ids.size());
    const Ingested ingested{w.start, w.end};
    process_batch(Mode::reprocess, ids.begin(), ids.size(), counts, on_event_ts ? nullptr : &ingested);
    workspace.leave();
}

}  // namespace

}  // namespace scout::pipeline

SCOUT_ACTION(scout_reprocess_bronze_window) {
    using namespace scout;
    using namespace scout::pipeline;
    Window window = window_argument(fcinfo, 0);
    const int batch_size = positive_argument(fcinfo, 2, "batch_size");
    const bool dry_run = flag(fcinfo, 3, "dry_run");
    std::string_view on = required_text(fcinfo, 4, "window_on", "Valid values are ingested_at and event_ts.");
    if (on != "ingested_at" && on != "event_ts")
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("window_on must be ingested_at or event_ts"),
                errhint("ingested_at is when the event came, event_ts when the sale was made."));
    if (on == "ingested_at") refuse_future(window);
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(pg::require_pipeline());
    pg::acquire(pg::Lock::flight, pg::flight_reprocess);
    flush_pending();
    mention_pause("the window is reprocessed");
    const TimestampTz started = GetCurrentTimestamp();
    BatchCounts counts;
    ErrorData *error = pg::attempt(
        [&] {
            for (const Range &range : cut(window, on == "event_ts", batch_size)) {
                CHECK_FOR_INTERRUPTS();
                reprocess_range(window, on == "event_ts", range, counts);
            }
            if (counts.processed > 0) record_run("reprocess", started, counts);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);

    if (on == "ingested_at") warn_open_writers(window.end);
    const char *outcome = dry_run ? "dry run" : "done";
    audit::Json arguments, audited;
    arguments.add_time("start_ts", window.start)
        .add_time("end_ts", window.end)
        .add("window_on", on)
        .add("batch_size", static_cast<int64>(batch_size))
        .add_bool("dry_run", dry_run);
    audited.add("events_reprocessed", counts.processed)
        .add("transactions_created", counts.created)
        .add("transactions_updated", counts.updated)
        .add("transactions_removed", counts.removed)
        .add("events_dead_lettered", counts.dead_lettered)
        .add("dead_letters_resolved", counts.resolved);
    audit::record("reprocess_bronze_window", role, arguments, outcome, audited);
    result.int8(counts.processed)
        .int8(counts.created)
        .int8(counts.lines)
        .int8(counts.updated)
        .int8(counts.removed)
        .int8(counts.dead_lettered)
        .int8(counts.resolved)
        .milliseconds(GetCurrentTimestamp() - started)
        .null()
        .text(dry_run ? "dry run" : "in_transaction");
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
