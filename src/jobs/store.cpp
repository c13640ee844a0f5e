#include "jobs/store.hpp"

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/locks.hpp"
#include "jobs/settings.hpp"
#include "pg/spi.hpp"
#include "pg/worker.hpp"

namespace scout::jobs {

namespace {

#define RECORD_COLUMNS                                                                                    \
    "r.job_id, r.kind, r.arguments::text, r.state, r.unit, r.workers, r.attempts, coalesce(r.total, -1)," \
    " r.session_role::text, r.acting_role::text, r.claims, r.cancelled_by, r.error_sqlstate,"             \
    " r.error_message, r.error_detail, r.error_hint, r.home = $2, r.created_at, r.attempt_at,"            \
    " r.done_before, r.scheduled"

pg::Statement select_record("SELECT " RECORD_COLUMNS
                            " FROM scout_internal.job_records r WHERE r.job_id = $1");
pg::Statement lock_record("SELECT " RECORD_COLUMNS
                          " FROM scout_internal.job_records r WHERE r.job_id = $1 FOR UPDATE");

void read_sums(Record &r) {
    static pg::Statement sums(
        "SELECT coalesce(sum(w.done), 0)::bigint, coalesce(sum(w.transactions_created), 0)::bigint,"
        " coalesce(sum(w.transactions_updated), 0)::bigint, coalesce(sum(w.transactions_removed), 0)::bigint,"
        " coalesce(sum(w.line_items_created), 0)::bigint, coalesce(sum(w.events_dead_lettered), 0)::bigint,"
        " coalesce(sum(w.letters_resolved), 0)::bigint, coalesce(max(w.last_position), 0)"
        " FROM scout_internal.job_workers w WHERE w.job_id = $1");
    pg::Rows rows = sums.read_latest({pg::int8(r.id)});
    r.done = {rows.int8(0, 1), rows.int8(0, 2), rows.int8(0, 3), rows.int8(0, 4),
              rows.int8(0, 5), rows.int8(0, 6), rows.int8(0, 7), rows.int8(0, 8)};
    rows.free();
}

bool read_row(pg::Rows rows, Record &r) {
    if (rows.count() == 0) return false;
    r = {};
    r.id = rows.int8(0, 1);
    r.kind = rows.text_or_null(0, 2);
    r.arguments = rows.text_or_null(0, 3);
    r.state = rows.text_or_null(0, 4);
    r.unit = rows.text_or_null(0, 5);
    r.workers = rows.int4(0, 6);
    r.attempts = rows.int4(0, 7);
    r.total = rows.int8(0, 8);
    r.session_role = rows.text_or_null(0, 9);
    r.acting_role = rows.text_or_null(0, 10);
    r.claims = rows.text_or_null(0, 11);
    r.cancelled_by = rows.text_or_null(0, 12);
    r.error_sqlstate = rows.text_or_null(0, 13);
    r.error_message = rows.text_or_null(0, 14);
    r.error_detail = rows.text_or_null(0, 15);
    r.error_hint = rows.text_or_null(0, 16);
    r.at_home = rows.boolean(0, 17);
    r.created_at = rows.timestamp(0, 18);
    r.attempt_at = rows.timestamp(0, 19);
    r.done_before = rows.int8(0, 20);
    r.scheduled = rows.boolean(0, 21);
    rows.free();
    return true;
}

// What the caller said, to be compared with what an idempotency key stands for.
bool same_request(const Request &request, int64 job) {
    static pg::Statement same(
        "SELECT r.kind = $2 AND r.arguments = $3::jsonb FROM scout_internal.job_records r"
        " WHERE r.job_id = $1");
    pg::Rows rows = same.read_latest({pg::int8(job), pg::text(request.kind), pg::text(request.arguments)});
    const bool out = rows.count() > 0 && rows.boolean(0, 1);
    rows.free();
    return out;
}

}  // namespace

bool Record::ended() const {
    return strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
}

bool read(int64 job, Record &record) {
    pg::AsRole owner(extension::extension_owner());
    const bool found =
        read_row(select_record.read_latest({pg::int8(job), pg::text(extension::home())}), record);
    if (found) read_sums(record);
    owner.end();
    return found;
}

bool lock(int64 job, Record &record) {
    pg::AsRole owner(extension::extension_owner());
    const bool found = read_row(lock_record.run({pg::int8(job), pg::text(extension::home())}), record);
    if (found) read_sums(record);
    owner.end();
    return found;
}

int64 find_by_key(const char *key) {
    static pg::Statement find(
        "SELECT r.job_id FROM scout_internal.job_records r WHERE r.idempotency_key = $1");
    if (key == nullptr) return 0;
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = find.read_latest({pg::text(key)});
    owner.end();
    const int64 job = rows.count() == 0 ? 0 : rows.int8(0, 1);
    rows.free();
    return job;
}

bool is_worked_on(const Record &r) {
    for (int n = 0; n < r.workers; n++)
        if (extension::job_worker_lives(r.id, n)) return true;
    return false;
}

int running_workers() {
    static pg::Statement count(
        "SELECT count(*) FROM scout_internal.our_locks l WHERE l.lock_name = 'job' AND l.granted");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = count.read_latest();
    owner.end();
    const int out = static_cast<int>(rows.int8(0, 1));
    rows.free();
    return out;
}

int64 at_work(const char *kind) {
    static pg::Statement find(
        "SELECT r.job_id FROM scout_internal.open_jobs r WHERE r.kind = $1 AND r.home = $2"
        " AND (r.state = 'queued' AND r.created_at > clock_timestamp() - interval '1 minute'"
        " OR r.is_worked_on)"
        " LIMIT 1");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = find.read_latest({pg::text(kind), pg::text(extension::home())});
    owner.end();
    const int64 job = rows.count() == 0 ? 0 : rows.int8(0, 1);
    rows.free();
    return job;
}

void require_same_request(const Request &request, int64 job) {
    pg::AsRole owner(extension::extension_owner());
    const bool same = same_request(request, job);
    owner.end();
    if (same) return;
    ereport(ERROR, errcode(ERRCODE_UNIQUE_VIOLATION),
            errmsg("idempotency key \"%s\" stands for another request, job %lld", request.idempotency_key,
                   static_cast<long long>(job)),
            errhint("Use a new key, or repeat the arguments: SELECT * FROM scout.job(%lld)",
                    static_cast<long long>(job)));
}

int64 create(const Request &request, bool &made) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.job_records (kind, arguments, workers, unit, actor,"
        " session_role, acting_role, claims,"
        " idempotency_key, home, scheduled)"
        " VALUES ($1, $2::jsonb, $3, $4, $5, $6::text::name, $7::text::name,"
        " $8, $9, $10, $11) ON CONFLICT (idempotency_key) DO NOTHING RETURNING job_id");
    static pg::Statement set_total(
        "UPDATE scout_internal.job_records SET total = nullif($2, -1) WHERE job_id = $1");
    const Kind *kind = find_kind(request.kind);
    if (kind == nullptr) elog(ERROR, "unknown kind of job: %s", request.kind);
    const Oid acting_role = GetUserId();
    const Oid session_role = OidIsValid(request.run_as) ? request.run_as : GetSessionUserId();
    const char *actor = request.scheduled ? "supervisor" : audit::actor();

    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows =
        insert.run({pg::text(request.kind), pg::text(request.arguments), pg::int4(request.workers),
                    pg::text(kind->unit), pg::text(actor), pg::text(GetUserNameFromId(session_role, false)),
                    pg::text(GetUserNameFromId(acting_role, false)), pg::text_or_null(audit::claims()),
                    pg::text_or_null(request.idempotency_key), pg::text(extension::home()),
                    pg::boolean(request.scheduled)});
    owner.end();
    made = rows.count() > 0;
    if (!made) {
        const int64 first = find_by_key(request.idempotency_key);
        require_same_request(request, first);
        return first;
    }
    const Job job{rows.int8(0, 1), request.arguments, 0};
    rows.free();
    const int64 total = kind->freeze(job);
    pg::AsRole again(extension::extension_owner());
    set_total.run({pg::int8(job.id), pg::int8(total)});
    again.end();

