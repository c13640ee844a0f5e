// One batch of pending events: load_silver_from_bronze(), and what load_backlog() repeats.
//
// Entry is the batch's side of the pause protocol (control.hpp): FLIGHT, then GATE conditionally, then
// the pauses with the newest snapshot. Chunks are claimed, processed and removed in one transaction.
// A source of which too much fails is paused instead (circuit_breaker.hpp).
// Commit: silver, letters, queue and etl_runs change together. Abort, cancel, crash: the chunks are
// in the queue as before.

#include "load/load.hpp"

#include "audit/caller.hpp"
#include "extension/arguments.hpp"
#include "extension/pipeline.hpp"
#include "intake/pending.hpp"
#include "intake/queue.hpp"
#include "load/circuit_breaker.hpp"
#include "load/settings.hpp"
#include "pause/notices.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::load {

namespace {

// Sources that are not to be loaded; false where everything is paused. Each pause is told to the
// caller: who, since when, why.
bool loadable(bool force, bool told, pg::Array<std::string_view> &paused) {
    pg::Array<pause::Pause> pauses;
    pause::read_pauses(pauses);
    for (const pause::Pause &p : pauses) {
        if (told) break;
        if (force)
            ereport(NOTICE, errmsg("loaded by force: %s", pause::describe(p)));
        else
            pause::warn_paused(p);
    }
    return force || !pause::all_paused(pauses, paused);
}

int64 claim_and_process(int batch_size, const pg::Array<std::string_view> &paused, BatchCounts &counts,
                        Outcomes *outcomes) {
    const intake::Claim claimed = intake::claim(batch_size, paused);
    process_batch(Mode::load, claimed.ids.begin(), claimed.ids.size(), counts, &claimed.ingested, outcomes);
    return static_cast<int64>(claimed.ids.size());
}

// What a source that fails had in the batch goes back to the queue by rollback, and the batch starts again
// without that source.
int64 load_unless_broken(int batch_size, pg::Array<std::string_view> &paused, BatchCounts &counts) {
    const MemoryContext outer = CurrentMemoryContext;  // has `paused`, for longer than this batch
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        pg::Workspace workspace("scout_ir circuit breaker");
        Outcomes outcomes;
        BatchCounts mine;
        pg::Array<Trip> trips;
        int64 claimed = 0;
        bool keep = true;
        ErrorData *error = pg::attempt_step(
            [&] {
                claimed = claim_and_process(batch_size, paused, mine, &outcomes);
                judge(outcomes, paused, trips);
                keep = trips.empty();
            },
            keep);
        if (error != nullptr) ReThrowError(error);
        for (const Trip &trip : trips) {
            open_breaker(trip);
            MemoryContextSwitchTo(outer);
            paused.push(pg::keep(trip.source));
            MemoryContextSwitchTo(workspace.context());
        }
        workspace.leave();
        if (!keep) continue;
        counts += mine;
        return claimed;
    }
}

}  // namespace

Loaded load_batch(int batch_size, bool force, bool told, BatchCounts &counts) {
    const TimestampTz started = GetCurrentTimestamp();
    if (pause::enter_flight(force) == pause::Entry::pausing) return {Loaded::pausing, 0};
    pg::Array<std::string_view> paused;
    if (!loadable(force, told, paused)) return {Loaded::paused, 0};
    const int64 claimed = force || !circuit_breaker ? claim_and_process(batch_size, paused, counts, nullptr)
                                                    : load_unless_broken(batch_size, paused, counts);
    if (counts.processed > 0) audit::record_run("load", started, counts);
    return {Loaded::batch, claimed};
}

void load_event(int64 event_id) {
    BatchCounts counts;
    pg::Session session(extension::require_pipeline());
    intake::flush_pending();
    (void)pause::enter_flight(true);
    process_batch(Mode::load, &event_id, 1, counts);
    session.end();
}

}  // namespace scout::load

SCOUT_ACTION(scout_load_silver_from_bronze, 2) {
    using namespace scout;
    using namespace scout::load;
    const int batch_size = extension::batch_size_argument(fcinfo, 0);
    const bool force = pg::flag(fcinfo, 1, "force");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    intake::flush_pending();
    const TimestampTz started = GetCurrentTimestamp();
    BatchCounts counts;
    if (load_batch(batch_size, force, false, counts).outcome == Loaded::pausing)
        ereport(WARNING, errmsg("ingestion is being paused by another session"),
                errhint("SELECT * FROM scout.ingestion_status()"));
    if (force) {
        audit::Json arguments, audited;
        arguments.add("batch_size", static_cast<int64>(batch_size)).add_bool("force", true);
        audited.add("events_processed", counts.processed).add("events_dead_lettered", counts.dead_lettered);
        audit::record("load_silver_from_bronze", role, arguments, "done", audited);
    }
    const int64 waiting = intake::backlog_after_claim().events;
    result.int8(counts.processed)
        .int8(counts.created)
        .int8(counts.lines)
        .milliseconds(GetCurrentTimestamp() - started)
        .int8(counts.updated)
        .int8(counts.dead_lettered)
        .int8(waiting);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
