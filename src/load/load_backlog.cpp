// load_backlog(): everything that waits now, batch by batch.
//
// The queue itself is what is shared out among the workers: claims pass over each other's chunks. What
// is frozen is how many events the job takes: a chunk of the job is a share of that number, so that new
// arrivals do not keep it going for ever. Commit: a batch, its share and its counts. Abort, crash: the
// events are in the queue and the share is there for the next attempt.

#include "audit/caller.hpp"
#include "extension/arguments.hpp"
#include "extension/pipeline.hpp"
#include "intake/pending.hpp"
#include "intake/queue.hpp"
#include "jobs/chunks.hpp"
#include "jobs/request.hpp"
#include "load/circuit_breaker.hpp"
#include "load/jobs.hpp"
#include "load/load.hpp"
#include "pause/control.hpp"
#include "pause/notices.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::load {

namespace {

struct Wanted {
    int batch_size;
    int64 max_events;  // -1: all
};

Wanted read_arguments(const char *json) {
    static pg::Statement parse(
        "SELECT (a->>'batch_size')::int, coalesce((a->>'max_events')::bigint, -1)"
        " FROM (SELECT $1::jsonb) x(a)");
    pg::Rows rows = parse.run({pg::text(json)});
    const Wanted w{rows.int4(0, 1), rows.int8(0, 2)};
    rows.free();
    return w;
}

int64 freeze(const jobs::Job &job) {
    pg::Session session(extension::require_pipeline());
    const Wanted w = read_arguments(job.arguments);
    const intake::Backlog waiting =
        intake::backlog(nullptr);  // counts what this transaction has not flushed yet
    intake::flush_pending();
    // An estimate may be too low; shares that are left over when the queue is empty are dropped.
    const int64 enough = waiting.exact ? waiting.events : waiting.events * 2;
    const int64 end = w.max_events < 0 ? enough : std::min(w.max_events, enough);
    const int64 total = std::min(end, waiting.events);
    pg::Array<jobs::Chunk> shares;
    for (int64 first = 0; first < end; first += w.batch_size)
        shares.push({0, first, std::min(end, first + w.batch_size), nullptr});
    jobs::add_chunks(job.id, shares);
    session.end();
    return total;
}

jobs::Turn turn(const jobs::Job &job, jobs::Progress &progress) {
    pg::Session session(extension::require_pipeline());
    jobs::Chunk share;
    jobs::Turn outcome = jobs::Turn::nothing_left;
    if (jobs::claim_chunk(job.id, share)) {
        BatchCounts counts;
        const Loaded loaded = load_batch(static_cast<int>(share.last - share.first), false, true, counts);
        if (loaded.outcome != Loaded::batch) {
            outcome = jobs::Turn::paused;
        } else if (loaded.claimed > 0) {
            // Another worker may hold the chunks of the queue that the rest of the share is in.
            if (loaded.claimed < share.last - share.first)
                jobs::shorten_chunk(job.id, share, share.first + loaded.claimed);
            else
                jobs::finish_chunk(job.id, share);
            progress = progress_of(counts);
            outcome = jobs::Turn::worked;
        }
    }
    session.end();
    return outcome;
}

struct Drained {
    jobs::Progress counts;
    int64 microseconds, job;  // job 0: in the caller's transaction, or none
    const char *status;
};

Drained load_here(const Wanted &w) {
    pg::Session session(extension::require_pipeline());
    const TimestampTz started = GetCurrentTimestamp();
    const int64 waiting =
        intake::backlog(nullptr).events;  // counts what this transaction has not flushed yet
    intake::flush_pending();
    const int64 total = w.max_events < 0 ? waiting : std::min(w.max_events, waiting);
    BatchCounts counts;
    for (int64 claimed = 0; claimed < total;) {
        CHECK_FOR_INTERRUPTS();
        const auto size = static_cast<int>(std::min(static_cast<int64>(w.batch_size), total - claimed));
        const Loaded loaded = load_batch(size, false, claimed > 0, counts);
        if (loaded.claimed == 0) break;  // paused, or taken by others
        claimed += loaded.claimed;
    }
    session.end();
    return {progress_of(counts), GetCurrentTimestamp() - started, 0, "in_transaction"};
}

}  // namespace

bool loadable_events_wait() {
    static pg::Statement any("SELECT FROM scout.bronze_pending p WHERE p.source_system <> ALL ($1) LIMIT 1");
    pg::Session session(extension::require_pipeline());
    pg::Array<pause::Pause> pauses;
    pg::Array<std::string_view> paused;
    pause::read_pauses(pauses);
    bool found = false;
    if (!pause::all_paused(pauses, paused)) {
        pg::Rows rows = any.read_latest({pg::text_array(paused.begin(), paused.size())});
        found = rows.count() > 0;
        rows.free();
    }
    session.end();
    return found;
}

const jobs::Kind backlog_kind{"load_backlog", "events", freeze, turn, nullptr};

}  // namespace scout::load

SCOUT_ACTION(scout_load_backlog, 6) {
    using namespace scout;
    using namespace scout::load;
    const int batch_size = extension::batch_size_argument(fcinfo, 0);
    const int workers = jobs::workers_argument(fcinfo, 1);
    const bool wait = pg::flag(fcinfo, 2, "wait");
    const int64 max_events = pg::optional_count(fcinfo, 3, "max_events", -1, "NULL means all that wait.");
    const bool skip_if_running = pg::flag(fcinfo, 4, "skip_if_running");
    const char *key = pg::optional_text(fcinfo, 5);

    pg::Result result(fcinfo);
    pg::Session session;
    Drained done{};
    if (pause::all_loading_is_paused(pause::warn_paused)) {  // a job would not get to do anything
        done.status = "paused";
    } else if (skip_if_running && (done.job = jobs::at_work("load_backlog")) != 0) {
        done.status = "skipped";
    } else if (wait && jobs::runs_here("the backlog is loaded")) {
        done = load_here({batch_size, max_events});
    } else {
        audit::Json arguments;
        arguments.add("batch_size", static_cast<int64>(batch_size));
        if (max_events > 0) arguments.add("max_events", max_events);
        const jobs::Outcome o = jobs::submit({"load_backlog", arguments.text(), workers, key, false}, wait);
        done = {o.counts, o.finished - o.started, o.job, o.state};
    }
    pg::Session counting(extension::require_pipeline());
    const int64 waiting = intake::backlog_after_claim().events;
    if (waiting > 0 && done.job != 0 && wait) warn_open_breakers();
    counting.end();
    result.int8(done.counts.done)
        .int8(done.counts.created)
        .int8(done.counts.lines)
        .int8(done.counts.updated)
        .int8(done.counts.dead_lettered)
        .milliseconds(done.microseconds)
        .int8(waiting);
    done.job != 0 ? result.int8(done.job) : result.null();
    result.text(done.status);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
