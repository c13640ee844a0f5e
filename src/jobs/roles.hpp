// With whose rights the workers of a job run, and who may have them run.
//
// A worker logs in as the role of the session that asked, and takes on the role that was in use there; a
// scheduled job's is the pipeline's owner. Nothing logs in as a superuser for somebody else. Whether the one
// role may be taken on by the other, the worker finds out for itself.
//
// The owner of the pipeline may be NOLOGIN where the server lets workers pass that by (17). Older ones do
// not: such a job fails with a hint.
//
// Job rows are written by the extension's owner. So one that names a superuser is worked on only if that
// owner is a superuser, too, and started only by a superuser's session, as the supervisor's tick is.
#pragma once

#include "jobs/store.hpp"
#include "pg/worker.hpp"

namespace scout::jobs {

enum class Start { may, not_by_this_session, cannot };

// `login_role` is set for `may`, `why` for `cannot`.
Start judge_start(const Roles &roles, Oid &login_role, Failure &why);

// How its workers log in: the pipeline's owner may be NOLOGIN, anybody else is kept out by it.
pg::Login login_of(bool scheduled);

// What a superuser asked for, or would be done as a superuser, is not for others to end or to start again:
// 42501 unless the caller is a superuser himself.
void require_standing(int64 job, const Roles &roles, const char *what);

// In a worker, in a transaction: takes on the role as SET ROLE does, for the session. 42704 where there is
// none, 42501 where the role that has logged in is no member.
void take_on(const char *role);

// The ERROR that `why` describes.
[[noreturn]] void raise(const Failure &why);

}  // namespace scout::jobs
