// One look at one database: a short-lived worker that the launcher starts, or supervise() by hand.
//
// The worker connects as the bootstrap superuser, for it reads the catalogue and the extension's own tables;
// what names a table of the pipeline is parsed, planned and run as its owner, in a security-restricted
// operation. It does what is due, a transaction to each step, leaves word in shared memory and ends: within
// milliseconds, so that DROP DATABASE and a copy of the database as a template wait for it without failing.
// Each transaction holds AccessShareLock on the extension, and nothing waits for a lock longer than 2 s, nor
// takes longer than 5 s: the owner's code, or the data, may hold it up, and the launcher waits
// (launcher.cpp). A step that fails rolls back; the others are done all the same; the first failure is what
// the launcher hears of, and logs once.

#include "audit/caller.hpp"
#include "extension/fit.hpp"
#include "extension/installed.hpp"
#include "jobs/launch.hpp"
#include "pg/guard.hpp"
#include "pg/launcher.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/worker.hpp"
#include "supervisor/feedback.hpp"
#include "supervisor/supervisor.hpp"
#include "supervisor/tasks.hpp"

extern "C" {
#include "tcop/utility.h"
}

namespace scout::supervisor {

namespace {

constexpr int longest_step_ms = 5000;

Outcome look(MemoryContext memory, const Step &step, ErrorData *&error) {
    Outcome outcome = Outcome::done;
    error = pg::in_transaction("scout_ir tick", memory, [&] {
        if (!OidIsValid(extension::lock_extension())) {
            outcome = Outcome::no_extension;
        } else if (!extension::library_fits()) {
            outcome = Outcome::other_version;
        } else {
            pg::Session session;
            pg::Array<extension::Done> done;
            step.run(done);
            session.end();
        }
    });
    const int unstarted = jobs::take_unstarted();
    if (error == nullptr && unstarted > 0) {
        error = static_cast<ErrorData *>(palloc0(sizeof(ErrorData)));
        error->sqlerrcode = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
        error->message = psprintf(
            "jobs stay queued (%d): no background worker slot is free, "
            "max_worker_processes is %d",
            unstarted, max_worker_processes);
    }
    return error != nullptr ? Outcome::failed : outcome;
}

}  // namespace

}  // namespace scout::supervisor

extern "C" {
PGDLLEXPORT void scout_tick(Datum);

void scout_tick(Datum) {
    using namespace scout;
    using namespace scout::supervisor;
    (void)pg::invoke([] {
        TickStart start;
        pg::read_payload(&start, sizeof start);
        pg::enter_worker_as_superuser_raw(start.database);
        SetConfigOption("lock_timeout", "2s", PGC_USERSET, PGC_S_SESSION);
        Feedback *feedback = attach_feedback(start.feedback);
        if (feedback == nullptr) return static_cast<Datum>(0);
        MemoryContext memory =
            AllocSetContextCreateInternal(TopMemoryContext, "scout_ir tick", ALLOCSET_DEFAULT_SIZES);
        MemoryContextSwitchTo(memory);
        Outcome outcome = Outcome::done;
        ErrorData *failure = nullptr;
        const char *failed = "";
        for (const Step &step : steps()) {
            pg::between_turns();
            ErrorData *error = nullptr;
            pg::limit_run(longest_step_ms);
            const Outcome one = look(memory, step, error);
            pg::limit_run(0);
            if (one == Outcome::done) continue;
            if (failure == nullptr) {
                outcome = one;
                failure = error;
                failed = step.name;
            }
            if (one != Outcome::failed) break;  // nothing to be done in this database
        }
        leave_feedback(feedback, outcome, failed, failure);
        return static_cast<Datum>(0);
    });
}
}

SCOUT_ACTION(scout_supervise, 0) {
    using namespace scout;
    using namespace scout::supervisor;
    PreventCommandIfReadOnly("supervise()");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    jobs::warn_of_unstarted();
    (void)extension::lock_extension();
    pg::Session session;
    pg::Array<extension::Done> done;
    for (const Step &step : steps()) {
        CHECK_FOR_INTERRUPTS();
        step.run(done);
    }
    for (const extension::Done &d : done) {
        result.text(d.task).text(d.outcome);
        d.job != 0 ? result.int8(d.job) : result.null();
        result.end_row();
    }
    audit::Json arguments, counts;
    counts.add("done", static_cast<int64>(done.size()));
    audit::record("supervise", role, arguments, "done", counts);
    session.end();
    return static_cast<Datum>(0);
}
