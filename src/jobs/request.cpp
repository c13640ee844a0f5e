#include "jobs/request.hpp"

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "jobs/launch.hpp"
#include "jobs/roles.hpp"
#include "jobs/settings.hpp"
#include "pg/guard.hpp"
#include "pg/handover.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

extern "C" {
#include "tcop/utility.h"
}

namespace scout::jobs {

namespace {

constexpr long first_look_ms = 20, look_ms = 1000;
constexpr int64 second = 1000000;

pg::WaitEvent job_wait("ScoutIrJobEnd");

bool is_queued(const Record &r) {
    return strcmp(r.state, "queued") == 0;
}

bool stored_running(const Record &r) {
    return strcmp(r.state, "running") == 0;
}

// "45 % (90000 of 200000 events), 52000 a second, about 2 s left"
void show_progress(const Record &r) {
    StringInfoData line;
    initStringInfo(&line);
    const auto done = static_cast<long long>(r.done.done), total = static_cast<long long>(r.total);
    appendStringInfo(&line, "job %lld, %s: ", static_cast<long long>(r.id), r.kind);
    if (is_queued(r)) {
        appendStringInfoString(&line, "queued: no worker is free");
    } else if (total > 0) {
        appendStringInfo(&line, "%d %% (%lld of %lld %s)",
                         static_cast<int>(std::min(100LL, done * 100 / total)), done, total, r.unit);
    } else {
        appendStringInfo(&line, "%lld %s", done, r.unit);
    }
    const int64 elapsed = GetCurrentTimestamp() - r.attempt_at;
    const int64 fresh = r.done.done - r.done_before;
    if (fresh > 0 && elapsed > 0) {
        const double rate = static_cast<double>(fresh) * second / static_cast<double>(elapsed);
        appendStringInfo(&line, ", %.0f a second", rate);
        if (total > done)
            appendStringInfo(&line, ", about %.0f s left", static_cast<double>(total - done) / rate);
    }
    ereport(NOTICE, errmsg_internal("%s", line.data));
    pfree(line.data);
}

// A lock that this session holds would keep the worker waiting for us for ever, also through others, as
// DROP EXTENSION: the deadlock detector does not see that we wait for the worker. `pid` is a worker that
// has not begun, 0: none.
void refuse_to_block(int64 job, int pid) {
    static pg::Statement blocked(
        "WITH RECURSIVE waits(pid) AS (SELECT unnest(scout_internal.job_pids($1))"
        " UNION SELECT $2 WHERE $2 <> 0"
        " UNION SELECT b.pid FROM waits w, unnest(pg_blocking_pids(w.pid)) b(pid))"
        " SELECT FROM waits w WHERE w.pid = pg_backend_pid()");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = blocked.read_latest({pg::int8(job), pg::int4(pid)});
    owner.end();
    const bool is_blocked = rows.count() > 0;
    rows.free();
    if (!is_blocked) return;
    ereport(
        ERROR, errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
        job == 0 ? errmsg("the job's worker waits for a lock that this session holds")
                 : errmsg("job %lld waits for a lock that this session holds", static_cast<long long>(job)),
        errdetail("Its worker waits for this session, or for one that does, and this session for the job."),
        errhint("End the transaction or release the lock first, or call with wait => false."));
}

// A worker logs in as the session's role. Where code of somebody else runs in the session of a superuser, by
// SECURITY DEFINER or because a maintenance command or a look has taken on the role of a table's owner, that
// login is not its to ask for. A restricted operation's never is.
void require_own_session() {
    const bool borrowed =
        InLocalUserIdChange() && superuser_arg(GetSessionUserId()) && !superuser_arg(GetUserId());
    if (!InSecurityRestrictedOperation() && !borrowed) return;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied to ask for a job in the session of \"%s\"",
                   GetUserNameFromId(GetSessionUserId(), false)),
            errdetail("A job's worker logs in as the session's role, and what asks is run as \"%s\" %s.",
                      GetUserNameFromId(GetUserId(), false),
                      borrowed ? "for a superuser" : "in a security-restricted operation"),
            errhint("Call it in a session of a role that may, without SECURITY DEFINER."));
}

// Said now, and not by a job that cannot begin.
void require_roles_of_a_worker() {
    require_own_session();
    const Oid role = GetUserId();
    const char *session_name = GetUserNameFromId(GetSessionUserId(), false),
               *name = GetUserNameFromId(role, false);
    Oid login_role;
    Failure why;
    if (judge_start({session_name, name, false}, login_role, why) == Start::cannot) raise(why);
    if (!pg::may_set_role(login_role, role))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("role \"%s\" may not act as \"%s\"", session_name, name),
                errdetail("A job's worker logs in as the session's role and takes on the current one."),
                errhint("Call it without SECURITY DEFINER, "
                        "or in a transaction block: there the session does the work."));
}