    audit::Json counts;
    counts.add("job_id", job.id).add("total", total).add("workers", static_cast<int64>(request.workers));
    if (!request.scheduled) audit::record(request.kind, acting_role, request.arguments, "queued", counts);
    return job.id;
}

void register_worker(const Record &record, int worker, bool is_attempt) {
    static pg::Statement come(
        "INSERT INTO scout_internal.job_workers AS w (job_id, worker_no, pid, started_at, updated_at)"
        " VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp())"
        " ON CONFLICT (job_id, worker_no) DO UPDATE"
        " SET pid = $3, updated_at = clock_timestamp(), finished_at = NULL");
    static pg::Statement attempt(
        "UPDATE scout_internal.job_records"
        " SET state = 'running', attempts = attempts + 1, attempt_at = clock_timestamp(),"
        " started_at = coalesce(started_at, clock_timestamp()), finished_at = NULL, done_before = $2,"
        " next_attempt_at = NULL, paused = false WHERE job_id = $1");
    pg::AsRole owner(extension::extension_owner());
    come.run({pg::int8(record.id), pg::int4(worker), pg::int4(MyProcPid)});
    if (is_attempt) attempt.run({pg::int8(record.id), pg::int8(record.done.done)});
    owner.end();
}

void add_progress(int64 job, int worker, const Progress &p) {
    static pg::Statement add(
        "UPDATE scout_internal.job_workers SET updated_at = clock_timestamp(), done = done + $3,"
        " transactions_created = transactions_created + $4, transactions_updated = transactions_updated + $5,"
        " transactions_removed = transactions_removed + $6, line_items_created = line_items_created + $7,"
        " events_dead_lettered = events_dead_lettered + $8, letters_resolved = letters_resolved + $9,"
        " last_position = coalesce(nullif($10, 0), last_position) WHERE job_id = $1 AND worker_no = $2");
    pg::AsRole owner(extension::extension_owner());
    add.run({pg::int8(job), pg::int4(worker), pg::int8(p.done), pg::int8(p.created), pg::int8(p.updated),
             pg::int8(p.removed), pg::int8(p.lines), pg::int8(p.dead_lettered), pg::int8(p.resolved),
             pg::int8(p.position)});
    owner.end();
}

