#include "extension/tiers.hpp"

#include "extension/pipeline.hpp"
#include "pg/relation.hpp"

namespace scout::extension {

namespace {

bool may_execute(const char *name, const Oid *types, int count) {
    const Oid function = pg::function_oid(get_namespace_oid(schema_name, false), name, types, count);
    return OidIsValid(function) && pg::may_execute(function);
}

}  // namespace

// A role is an operator if it may execute load_silver_from_bronze.
bool is_operator() {
    const Oid types[] = {INT4OID, BOOLOID};
    return may_execute("load_silver_from_bronze", types, 2);
}

// And an admin if it may execute set_rule.
bool is_admin() {
    const Oid types[] = {TEXTOID, BOOLOID, TEXTOID, NUMERICOID};
    return may_execute("set_rule", types, 4);
}

void require_operator(const char *what) {
    if (is_operator()) return;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for %s", what),
            errdetail("Role \"%s\" is not an operator.", GetUserNameFromId(GetUserId(), false)),
            errhint("An admin can grant it: SELECT scout.grant_access('operator', '%s')",
                    GetUserNameFromId(GetUserId(), false)));
}

}  // namespace scout::extension
