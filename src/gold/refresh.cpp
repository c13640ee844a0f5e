// The refresh of gold views, in the order of their dependencies: as a job, or in the caller's transaction.
//
// Every refresh runs in a subtransaction as the view's owner: one that fails is rolled back and
// recorded, what reads from it is passed over, the rest goes on. Cancel, shutdown and lock timeouts end the
// whole transaction (guard.hpp). A job does one view in one transaction; which views have failed below it
// is what it has recorded in gold_refreshes.
// Commit publishes the refreshed view and its history, in the caller's transaction all of them together;
// abort and crash leave views, history and baselines as they were, and the job's chunk for the next attempt.
//
// Two refreshes at once: the lock GOLD is taken before any lock on a view and held to the end of the
// transaction. Without it, two that look at a view and then want to have it alone would deadlock, and so
// would one of all views in a transaction with a job that comes from the other end.
//
// The session is not a security-restricted one: REFRESH CONCURRENTLY makes a temporary table, which
// the server refuses there. REFRESH itself restricts the part that runs the view's query.

#include "gold/refresh.hpp"

#include "extension/installed.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "gold/baseline.hpp"
#include "gold/jobs.hpp"
#include "jobs/chunks.hpp"
#include "jobs/kind.hpp"
#include "pg/guard.hpp"
#include "pg/spi.hpp"