void finish_worker(int64 job, int worker) {
    static pg::Statement finish(
        "UPDATE scout_internal.job_workers SET finished_at = clock_timestamp()"
        " WHERE job_id = $1 AND worker_no = $2");
    pg::AsRole owner(extension::extension_owner());
    finish.run({pg::int8(job), pg::int4(worker)});
    owner.end();
}

pg::Array<int> unfinished_workers(int64 job, int but) {
    static pg::Statement others(
        "SELECT w.worker_no FROM scout_internal.job_workers w WHERE w.job_id = $1 AND w.worker_no <> $2"
        " AND w.finished_at IS NULL");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = others.read_latest({pg::int8(job), pg::int4(but)});
    owner.end();
    pg::Array<int> out;
    for (uint64 i = 0; i < rows.count(); i++) out.push(rows.int4(i, 1));
    rows.free();
    return out;
}

bool has_chunks(int64 job) {
    static pg::Statement any("SELECT FROM scout_internal.job_chunks c WHERE c.job_id = $1 LIMIT 1");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = any.read_latest({pg::int8(job)});
    owner.end();
    const bool out = rows.count() > 0;
    rows.free();
    return out;
}

void set_state(const Record &r, const char *state, const Failure *error, bool paused) {
    static pg::Statement set(
        "UPDATE scout_internal.job_records SET state = $2, error_sqlstate = $3, error_message = $4,"
        " error_detail = $5, error_hint = $6, paused = $7,"
        " finished_at = CASE WHEN $2 = 'interrupted' THEN NULL ELSE clock_timestamp() END WHERE job_id = $1");
    static pg::Statement drop_rest("DELETE FROM scout_internal.job_chunks WHERE job_id = $1");
    const Failure f = error != nullptr ? *error : Failure{};
    pg::AsRole owner(extension::extension_owner());
    set.run({pg::int8(r.id), pg::text(state), pg::text_or_null(f.sqlstate), pg::text_or_null(f.message),
             pg::text_or_null(f.detail), pg::text_or_null(f.hint), pg::boolean(paused)});
    if (strcmp(state, "succeeded") == 0) drop_rest.run({pg::int8(r.id)});
    owner.end();
}

void request_cancel(int64 job, const char *by) {
    static pg::Statement request("UPDATE scout_internal.job_records SET cancelled_by = $2 WHERE job_id = $1");
    pg::AsRole owner(extension::extension_owner());
    request.run({pg::int8(job), pg::text(by)});
    owner.end();
}

void requeue(int64 job) {
    static pg::Statement again(
        "UPDATE scout_internal.job_records SET state = 'queued', cancelled_by = NULL, finished_at = NULL,"
        " next_attempt_at = NULL, error_sqlstate = NULL, error_message = NULL, error_detail = NULL,"
        " error_hint = NULL, paused = false, home = $2 WHERE job_id = $1");
    pg::AsRole owner(extension::extension_owner());
    again.run({pg::int8(job), pg::text(extension::home())});
    owner.end();
}

pg::Array<Waiting> waiting_jobs(bool interrupted, int limit) {
    static pg::Statement open_jobs(
        "SELECT r.job_id, r.session_role::text, r.acting_role::text, r.scheduled"
        " FROM scout_internal.open_jobs r WHERE r.home = $1 AND NOT r.is_worked_on"
        " AND (r.state = 'queued' OR $2 AND r.state IN ('running', 'interrupted'))"
        " AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= clock_timestamp())"
        " ORDER BY r.job_id LIMIT $3");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows =
        open_jobs.read_latest({pg::text(extension::home()), pg::boolean(interrupted), pg::int4(limit)});
    owner.end();
    pg::Array<Waiting> out;
    for (uint64 i = 0; i < rows.count(); i++)
        out.push({rows.int8(i, 1),
                  {pg::c_string(rows.text(i, 2)), pg::c_string(rows.text(i, 3)), rows.boolean(i, 4)}});
    rows.free();
    return out;
}

}  // namespace scout::jobs
