// The circuit breaker: where too large a share of a source's events fails, the fault is not in the events.
// Their place is then the queue and not the dead-letter queue, and loading of the source is paused.
//
// What counts. Loads only, without `force`. An event fails that a rule rejects or that silver refuses
// (WRITE_FAILED); DUPLICATE_TRANSACTION is no failure. A source is judged by what it has in a batch if that
// is scout_ir.circuit_breaker_minimum events or more. Less is added up over batches in
// circuit_breaker_counts: from the first batch with a failure until the minimum is reached, for a day at
// most. So a loader dead-letters at most twice the minimum before the breaker opens. It opens with an event
// that fails, if more than scout_ir.circuit_breaker_threshold percent did, or all.
//
// Protocol (load.cpp). Claim, batch and judgement are one subtransaction. Where a source fails it is
// rolled back, which is all that puts events back; the source is paused; and the batch starts again
// without it. Each round takes one source out at least.
//
//   pause    a row of pipeline_pauses without GATE and without drain, for the batch is in flight itself:
//            batches of other sessions that have begun end as they would, and judge for themselves. The
//            holder is `circuit breaker`; a resume that names the source, that holder or all lifts it.
//   two at a time   BREAKER is taken conditionally, to the end of the transaction. Who does not get it, or
//            finds the pause with the newest snapshot, leaves the source out of its batch and writes
//            nothing. Nobody waits; the next batch sees the pause, or judges again.
//   counts   are taken with SKIP LOCKED and put back as a sum: what another session has is counted later.
//
// Commit: the pause, its entry in the timeline, the alert and the events of other sources appear together.
// Abort (also because another source's write fails), cancel, crash: the events are in the queue, nothing is
// paused, and the next batch judges again.
#pragma once

#include "pause/control.hpp"

namespace scout::load {

// What became of the events of a batch, in runs of one source and one outcome.
class Outcomes {
public:
    struct Run {
        std::string_view source;
        std::string_view code;  // empty: did not fail
        int64 events, example;
    };
    // Keeps copies in the current context.
    Outcomes() : context_(CurrentMemoryContext), runs_(CurrentMemoryContext) {}
    void add(std::string_view source, std::string_view code, int64 event_id);  // `code` is static
    void add_failed_write(int64 event_id);
    void clear() { runs_.truncate(0), failed_ = 0; }
    int64 failed() const { return failed_; }
    pg::Array<Run> &runs() { return runs_; }

private:
    MemoryContext context_;
    pg::Array<Run> runs_;
    int64 failed_ = 0;
};

// A source that is to be paused.
struct Trip {
    std::string_view source;
    const char *what;      // "312 of 400 events (78 %) of source "pos" failed: INVALID_TIMESTAMP 300, ..."
    const char *examples;  // ids of events, one for each code of this batch
    int64 events, failed;
};

// Judges each source by the batch, and by what earlier small batches counted. Needs a Session as the
// pipeline's owner. The trips are empty nearly always; otherwise the caller rolls back what it did. Sources
// in `paused` have been left out of the claim: what bronze says is theirs by now is settled as it is.
void judge(Outcomes &outcomes, const pg::Array<std::string_view> &paused, pg::Array<Trip> &trips);

// Pauses the source, unless it is or another session is about to, and tells the caller with a WARNING.
void open_breaker(const Trip &trip);

// Where it was the breaker's: forgets what was counted of the source, and ends the alert.
void pause_lifted(const char *source, const char *holder);

// A WARNING for each pause of the breaker's, where everything else has been loaded.
void warn_open_breakers();

}  // namespace scout::load
