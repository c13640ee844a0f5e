// refresh_gold_platinum(): the gold materialized views, in the order of their dependencies.
//
// Every refresh runs in a subtransaction as the pipeline's owner: one that fails is rolled back and
// recorded, what reads from it is passed over, the rest goes on. Cancel, shutdown and lock timeouts end the
// whole transaction (guard.hpp). A job does one view in one transaction; which views have failed below it
// is what it has recorded in gold_refreshes.
// Commit publishes the refreshed view and its history, in the caller's transaction all of them together;
// abort and crash leave views and history as they were, and the job's chunk for the next attempt.
//
// Two refreshes at once: the lock GOLD is taken before any lock on a view and held to the end of the
// transaction. Without it, two that look at a view and then want to have it alone would deadlock, and so
// would one of all views in a transaction with a job that comes from the other end.
//
// The session is not a security-restricted one: REFRESH CONCURRENTLY makes a temporary table, which
// the server refuses there. REFRESH itself restricts the part that runs the view's query.

#include "audit/caller.hpp"
#include "gold/jobs.hpp"
#include "gold/views.hpp"
#include "jobs/chunks.hpp"
#include "jobs/request.hpp"
#include "pg/guard.hpp"
#include "pg/locks.hpp"
#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pipeline/arguments.hpp"
#include "pipeline/notices.hpp"