void require_workers(const char *kind) {
    if (!pg::no_workers_here()) return;
    PreventCommandDuringRecovery(kind);
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("%s: no background worker runs in this mode of the server", kind));
}

// Waits until the worker has made the job, or said why not. 0: the caller should try again (no slot).
int64 hand_to_worker(const Request &request, pg::HandedOver &handed, BackgroundWorkerHandle *&worker) {
    char *workers = psprintf("%d", request.workers);
    const char *const strings[] = {request.kind, request.arguments, workers, audit::claims(),
                                   request.idempotency_key};
    handed = pg::hand_over(strings, std::size(strings));
    const JobStart start{
        MyDatabaseId,   GetSessionUserId(), GetUserId(), 0, 0, dsm_segment_handle(handed.segment),
        login_of(false)};
    for (int64 refused_at = 0; !start_worker(start, &worker);) {
        const TimestampTz now = GetCurrentTimestamp();
        if (now - refused_at > 30 * second) {
            ereport(NOTICE, errmsg("no background worker slot is free: waiting for one"),
                    errhint("max_worker_processes is %d; SELECT * FROM pg_stat_activity shows who has them.",
                            max_worker_processes));
            refused_at = now;
        }
        pg::require_client();
        pg::doze(500, job_wait);
    }
    TimestampTz looked = GetCurrentTimestamp();
    for (;;) {
        pid_t pid = 0;
        const BgwHandleStatus status = GetBackgroundWorkerPid(worker, &pid);
        if (status == BGWH_POSTMASTER_DIED)
            ereport(FATAL, errcode(ERRCODE_ADMIN_SHUTDOWN), errmsg("the postmaster has died"));
        const auto job = static_cast<int64>(pg_atomic_read_u64(&handed.shared->answer));
        if (job != 0) return job;
        if (pg_atomic_read_u32(&handed.shared->refused) != 0) {
            const pg::Handover &why = *handed.shared;
            ereport(ERROR, errcode(why.sqlstate), errmsg_internal("%s", pstrdup(why.message)),
                    why.detail[0] != '\0' ? errdetail_internal("%s", pstrdup(why.detail)) : 0,
                    why.hint[0] != '\0' ? errhint("%s", pstrdup(why.hint)) : 0);
        }
        if (status == BGWH_STOPPED)
            ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the background worker ended before it began"), errdetail("Nothing was done."),
                    errhint("The server log says why. Workers log in as \"%s\", which must be allowed to, "
                            "and need a free connection.",
                            GetUserNameFromId(GetSessionUserId(), false)));
        if (const TimestampTz now = GetCurrentTimestamp(); now - looked >= second) {
            refuse_to_block(0, status == BGWH_STARTED ? static_cast<int>(pid) : 0);
            pg::require_client();
            looked = now;
        }
        pg::doze(look_ms, job_wait);
    }
}

// Locks go with each look: who waits must not stand in the way of DROP EXTENSION, nor of the worker that
// would queue behind it.
bool look(int64 job, Record &r) {
    bool found = false;
    ErrorData *error = pg::attempt([&] { found = read(job, r); }, false);
    if (error != nullptr) ReThrowError(error);
    return found;
}

// Has the process that was to do it died before it registered?
bool died_before(BackgroundWorkerHandle *worker) {
    pid_t pid;
    return worker != nullptr && GetBackgroundWorkerPid(worker, &pid) == BGWH_STOPPED;
}

[[noreturn]] void raise_failure(const Record &r) {
    const char *state = r.error_sqlstate;
    const int code = state != nullptr && strlen(state) == 5
                         ? MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4])
                         : ERRCODE_ADMIN_SHUTDOWN;
    ereport(
        ERROR, errcode(code),
        errmsg("%s: %s", r.kind, r.error_message != nullptr ? r.error_message : "its workers have died"),
        errdetail("Job %lld is %s: %lld of %lld %s are done and stay done.%s%s", static_cast<long long>(r.id),
                  stored_running(r) ? "interrupted" : r.state, static_cast<long long>(r.done.done),
                  static_cast<long long>(r.total), r.unit, r.error_detail != nullptr ? " " : "",
                  r.error_detail != nullptr ? r.error_detail : ""),
        errhint("SELECT * FROM scout.resume_job(%lld) goes on from there.%s%s", static_cast<long long>(r.id),
                r.error_hint != nullptr ? " " : "", r.error_hint != nullptr ? r.error_hint : ""));
    pg_unreachable();
}

