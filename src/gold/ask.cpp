// refresh_gold_platinum() and maybe_refresh_gold(): what is stale is decided here, in the session that asks,
// because only it can count what it has written itself and not reported yet. What a job is to do is frozen
// with its request; it does not look again.
//
// Nothing to do: no job, no lock. Commit, abort, crash: see refresh.cpp and jobs/request.hpp.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "extension/registry.hpp"
#include "gold/baseline.hpp"
#include "gold/jobs.hpp"
#include "gold/refresh.hpp"
#include "jobs/request.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::gold {

namespace {

bool is_asked(const View &v, bool force) {
    return force || !v.fresh;
}

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
        "SELECT g.operation, CASE WHEN g.skipped_for IS NULL THEN g.duration_ms END, g.status,"
        " coalesce(g.rows_before, -1), coalesce(g.rows_after, -1),"
        " format('%I.%I: ', g.view_schema, g.view_name) || g.error_message"
        " FROM scout.gold_refreshes g WHERE g.job_id = $1 ORDER BY g.refresh_id");
    pg::AsRole owner(extension::extension_owner());
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

void show_view(pg::Result &result, const View &v, const Refresh &r) {
    result.text(v.operation);
    r.outcome == Outcome::skipped ? result.null() : result.milliseconds(r.finished - r.started);
    result.text(r.status());
    add_count(result, r.before);
    add_count(result, r.after);
    add_job(result, 0);
}

void refresh_here(pg::Result &result, bool force, Oid acting_role) {
    pg::Session session(extension::require_pipeline(), pg::Session::Restriction::local_user_change);
    extension::acquire(extension::Lock::gold, extension::gold_refresh);
    pg::Array<View> views = judge_views();
    int64 refreshed = 0, failed = 0;
    for (View &v : views) {
        CHECK_FOR_INTERRUPTS();
        const Refresh r = is_asked(v, force) ? do_view(views, v, 0) : skipped("fresh");
        refreshed += r.after != unknown;
        failed += v.failed;
        show_view(result, v, r);
    }
    audit::Json arguments, counts;
    arguments.add_bool("force", force);
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
    if (!extension::acquire(extension::Lock::gold, extension::gold_refresh, false)) return true;
    extension::release(extension::Lock::gold, extension::gold_refresh);
    return false;
}

// A repeated key is the request that it stands for, whatever is stale now.
const char *arguments_for(const pg::Array<View> &views, bool force, const char *key) {
    static pg::Statement build("SELECT jsonb_build_object('force', $1, 'views', $2::text[])::text");
    jobs::Record first{};
    const int64 job = jobs::find_by_key(key);
    if (job != 0 && jobs::read(job, first) && strcmp(first.kind, kind_name) == 0) return first.arguments;
    pg::Column names(TEXTOID, views.size());
    bool any = job != 0;
    for (const View &v : views) {
        if (!is_asked(v, force)) continue;
        names.add_text(v.relation);
        any = any || v.refusal == nullptr;
    }
    if (!any) return nullptr;
    pg::Rows rows = build.run({pg::boolean(force), names.param()});
    const char *arguments = pg::c_string(rows.text(0, 1));
    rows.free();
    return arguments;
}

void show_untouched(pg::Result &result, const pg::Array<View> &views, bool all, bool force) {
    for (const View &v : views)
        if (all || !is_asked(v, force))
            show_view(result, v, skipped(v.refusal != nullptr ? v.refusal : "fresh"));
}

void nothing_to_do(pg::Result &result, const pg::Array<View> &views, bool force, bool wait, Oid acting_role) {
    wait ? show_untouched(result, views, true, force) : show_job(result, "skipped: fresh", 0);
    audit::Json arguments, counts;
    arguments.add_bool("force", force);
    counts.add("skipped", static_cast<int64>(views.size()));
    audit::record(kind_name, acting_role, arguments, "nothing is stale", counts);
}

void hand_over(pg::Result &result, bool force, bool wait, const char *key, Oid acting_role) {
    const pg::Array<View> views = judge_views();
    const char *arguments = arguments_for(views, force, key);
    if (arguments == nullptr) {
        nothing_to_do(result, views, force, wait, acting_role);
        return;
    }
    const jobs::Outcome o = jobs::submit({kind_name, arguments, 1, key, false}, wait);
    if (!wait) {
        show_job(result, o.state, o.job);
        return;
    }
    if (key == nullptr) {  // with a key it may be a job that saw nothing of what this session wrote since
        add_unreported(o.job);
        show_untouched(result, views, false, force);
    }
    show_recorded(result, o.job);
}

}  // namespace

bool anything_to_refresh() {
    for (const View &v : judge_views())
        if (v.curable) return true;
    return false;
}

}  // namespace scout::gold

SCOUT_ACTION(scout_refresh_gold_platinum, 4) {
    using namespace scout;
    const bool force = pg::flag(fcinfo, 0, "force");
    const bool wait = pg::flag(fcinfo, 1, "wait");
    const char *key = pg::optional_text(fcinfo, 2);
    const bool skip_if_running = pg::flag(fcinfo, 3, "skip_if_running");
    const Oid acting_role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::Session looking(extension::require_pipeline());
    extension::mention_pause("gold is refreshed");
    looking.end();
    int64 running = 0;
    if (skip_if_running && gold::is_running(running))
        gold::show_job(result, "skipped", running);
    else if (wait && jobs::runs_here("gold is refreshed"))
        gold::refresh_here(result, force, acting_role);
    else
        gold::hand_over(result, force, wait, key, acting_role);
    session.end();
    return static_cast<Datum>(0);
}

// Asks for the job that the supervisor asks for, too: it looks for itself what is stale.
SCOUT_ACTION(scout_maybe_refresh_gold, 0) {
    using namespace scout;
    pg::Result result(fcinfo);
    pg::Session session;
    (void)extension::require_pipeline();
    int64 running = 0;
    if (!gold::anything_to_refresh()) {
        gold::show_job(result, "fresh", 0);
    } else if (gold::is_running(running)) {
        gold::show_job(result, "skipped", running);
    } else {
        const jobs::Outcome o = jobs::submit({gold::kind_name, "{}", 1, nullptr, false}, false);
        gold::show_job(result, o.state, o.job);
    }
    session.end();
    return static_cast<Datum>(0);
}