namespace scout::gold {

namespace {

constexpr const char *kind_name = "refresh_gold_platinum";
constexpr int64 unknown = -1;

// What a run did with a view; a row of gold_refreshes.
struct Refresh {
    const char *status;
    TimestampTz started, finished;
    int64 before = unknown, after = unknown;
    bool skipped = false;
};

// The view whose failure keeps `v` from being refreshed: data of mixed age must not look fresh.
const View *failed_below(const pg::Array<View> &views, const View &v) {
    for (const View &other : views)
        if (other.failed && reads_from(v, other)) return &other;
    return nullptr;
}

int64 count_rows(const View &v) {
    pg::Rows rows = pg::run_text(psprintf("SELECT count(*) FROM %s", v.relation), true);
    int64 count = rows.int8(0, 1);
    rows.free();
    return count;
}

pg::Param count_or_null(int64 count) {
    return count == unknown ? pg::null_of(INT8OID) : pg::int8(count);
}

void record(const char *name, const char *operation, const Refresh &r, int64 job) {
    static pg::Statement insert(
        "INSERT INTO scout.gold_refreshes (view_schema, view_name, started_at, finished_at, duration_ms, "
        "status,"
        " rows_before, rows_after, operation, job_id)"
        " VALUES ($1::text::name, $2::text::name, $3, $4, $5, $6, $7, $8, $9, nullif($10, 0))");
    pg::AsRole owner(pg::extension_owner());
    insert.run({pg::text(pg::schema_name), pg::text(name), pg::timestamp(r.started),
                pg::timestamp(r.finished),
                pg::datum(NUMERICOID, pg::numeric_milliseconds(r.finished - r.started)), pg::text(r.status),
                count_or_null(r.before), count_or_null(r.after), pg::text(operation), pg::int8(job)});
    owner.end();
}

Refresh skipped(const char *reason) {
    const TimestampTz now = GetCurrentTimestamp();
    return {psprintf("skipped: %s", reason), now, now, unknown, unknown, true};
}

Refresh refresh(View &v) {
    Refresh r{};
    r.started = GetCurrentTimestamp();
    ErrorData *error = pg::attempt([&] {
        if (v.populated) r.before = count_rows(v);
        (void)pg::run_text(v.operation);
        PushActiveSnapshot(GetLatestSnapshot());
        r.after = count_rows(v);
        PopActiveSnapshot();
    });
    r.finished = GetCurrentTimestamp();
    v.failed = error != nullptr;
    r.status = v.failed ? psprintf("failed: %s", error->message) : "refreshed";
    if (v.failed) {
        r.after = unknown;
        ereport(WARNING, errcode(error->sqlerrcode),
                errmsg("could not refresh %s: %s", v.relation, error->message),
                error->detail != nullptr ? errdetail_internal("%s", error->detail) : 0,
                error->hint != nullptr ? errhint("%s", error->hint) : 0);
    }
    return r;
}

// Refreshes `v`, or says why not, and records it. `job` 0: none.
Refresh do_view(const pg::Array<View> &views, View &v, Oid owner, int64 job) {
    const View *failure = failed_below(views, v);
    const Refresh r = v.other_owner != nullptr
                          ? skipped(psprintf("owned by %s, the pipeline by %s", v.other_owner,
                                             GetUserNameFromId(owner, false)))
                      : failure != nullptr ? skipped(psprintf("depends on %s", failure->relation))
                                           : refresh(v);
    record(v.name, v.operation, r, job);
    return r;
}

int64 freeze(const jobs::Job &job) {
    const Oid owner = pg::require_pipeline();
    pg::Session session(owner, pg::Session::Restriction::local_user_change);
    pg::Array<jobs::Chunk> chunks;
    for (const View &v : find_views(owner)) chunks.push({0, 0, 0, v.relation});
    jobs::add_chunks(job.id, chunks);
    session.end();
    return static_cast<int64>(chunks.size());
}

void mark_failed(pg::Array<View> &views, int64 job) {
    static pg::Statement names(
        "SELECT g.view_name::text FROM scout.gold_refreshes g WHERE g.job_id = $1 AND g.status LIKE "
        "'failed%'");
    pg::AsRole extension_owner(pg::extension_owner());
    pg::Rows rows = names.run({pg::int8(job)});
    extension_owner.end();
    for (View &v : views)
        for (uint64 i = 0; i < rows.count(); i++) v.failed = v.failed || rows.text(i, 1) == v.name;
    rows.free();
}

// A view that was dropped or renamed since it was frozen.
void record_gone(const char *relation, int64 job) {
    static pg::Statement parse("SELECT (parse_ident($1))[2]");
    pg::Rows rows = parse.run({pg::text(relation)});
    record(pg::c_string(rows.text(0, 1)), psprintf("REFRESH MATERIALIZED VIEW %s", relation),
           skipped("the view is gone"), job);
    rows.free();
}

jobs::Turn turn(const jobs::Job &job, jobs::Progress &progress) {
    const Oid owner = pg::require_pipeline();
    pg::Session session(owner, pg::Session::Restriction::local_user_change);
    jobs::Chunk chunk;
    const bool found = jobs::take_chunk(job.id, chunk);
    if (found) {
        pg::acquire(pg::Lock::gold, pg::gold_refresh);
        pg::Array<View> views = find_views(owner);
        mark_failed(views, job.id);
        View *view = std::find_if(views.begin(), views.end(),
                                  [&chunk](const View &v) { return strcmp(v.relation, chunk.object) == 0; });
        view != views.end() ? (void)do_view(views, *view, owner, job.id) : record_gone(chunk.object, job.id);
        jobs::finish_chunk(job.id, chunk);
        progress.done = 1;
        progress.position = chunk.number;
    }
    session.end();
    return found ? jobs::Turn::worked : jobs::Turn::nothing_left;
}

constexpr jobs::Kind kind{kind_name, "views", freeze, turn, nullptr};

void add_count(pg::Result &result, int64 count) {
    count == unknown ? result.null() : result.int8(count);
}

void add_job(pg::Result &result, int64 job) {
    job == 0 ? result.null() : result.int8(job);
    result.end_row();
}

// One row that stands for a job, not for a view.
void show_job(pg::Result &result, const char *status, int64 job) {
    result.text("job").null().text(status).null().null();
    add_job(result, job);
}

// What the job has recorded, and a WARNING for each view that failed.
void show_recorded(pg::Result &result, int64 job) {
    static pg::Statement recorded(
        "SELECT g.operation, CASE WHEN g.status NOT LIKE 'skipped%' THEN g.duration_ms END, g.status,"
        " coalesce(g.rows_before, -1), coalesce(g.rows_after, -1),"
        " CASE WHEN g.status LIKE 'failed%' THEN format('%I.%I: %s', g.view_schema, g.view_name,"
        "  substr(g.status, length('failed: ') + 1)) END"
        " FROM scout.gold_refreshes g WHERE g.job_id = $1 ORDER BY g.refresh_id");
    pg::AsRole owner(pg::extension_owner());
    pg::Rows rows = recorded.read_latest({pg::int8(job)});
    owner.end();
    for (uint64 i = 0; i < rows.count(); i++) {
        bool no_duration;
        const Datum duration = rows.value(i, 2, no_duration);
        result.text(rows.text(i, 1));
        no_duration ? result.null() : result.datum(duration);
        result.text(rows.text(i, 3));
        add_count(result, rows.int8(i, 4));
        add_count(result, rows.int8(i, 5));
        add_job(result, job);
        if (!rows.is_null(i, 6))
            ereport(WARNING, errmsg("could not refresh %s", pg::c_string(rows.text(i, 6))),
                    errdetail("The server log has more."));
    }
    rows.free();
}

void refresh_here(pg::Result &result, Oid acting_role) {
    const Oid owner = pg::require_pipeline();
    pg::Session session(owner, pg::Session::Restriction::local_user_change);
    pg::acquire(pg::Lock::gold, pg::gold_refresh);
    pg::Array<View> views = find_views(owner);
    int64 refreshed = 0, failed = 0;
    for (View &v : views) {
        CHECK_FOR_INTERRUPTS();
        const Refresh r = do_view(views, v, owner, 0);
        refreshed += r.after != unknown;
        failed += v.failed;
        result.text(v.operation);
        r.skipped ? result.null() : result.milliseconds(r.finished - r.started);
        result.text(r.status);
        add_count(result, r.before);
        add_count(result, r.after);
        add_job(result, 0);
    }
    audit::Json arguments, counts;
    counts.add("refreshed", refreshed)
        .add("failed", failed)
        .add("skipped", static_cast<int64>(views.size()) - refreshed - failed);
    audit::record(kind_name, acting_role, arguments, failed == 0 ? "refreshed" : "failed in part", counts);
    session.end();
}

// Is a refresh under way, as a job (`job` is its number) or in somebody's transaction (0)?
bool is_running(int64 &job) {
    job = jobs::at_work(kind_name);
    if (job != 0) return true;
    if (!pg::acquire(pg::Lock::gold, pg::gold_refresh, false)) return true;
    pg::release(pg::Lock::gold, pg::gold_refresh);
    return false;
}

}  // namespace

void register_refresh_job() {
    jobs::register_kind(&kind);
}

}  // namespace scout::gold

SCOUT_ACTION(scout_refresh_gold_platinum) {
    using namespace scout;
    const bool wait = pipeline::flag(fcinfo, 0, "wait");
    const char *key = pipeline::optional_text(fcinfo, 1);
    const bool skip_if_running = pipeline::flag(fcinfo, 2, "skip_if_running");
    const Oid acting_role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::Session looking(pg::require_pipeline());
    pipeline::mention_pause("gold is refreshed");
    looking.end();
    int64 running = 0;
    if (skip_if_running && gold::is_running(running)) {
        gold::show_job(result, "skipped", running);
    } else if (wait && jobs::runs_here("gold is refreshed")) {
        gold::refresh_here(result, acting_role);
    } else {
        const jobs::Outcome o = jobs::submit({gold::kind_name, "{}", 1, key, false}, wait);
        wait ? gold::show_recorded(result, o.job) : gold::show_job(result, o.state, o.job);
    }
    session.end();
    return static_cast<Datum>(0);
}