Outcome outcome_of(const Record &r) {
    return {r.id, r.state, r.done, r.created_at, GetCurrentTimestamp()};
}

}  // namespace

bool runs_here(const char *what) {
    if (!IsTransactionBlock() && !IsSubTransaction() && !IsInParallelMode() &&
        !TransactionIdIsValid(GetTopTransactionIdIfAny()))
        return false;
    ereport(NOTICE, errmsg("%s in this transaction: all of it commits, or nothing", what),
            errhint("Outside of a transaction block workers do it and commit each batch; "
                    "wait => false asks for that from here."));
    return true;
}

bool await(int64 job, int64 timeout_ms, Record &r, BackgroundWorkerHandle *worker) {
    const TimestampTz started = GetCurrentTimestamp();
    TimestampTz shown = started, checked = started;
    long pause = first_look_ms;
    MemoryContext looks =
        AllocSetContextCreateInternal(CurrentMemoryContext, "scout_ir looks at a job", ALLOCSET_SMALL_SIZES);
    MemoryContext outer = MemoryContextSwitchTo(looks);
    for (bool sure = false;;) {
        MemoryContextReset(looks);  // the record's texts are the newest look's
        if (!look(job, r))
            ereport(ERROR, errcode(ERRCODE_NO_DATA_FOUND),
                    errmsg("job %lld is not there any more", static_cast<long long>(job)));
        // Looked at again: it may have ended between the two looks.
        const bool left = stored_running(r) ? !is_worked_on(r) : is_queued(r) && died_before(worker);
        if (r.ended() || strcmp(r.state, "interrupted") == 0 || (left && sure)) break;
        sure = left;
        if (left) continue;
        const TimestampTz now = GetCurrentTimestamp();
        if (progress_interval > 0 && now - shown >= progress_interval * second) {
            show_progress(r);
            shown = now;
        }
        if (now - checked >= second) {
            refuse_to_block(job, 0);
            pg::require_client();
            checked = now;
        }
        const int64 time_left = timeout_ms < 0 ? look_ms : timeout_ms - (now - started) / 1000;
        if (time_left <= 0) {
            MemoryContextSwitchTo(outer);
            return false;
        }
        pg::doze(std::min({pause, look_ms, static_cast<long>(time_left)}), job_wait);
        pause = std::min(pause * 2, 250L);
    }
    MemoryContextSwitchTo(outer);
    return true;
}

Outcome submit(const Request &request, bool wait) {
    require_workers(request.kind);
    warn_of_unstarted();
    require_roles_of_a_worker();
    Record r{};
    int64 job = find_by_key(request.idempotency_key);
    if (job != 0) require_same_request(request, job);
    if (!wait) {
        bool made = false;
        if (job == 0) job = create(request, made);
        if (made) start_at_commit({MyDatabaseId, GetSessionUserId(), InvalidOid, job, 0, 0, login_of(false)});
        (void)read(job, r);
        return outcome_of(r);
    }
    PreventCommandIfReadOnly(request.kind);
    pg::HandedOver handed{};
    BackgroundWorkerHandle *worker = nullptr;
    if (job == 0) job = hand_to_worker(request, handed, worker);
    (void)await(job, -1, r, worker);
    if (handed.segment != nullptr) pg::release(handed);
    if (r.error_message != nullptr && strcmp(r.state, "interrupted") == 0) {
        ereport(WARNING, errmsg("job %lld is interrupted: %s", static_cast<long long>(job), r.error_message),
                errhint("SELECT * FROM scout.resume_job(%lld) goes on from where it is.",
                        static_cast<long long>(job)));
        return outcome_of(r);
    }
    if (strcmp(r.state, "succeeded") != 0) raise_failure(r);
    return outcome_of(r);
}

int workers_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    const int limit = std::max(max_workers, 1);
    if (PG_ARGISNULL(number) || PG_GETARG_INT32(number) < 1 || PG_GETARG_INT32(number) > limit)
        ereport(
            ERROR,
            errcode(PG_ARGISNULL(number) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("%s must be between 1 and %d", name, limit),
            errhint("The limit is the setting scout_ir.max_workers."));
    return PG_GETARG_INT32(number);
}

}  // namespace scout::jobs