namespace scout::gold {

namespace {

// The view whose failure keeps `v` from being refreshed: data of mixed age must not look fresh.
const View *failed_below(const pg::Array<View> &views, const View &v) {
    for (const View &other : views)
        if (other.failed && reads_from(v, other)) return &other;
    return nullptr;
}

// Restricted: what its planning folds must leave nothing behind that runs at the commit.
int64 count_rows(const View &v) {
    pg::AsRole owner(v.owner);
    pg::Rows rows = pg::run_text(psprintf("SELECT count(*) FROM %s", v.relation), true);
    owner.end();
    int64 count = rows.int8(0, 1);
    rows.free();
    return count;
}

pg::Param count_or_null(int64 count) {
    return count == unknown ? pg::null_of(INT8OID) : pg::int8(count);
}

const char *word(Outcome outcome) {
    switch (outcome) {
        case Outcome::refreshed: return "refreshed";
        case Outcome::failed: return "failed";
        default: return "skipped";
    }
}

void record(const char *schema, const char *name, const char *operation, const Refresh &r, int64 job) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.gold_refreshes (view_schema, view_name, started_at, finished_at,"
        " duration_ms, status, rows_before, rows_after, operation, job_id, skipped_for, error_sqlstate,"
        " error_message) VALUES ($1::text::name, $2::text::name, $3, $4, $5, $6, $7, $8, $9, nullif($10, 0),"
        " $11, $12, $13)");
    pg::AsRole owner(extension::extension_owner());
    insert.run(
        {pg::text(schema), pg::text(name), pg::timestamp(r.started), pg::timestamp(r.finished),
         pg::datum(NUMERICOID, pg::numeric_milliseconds(r.finished - r.started)), pg::text(word(r.outcome)),
         count_or_null(r.before), count_or_null(r.after), pg::text(operation), pg::int8(job),
         pg::text_or_null(r.outcome == Outcome::skipped ? r.reason : nullptr), pg::text_or_null(r.sqlstate),
         pg::text_or_null(r.outcome == Outcome::failed ? r.reason : nullptr)});
    owner.end();
}

Refresh refresh(View &v) {
    Refresh r{};
    r.started = GetCurrentTimestamp();
    ErrorData *error = pg::attempt([&] {
        note_sources(v, r.started);
        pg::AsRole owner(v.owner, pg::Session::Restriction::local_user_change);
        if (v.populated) r.before = count_rows(v);
        (void)pg::run_text(v.operation);
        PushActiveSnapshot(GetLatestSnapshot());
        r.after = count_rows(v);
        PopActiveSnapshot();
        owner.end();
    });
    r.finished = GetCurrentTimestamp();
    v.failed = error != nullptr;
    if (!v.failed) note_contents(v);
    if (v.failed) {
        r.outcome = Outcome::failed;
        r.reason = error->message != nullptr ? error->message : "no message";
        r.sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
        r.after = unknown;
        ereport(WARNING, errcode(error->sqlerrcode),
                errmsg("could not refresh %s: %s", v.relation, error->message),
                error->detail != nullptr ? errdetail_internal("%s", error->detail) : 0,
                error->hint != nullptr ? errhint("%s", error->hint) : 0);
    }
    return r;
}

// What the job was asked for; one that was scheduled looks for itself.
pg::Array<View> asked_for(const char *arguments) {
    static pg::Statement named(
        "SELECT x.name, a ? 'views' FROM (SELECT $1::jsonb) j(a)"
        " LEFT JOIN LATERAL jsonb_array_elements_text(a -> 'views') x(name) ON true");
    pg::Rows rows = named.run({pg::text(arguments)});
    const bool has_list = rows.boolean(0, 2);
    pg::Array<View> asked;
    for (const View &v : has_list ? find_views() : judge_views()) {
        bool wanted = !has_list && v.curable;
        for (uint64 i = 0; has_list && i < rows.count(); i++)
            wanted = wanted || rows.text(i, 1) == v.relation;
        if (wanted) asked.push(v);
    }
    rows.free();
    return asked;
}

int64 freeze(const jobs::Job &job) {
    pg::Session session(extension::require_pipeline(), pg::Session::Restriction::local_user_change);
    pg::Array<jobs::Chunk> chunks;
    for (const View &v : asked_for(job.arguments)) chunks.push({0, 0, 0, v.relation});
    jobs::add_chunks(job.id, chunks);
    session.end();
    return static_cast<int64>(chunks.size());
}

void mark_failed(pg::Array<View> &views, int64 job) {
    static pg::Statement names(
        "SELECT format('%I.%I', g.view_schema, g.view_name) FROM scout_internal.gold_refreshes g"
        " WHERE g.job_id = $1 AND g.status = 'failed'");
    pg::AsRole extension_owner(extension::extension_owner());
    pg::Rows rows = names.run({pg::int8(job)});
    extension_owner.end();
    for (View &v : views)
        for (uint64 i = 0; i < rows.count(); i++) v.failed = v.failed || rows.text(i, 1) == v.relation;
    rows.free();
}

// A view that was dropped or renamed since it was frozen.
void record_gone(const char *relation, int64 job) {
    static pg::Statement parse("SELECT (parse_ident($1))[1], (parse_ident($1))[2]");
    pg::Rows rows = parse.run({pg::text(relation)});
    record(pg::c_string(rows.text(0, 1)), pg::c_string(rows.text(0, 2)),
           psprintf("REFRESH MATERIALIZED VIEW %s", relation), skipped("the view is gone"), job);
    rows.free();
}

jobs::Turn turn(const jobs::Job &job, jobs::Progress &progress) {
    pg::Session session(extension::require_pipeline(), pg::Session::Restriction::local_user_change);
    jobs::Chunk chunk;
    const bool found = jobs::claim_chunk(job.id, chunk);
    if (found) {
        extension::acquire(extension::Lock::gold, extension::gold_refresh);
        pg::Array<View> views = find_views();
        mark_failed(views, job.id);
        View *view = std::find_if(views.begin(), views.end(),
                                  [&chunk](const View &v) { return strcmp(v.relation, chunk.object) == 0; });
        view != views.end() ? (void)do_view(views, *view, job.id) : record_gone(chunk.object, job.id);
        jobs::finish_chunk(job.id, chunk);
        progress.done = 1;
        progress.position = chunk.number;
    }
    session.end();
    return found ? jobs::Turn::worked : jobs::Turn::nothing_left;
}

}  // namespace

Refresh skipped(const char *reason) {
    const TimestampTz now = GetCurrentTimestamp();
    return {Outcome::skipped, reason, nullptr, now, now};
}

const char *Refresh::status() const {
    return outcome == Outcome::refreshed ? word(outcome) : psprintf("%s: %s", word(outcome), reason);
}

Refresh do_view(const pg::Array<View> &views, View &v, int64 job) {
    const View *failure = failed_below(views, v);
    const Refresh r = v.refusal != nullptr ? skipped(v.refusal)
                      : failure != nullptr ? skipped(psprintf("depends on %s", failure->relation))
                                           : refresh(v);
    record(v.schema, v.name, v.operation, r, job);
    return r;
}

const jobs::Kind refresh_kind{kind_name, "views", freeze, turn, nullptr};

}  // namespace scout::gold
