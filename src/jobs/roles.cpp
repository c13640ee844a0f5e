#include "jobs/roles.hpp"

#include "extension/installed.hpp"
#include "pg/sessions.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
}

namespace scout::jobs {

namespace {

bool is_superuser(const char *role) {
    const Oid oid = get_role_oid(role, true);
    return OidIsValid(oid) && superuser_arg(oid);
}

// Which of its roles makes it a superuser's; nullptr: none.
const char *superuser_of(const Roles &roles) {
    if (is_superuser(roles.session_role)) return roles.session_role;
    return is_superuser(roles.acting_role) ? roles.acting_role : nullptr;
}

bool may_pass_login(Oid role, bool scheduled) {
    return pg::may_log_in(role) || (login_of(scheduled) == pg::Login::past_nologin && pg::can_pass_nologin());
}

}  // namespace

pg::Login login_of(bool scheduled) {
    return scheduled ? pg::Login::past_nologin : pg::Login::as_clients;
}

Start judge_start(const Roles &roles, Oid &login_role, Failure &why) {
    const char *name = roles.session_role, *quoted = quote_identifier(name);
    login_role = get_role_oid(name, true);
    if (!OidIsValid(login_role)) {
        why = {"42704", psprintf("role \"%s\" does not exist", name), "It asked for this job.",
               "Ask for the work again as another role."};
        return Start::cannot;
    }
    if (!may_pass_login(login_role, roles.scheduled)) {
        why = {"28000", psprintf("role \"%s\" is not permitted to log in", name),
               roles.scheduled ? "Workers of scheduled jobs log in as the owner of the pipeline."
                               : "Workers log in as the role of the session that asked for the job.",
               psprintf("ALTER ROLE %s LOGIN CONNECTION LIMIT 0: workers log in, clients do not.", quoted)};
        return Start::cannot;
    }
    const char *database = get_database_name(MyDatabaseId);
    if (!pg::may_connect(login_role)) {
        why = {"42501", psprintf("permission denied for database \"%s\"", database),
               psprintf("Workers log in as \"%s\".", name),
               psprintf("GRANT CONNECT ON DATABASE %s TO %s", quote_identifier(database), quoted)};
        return Start::cannot;
    }
    const char *superuser = superuser_of(roles);
    if (superuser == nullptr) return Start::may;
    if (!superuser_arg(extension::extension_owner())) {
        why = {"42501", psprintf("no job runs as superuser \"%s\"", superuser),
               "The extension's owner, who can write job rows, is no superuser.",
               "Ask for the work again as another role; "
               "the pipeline's tables are to belong to one that is no superuser."};
        return Start::cannot;
    }
    return superuser_arg(GetSessionUserId()) || pg::caller_is_superuser() ? Start::may
                                                                          : Start::not_by_this_session;
}

void require_standing(int64 job, const Roles &roles, const char *what) {
    const char *superuser = superuser_of(roles);
    if (superuser == nullptr || pg::caller_is_superuser()) return;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied to %s job %lld", what, static_cast<long long>(job)),
            errdetail(superuser == roles.session_role ? "It was asked for by superuser \"%s\"."
                                                      : "It was asked for as superuser \"%s\".",
                      superuser),
            errhint("A superuser can do it."));
}

void take_on(const char *role) {
    const char *login_role = GetUserNameFromId(GetSessionUserId(), false);
    const Oid wanted = get_role_oid(role, true);
    if (!OidIsValid(wanted))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", role),
                errdetail("It was in use where the job was asked for."),
                errhint("Ask for the work again as another role."));
    if (!pg::may_set_role(GetSessionUserId(), wanted))
        ereport(
            ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("permission denied to set role \"%s\"", role),
            errdetail("It was in use where the job was asked for. A worker logs in as \"%s\", which may not "
                      "take it on any more.",
                      login_role),
            errhint("GRANT %s TO %s, or ask for the work again as another role.", quote_identifier(role),
                    quote_identifier(login_role)));
    SetConfigOption("role", role, PGC_USERSET, PGC_S_SESSION);
}

void raise(const Failure &why) {
    const char *s = why.sqlstate;
    ereport(ERROR, errcode(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4])), errmsg_internal("%s", why.message),
            why.detail != nullptr ? errdetail_internal("%s", why.detail) : 0,
            why.hint != nullptr ? errhint("%s", why.hint) : 0);
    pg_unreachable();
}

}  // namespace scout::jobs
