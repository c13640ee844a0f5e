// cancel_job(), resume_job(), wait_for_job().
//
// The row decides, the signal only hurries: workers are interrupted when the transaction that says
// "cancelled" has committed, and look at the row before every batch. Abort: nothing has happened. A
// worker that misses the signal stops after its batch.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "jobs/launch.hpp"
#include "jobs/request.hpp"
#include "jobs/roles.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::jobs {

namespace {

int64 job_argument(FunctionCallInfo fcinfo) {
    pg::refuse_null(fcinfo, 0, "job_id", "SELECT job_id, kind, state FROM scout.jobs");
    return PG_GETARG_INT64(0);
}

[[noreturn]] void no_such_job(int64 job) {
    ereport(ERROR, errcode(ERRCODE_NO_DATA_FOUND),
            errmsg("there is no job %lld", static_cast<long long>(job)),
            errhint("SELECT job_id, kind, state FROM scout.jobs; ended jobs are kept for "
                    "scout_ir.history_retention."));
    pg_unreachable();
}

const char *shown_state(const Record &r) {
    return strcmp(r.state, "running") != 0 || is_worked_on(r) ? r.state : "interrupted";
}

int interrupt_workers(int64 job) {
    static pg::Statement pids("SELECT DISTINCT w.pid FROM unnest(scout_internal.job_pids($1)) w(pid)");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = pids.read_latest({pg::int8(job)});
    owner.end();
    for (uint64 i = 0; i < rows.count(); i++) interrupt_at_commit(rows.int4(i, 1));
    const int count = static_cast<int>(rows.count());
    rows.free();
    return count;
}

}  // namespace

}  // namespace scout::jobs

SCOUT_FUNCTION(scout_job_home, 0) {
    return PointerGetDatum(cstring_to_text(scout::extension::home()));
}

SCOUT_ACTION(scout_cancel_job, 2) {
    using namespace scout;
    using namespace scout::jobs;
    warn_of_unstarted();
    const int64 job = job_argument(fcinfo);
    const char *reason = PG_ARGISNULL(1) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(1));
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    Record r;
    if (!lock(job, r)) no_such_job(job);
    const char *before = shown_state(r);
    int interrupted = 0;
    if (!r.ended()) {
        require_standing(job, r.roles(), "cancel");
        const Failure why{"57014", psprintf("cancelled by %s", audit::actor()), reason, nullptr};
        set_state(r, "cancelled", &why);
        request_cancel(job, audit::actor());
        interrupted = interrupt_workers(job);
        ereport(LOG, errmsg("scout_ir job %lld is cancelled by %s, %d workers are interrupted at the commit",
                            static_cast<long long>(job), audit::actor(), interrupted));
        audit::Json arguments, counts;
        arguments.add("job_id", job).add_or_null("reason", reason);
        counts.add("done", r.done.done).add("workers_interrupted", static_cast<int64>(interrupted));
        audit::record("cancel_job", role, arguments, "cancelled", counts);
    }
    result.int8(job).text(before).text(r.ended() ? r.state : "cancelled").int4(interrupted);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_resume_job, 1) {
    using namespace scout;
    using namespace scout::jobs;
    warn_of_unstarted();
    const int64 job = job_argument(fcinfo);
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    Record r;
    if (!lock(job, r)) no_such_job(job);
    const char *before = shown_state(r);
    if (strcmp(before, "succeeded") == 0)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("job %lld has succeeded: nothing is left to do", static_cast<long long>(job)),
                errhint("Ask for the work again to have it done again."));
    const bool resumed = strcmp(before, "running") != 0;
    if (resumed) {
        require_standing(job, r.roles(), "resume");
        Oid login_role;
        Failure why;
        if (judge_start(r.roles(), login_role, why) == Start::cannot) raise(why);
        requeue(job);
        start_at_commit({MyDatabaseId, login_role, InvalidOid, job, 0, 0, login_of(r.scheduled)});
        audit::Json arguments, counts;
        arguments.add("job_id", job);
        counts.add("done", r.done.done);
        audit::record("resume_job", role, arguments, "queued", counts);
    }
    result.int8(job).text(before).text(resumed ? "queued" : before);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_wait_for_job, 2) {
    using namespace scout;
    using namespace scout::jobs;
    warn_of_unstarted();
    const int64 job = job_argument(fcinfo);
    int64 timeout_ms = -1;
    if (!PG_ARGISNULL(1)) {
        const core::int128 us = pg::microseconds_of(PG_GETARG_INTERVAL_P(1));
        if (us < 0)
            ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("timeout must not be negative"),
                    errhint("NULL waits until the job has ended."));
        // A hundred years are for ever; more would not fit.
        timeout_ms = static_cast<int64>(std::min<core::int128>(us / 1000, 100 * pg::year_ms));
    }
    pg::Result result(fcinfo);
    pg::Session session;
    Record r{};
    if (!read(job, r)) no_such_job(job);
    if (made_here(job))
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("job %lld starts when this transaction commits", static_cast<long long>(job)),
                errhint("COMMIT first, then wait."));
    const bool ended = await(job, timeout_ms, r);
    result.int8(job).text(shown_state(r)).int8(r.done.done);
    r.total >= 0 ? result.int8(r.total) : result.null();
    result.boolean(!ended);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
