// protect_sessions() and unprotect_sessions(): whom no action on sessions may touch.
//
// A row names a login role, an application, or both; NULL is any. A change holds from the first call
// that starts after its commit; abort and crash leave the list as it was.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "sessions/action.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace scout::sessions {

const char *protection_of(const Target &t) {
    static pg::Statement protection(
        "SELECT p.reason FROM scout_internal.protected_sessions p"
        " WHERE (p.role IS NULL OR p.role::text = $1) AND (p.application IS NULL OR p.application = $2)"
        " ORDER BY p.protected_at LIMIT 1");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows =
        protection.read_latest({pg::text_or_null(t.usename), pg::text_or_null(t.application_name)});
    owner.end();
    const char *reason = rows.count() == 0 ? nullptr : pg::c_string(rows.text(0, 1));
    rows.free();
    return reason;
}

namespace {

struct Request {
    const char *role, *application;  // NULL: any
};

Request read_request(FunctionCallInfo fcinfo) {
    Request r{};
    r.role = PG_ARGISNULL(0) ? nullptr : pstrdup(NameStr(*PG_GETARG_NAME(0)));
    r.application = pg::unblank_text(fcinfo, 1, "application");
    if (r.role == nullptr && r.application == nullptr)
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                errmsg("role and application must not both be NULL"),
                errhint("Name a login role, an application_name, or both."));
    return r;
}

void finish(pg::Result &result, const char *function, const Request &r, const char *reason,
            const char *status, Oid acting_role) {
    audit::Json arguments, counts;
    arguments.add_or_null("role", r.role).add_or_null("application", r.application);
    arguments.add_or_null("reason", reason);
    audit::record(function, acting_role, arguments, status, counts);
    if (r.role == nullptr)
        result.null();
    else
        result.datum(DirectFunctionCall1(namein, CStringGetDatum(r.role)));
    result.text_or_null(r.application).text_or_null(reason).text(status);
    result.end_row();
}

}  // namespace

}  // namespace scout::sessions

SCOUT_ACTION(scout_protect_sessions, 3) {
    using namespace scout;
    using namespace scout::sessions;
    static pg::Statement protect(
        "INSERT INTO scout_internal.protected_sessions AS p (role, application, reason, protected_by)"
        " VALUES ($1::text::name, $2, $3, $4)"
        " ON CONFLICT (coalesce(role, ''), coalesce(application, '')) DO UPDATE SET reason = excluded.reason,"
        " protected_at = excluded.protected_at, protected_by = excluded.protected_by");
    const Request r = read_request(fcinfo);
    const char *reason = pg::c_string(pg::required_text(
        fcinfo, 2, "reason", "Say why, for whoever is refused: reason => 'nightly payroll'."));
    if (r.role != nullptr && !OidIsValid(get_role_oid(r.role, true)))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", r.role),
                errhint("Valid values are the names of existing roles (SELECT rolname FROM pg_roles)."));
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    protect.run(
        {pg::text_or_null(r.role), pg::text_or_null(r.application), pg::text(reason), pg::text(actor)});
    owner.end();
    finish(result, "protect_sessions", r, reason, "protected", role);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_unprotect_sessions, 2) {
    using namespace scout;
    using namespace scout::sessions;
    static pg::Statement unprotect(
        "DELETE FROM scout_internal.protected_sessions p WHERE p.role::text IS NOT DISTINCT FROM $1"
        " AND p.application IS NOT DISTINCT FROM $2 RETURNING p.reason");
    const Request r = read_request(fcinfo);
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = unprotect.run({pg::text_or_null(r.role), pg::text_or_null(r.application)});
    owner.end();
    const bool found = rows.count() > 0;
    finish(result, "unprotect_sessions", r, found ? pg::c_string(rows.text(0, 1)) : nullptr,
           found ? "no longer protected" : "was not protected", role);
    session.end();
    return static_cast<Datum>(0);
}
