#include "extension/tiers.hpp"

#include "extension/pipeline.hpp"
#include "pg/relation.hpp"

namespace scout::extension {

namespace {

// Each tier has a marker among its functions: who may execute it has the tier.
bool may_execute(const char *marker) {
    const Oid function = pg::function_oid(get_namespace_oid(internal_schema_name, false), marker, nullptr, 0);
    return OidIsValid(function) && pg::may_execute(function);
}

}  // namespace

bool is_operator() {
    return may_execute("operator_tier");
}

bool is_admin() {
    return may_execute("admin_tier");
}

void require_operator(const char *what) {
    if (is_operator()) return;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for %s", what),
            errdetail("Role \"%s\" is not an operator.", GetUserNameFromId(GetUserId(), false)),
            errhint("An admin can grant it: SELECT scout.grant_access('operator', %s)",
                    quote_literal_cstr(GetUserNameFromId(GetUserId(), false))));
}

}  // namespace scout::extension
