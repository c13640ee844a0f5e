#include "supervisor/tasks.hpp"

#include "audit/caller.hpp"
#include "audit/retention.hpp"
#include "extension/installed.hpp"
#include "extension/pipeline.hpp"
#include "extension/registry.hpp"
#include "jobs/kind.hpp"
#include "jobs/launch.hpp"
#include "jobs/roles.hpp"
#include "jobs/settings.hpp"
#include "jobs/store.hpp"
#include "pg/spi.hpp"

namespace scout::supervisor {

namespace {

constexpr int most_attempts = 10;

// Of a job whose workers die: 10 s after its first attempt began, 20 s after the second, at most 10 min.
#define BACKOFF "least(interval '10 min', interval '5 s' * power(2, least(r.attempts, 10)))"
#define OPEN_HERE " FROM scout_internal.open_jobs r WHERE NOT r.is_worked_on AND r.home = $1"

int free_workers() {
    return std::max(jobs::max_workers - jobs::running_workers(), 0);
}

void fail(const char *task, int64 job, const jobs::Failure &why, pg::Array<extension::Done> &done) {
    if (!jobs::fail_unstarted(job, why)) return;
    jobs::Record r;
    if (!jobs::read(job, r)) return;
    audit::Json counts;
    counts.add("job_id", job).add("done", r.done.done);
    audit::record(r.kind, GetUserId(), r.arguments, "failed", counts);
    // Here, and not only by the check of alerts: that may be the job that nobody can do.
    extension::raise_alert({psprintf("job:%lld", static_cast<long long>(job)), "job", "critical",
                            psprintf("%lld", static_cast<long long>(job)),
                            psprintf("%s failed (SQLSTATE %s)", r.kind, why.sqlstate),
                            psprintf("SELECT * FROM scout.job(%lld); then SELECT scout.resume_job(%lld);",
                                     static_cast<long long>(job), static_cast<long long>(job))});
    done.push({task, "failed", job});
}

// A long job that gets on with each attempt is not hopeless, however often the server restarts.
void give_up(pg::Array<extension::Done> &done) {
    static pg::Statement hopeless(
        "SELECT r.job_id, r.attempts" OPEN_HERE
        " AND r.state IN ('running', 'interrupted') AND r.attempts >= $2 AND NOT r.paused"
        " AND (SELECT coalesce(sum(w.done), 0) FROM scout_internal.job_workers w WHERE w.job_id = r.job_id)"
        " <= r.done_before LIMIT 100");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = hopeless.read_latest({pg::text(extension::home()), pg::int4(most_attempts)});
    owner.end();
    for (uint64 i = 0; i < rows.count(); i++) {
        const int64 job = rows.int8(i, 1);
        fail("restart", job,
             {"58000", psprintf("its workers died %d times", rows.int4(i, 2)),
              "They ended without an error of their own: terminated, or their server process crashed.",
              psprintf("The server log says why. SELECT scout.resume_job(%lld) tries once more.",
                       static_cast<long long>(job))},
             done);
    }
    rows.free();
}

void start(int64 job, Oid login_role, const jobs::Roles &roles) {
    jobs::start_at_commit({MyDatabaseId, login_role, InvalidOid, job, 0, 0, jobs::login_of(roles.scheduled)});
}

// Says when a job whose workers died is tried again, for those who look at it. Due is what never had a
// worker, or has waited; a clock that was set back does not hold it up.
void restart_due(pg::Array<extension::Done> &done) {
    static pg::Statement plan(
        "UPDATE scout_internal.job_records u SET next_attempt_at = r.attempt_at + " BACKOFF OPEN_HERE
        " AND u.job_id = r.job_id AND r.state IN ('running', 'interrupted') AND r.next_attempt_at IS NULL");
    static pg::Statement due(
        "SELECT r.job_id, r.session_role::text, r.acting_role::text, r.scheduled" OPEN_HERE
        " AND (r.state IN ('running', 'interrupted')"
        "  OR r.state = 'queued' AND (r.attempts > 0 OR r.created_at NOT BETWEEN clock_timestamp() - interval"
        "   '5 s' AND clock_timestamp()))"
        " AND (r.next_attempt_at IS NULL"
        "  OR r.next_attempt_at NOT BETWEEN clock_timestamp() AND clock_timestamp() + interval '11 min')"
        " AND NOT ($2 AND r.paused) ORDER BY r.job_id LIMIT $3");
    static pg::Statement postpone(
        "UPDATE scout_internal.job_records r SET next_attempt_at = clock_timestamp() + CASE"
        " WHEN r.state = 'queued'"
        " THEN least(interval '10 min', greatest(interval '5 s', clock_timestamp() - coalesce(r.attempt_at,"
        "  r.created_at))) ELSE " BACKOFF " END WHERE r.job_id = $1");
    const bool paused = extension::pipeline_is_complete() && extension::all_loading_is_paused();
    int room = free_workers();
    pg::AsRole owner(extension::extension_owner());
    const pg::Param home = pg::text(extension::home());
    plan.run({home});
    constexpr int looked_at = 1000;  // more than are started: some cannot be
    pg::Rows rows = due.read_latest({home, pg::boolean(paused), pg::int4(looked_at)});
    owner.end();
    for (uint64 i = 0; i < rows.count() && room > 0; i++) {
        const int64 job = rows.int8(i, 1);
        const jobs::Roles roles{pg::c_string(rows.text(i, 2)), pg::c_string(rows.text(i, 3)),
                                rows.boolean(i, 4)};
        if (jobs::made_here(job)) continue;
        Oid login_role;
        jobs::Failure why;
        switch (jobs::judge_start(roles, login_role, why)) {
            case jobs::Start::not_by_this_session: break;
            case jobs::Start::cannot: fail("restart", job, why, done); break;
            case jobs::Start::may:
                pg::AsRole again(extension::extension_owner());
                postpone.run({pg::int8(job)});
                again.end();
                start(job, login_role, roles);
                done.push({"restart", "started", job});
                room--;
        }
    }
    rows.free();
}

// The newest job of a kind that was scheduled here.
struct Last {
    int64 job;  // 0: none
    bool open, due, retry;
    const char *error;  // why it failed; nullptr: it did not
};

Last last_of(const char *kind, int interval, Oid owner) {
    static pg::Statement newest(
        "SELECT r.job_id, r.finished_at IS NULL, r.state = 'failed' AND r.session_role = $4::text::name,"
        " t.due <= clock_timestamp() OR t.began > clock_timestamp(), r.error_message"
        " FROM (SELECT * FROM scout_internal.job_records j WHERE j.scheduled AND j.kind = $2 AND j.home = $1"
        "  ORDER BY j.job_id DESC LIMIT 1) r, LATERAL (SELECT coalesce(r.started_at, r.created_at) AS began,"
        "  CASE WHEN r.state = 'failed' THEN r.finished_at + greatest($3 * interval '1 s', " BACKOFF
        ")"
        "   ELSE coalesce(r.started_at, r.created_at) + $3 * interval '1 s' END AS due) t");
    pg::AsRole extension(extension::extension_owner());
    pg::Rows rows = newest.read_latest({pg::text(extension::home()), pg::text(kind), pg::int4(interval),
                                        pg::text(GetUserNameFromId(owner, false))});
    extension.end();
    Last last{0, false, true, false, nullptr};
    if (rows.count() > 0)
        last = {rows.int8(0, 1), rows.boolean(0, 2), rows.boolean(0, 4), rows.boolean(0, 3),
                rows.is_null(0, 5) ? nullptr : pg::c_string(rows.text(0, 5))};
    rows.free();
    return last;
}

// A failed one is tried again as the same row, less and less often, so that a fault that lasts fills
// neither the table nor the log.
void retry(int64 job) {
    static pg::Statement again(
        "UPDATE scout_internal.job_records r"
        " SET state = 'queued', finished_at = NULL, next_attempt_at = clock_timestamp()"
        " + interval '5 s' WHERE r.job_id = $1");
    pg::AsRole owner(extension::extension_owner());
    again.run({pg::int8(job)});
    owner.end();
}

// One that no worker can be started for stands in the table as failed, so that whoever looks sees why; it is
// written, and said, once, and queued again when the reason has gone.
void ask_for(const extension::Schedule &s, pg::Array<extension::Done> &done) {
    const int interval = *s.interval;
    if (interval == 0 || jobs::find_kind(s.kind) == nullptr || !extension::pipeline_is_complete()) return;
    const Oid owner = extension::require_pipeline();
    const Last last = last_of(s.kind, interval, owner);
    if (last.open || !last.due || jobs::at_work(s.kind) != 0) return;
    if (s.has_work != nullptr && !s.has_work()) return;
    const char *role = GetUserNameFromId(owner, false);
    const jobs::Roles roles{role, role, true};
    Oid login_role;
    jobs::Failure why;
    const jobs::Start verdict = jobs::judge_start(roles, login_role, why);
    if (verdict == jobs::Start::not_by_this_session)
        return (void)done.push({s.task, "left to a superuser, as the pipeline's owner is", 0});
    const bool cannot = verdict == jobs::Start::cannot;
    if (cannot && last.retry && last.error != nullptr && strcmp(last.error, why.message) == 0) return;
    int64 job = last.job;
    bool made = true;
    if (last.retry) {
        retry(job);
    } else {
        pg::AsRole as_owner(owner);
        job = jobs::create({s.kind, s.arguments, 1, nullptr, true, owner}, made);
        as_owner.end();
    }
    if (cannot) return fail(s.task, job, why, done);
    start(job, login_role, roles);
    done.push({s.task, last.retry ? "retried" : "queued", job});
}

}  // namespace

void restart_jobs(pg::Array<extension::Done> &done) {
    give_up(done);
    restart_due(done);
}

void retain(pg::Array<extension::Done> &done) {
    const int64 removed = audit::forget_old();
    if (removed > 0)
        done.push({"retention", psprintf("%lld rows removed", static_cast<long long>(removed)), 0});
}

void Step::run(pg::Array<extension::Done> &done) const {
    task != nullptr ? task->run(done) : ask_for(*schedule, done);
}

pg::Array<Step> steps() {
    pg::Array<Step> all;
    for (const extension::Capability *c : extension::capabilities()) {
        for (const extension::Task &t : c->tasks) all.push({t.name, &t, nullptr});
        for (const extension::Schedule &s : c->schedules) all.push({s.task, nullptr, &s});
    }
    return all;
}

}  // namespace scout::supervisor
