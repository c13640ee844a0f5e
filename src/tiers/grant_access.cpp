// grant_access() and revoke_access(): the three privilege tiers, reader (look), operator (runbook steps) and
// admin (configure), each of which includes the one before.
//
// A tier is nothing but grants: PostgreSQL's own privileges stay the only truth. Functions, views
// and state tables are granted by the extension's owner; the pipeline's relations by their owner, who
// is somebody else. What belongs to which tier is the registry's: tiers() and relation_tiers().
//
// Commit publishes all grants of a call together with their entry in the timeline; abort and crash
// leave the privileges as they were.

#include "audit/caller.hpp"
#include "extension/capability.hpp"
#include "extension/installed.hpp"
#include "extension/pipeline.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace scout::tiers {

namespace {

using extension::Tier;

constexpr std::string_view tier_names[] = {"reader", "operator", "admin"};
constexpr int tier_count = 3;
static_assert(static_cast<int>(Tier::reader) == 0 && static_cast<int>(Tier::operator_) == 1 &&
              static_cast<int>(Tier::admin) == 2);

struct Request {
    int tier;
    const char *tier_name;
    Oid role;
    const char *role_name, *role_quoted;
};

Request read_request(FunctionCallInfo fcinfo) {
    Request r{};
    r.tier = static_cast<int>(
        pg::word_argument(fcinfo, 0, "tier", tier_names, tier_count,
                          "Valid tiers are reader, operator and admin; each includes the ones before."));
    pg::refuse_null(fcinfo, 1, "role",
                    "Valid values are the names of existing roles (SELECT rolname FROM pg_roles).");
    r.tier_name = tier_names[r.tier].data();
    r.role_name = pstrdup(NameStr(*PG_GETARG_NAME(1)));
    // GRANT takes even a quoted "public" as everybody.
    if (strcmp(r.role_name, "public") == 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("public is no role"),
                errdetail("A privilege tier is never for everybody."),
                errhint("Valid values are the names of existing roles (SELECT rolname FROM pg_roles)."));
    r.role = get_role_oid(r.role_name, true);
    if (!OidIsValid(r.role))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", r.role_name),
                errhint("Valid values are the names of existing roles (SELECT rolname FROM pg_roles)."));
    r.role_quoted = quote_identifier(r.role_name);
    return r;
}

// The tiers that a call is about: up to the named one, or from it upwards.
pg::Param tiers_of(const Request &r, bool grant) {
    const int first = grant ? 0 : r.tier, last = grant ? r.tier : tier_count - 1;
    return pg::text_array(tier_names + first, static_cast<size_t>(last - first + 1));
}

// Objects for GRANT and REVOKE; rows are (object, counts?, privilege) in the order of their privileges.
// Grants, or takes, each privilege on all of its objects; returns how many rows count.
int change(const pg::Rows &rows, const char *kind, const Request &r, bool grant) {
    int changed = 0;
    for (uint64 i = 0; i < rows.count();) {
        const std::string_view privilege = rows.text(i, 3);
        StringInfoData list;
        initStringInfo(&list);
        for (; i < rows.count() && rows.text(i, 3) == privilege; i++) {
            appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", pg::c_string(rows.text(i, 1)));
            changed += rows.boolean(i, 2);
        }
        (void)pg::run_text(psprintf(grant ? "GRANT %s ON %s %s TO %s" : "REVOKE %s ON %s %s FROM %s",
                                    pg::c_string(privilege), kind, list.data, r.role_quoted));
    }
    return changed;
}

#define MEMBERS                                                                                      \
    "WITH member AS (SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e"                 \
    "  ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'scout_ir'" \
    "  WHERE d.deptype = 'e' AND d.objsubid = 0)"

int change_functions(const Request &r, bool grant) {
    static pg::Statement functions(
        MEMBERS
        " SELECT f.name, $3 OR f.held, 'EXECUTE' FROM (SELECT p.oid::regprocedure::text AS name,"
        "   EXISTS (SELECT FROM aclexplode(p.proacl) a"
        "    WHERE a.grantee = $2::bigint::oid AND a.privilege_type = 'EXECUTE') AS held"
        "  FROM scout_internal.tiers() t JOIN pg_namespace n ON n.nspname = t.schema_name"
        "  JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = t.function_name"
        "  JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid"
        "  WHERE t.tier = ANY ($1)) f ORDER BY f.name");
    return change(functions.run({tiers_of(r, grant), pg::int8(r.role), pg::boolean(grant)}), "FUNCTION", r,
                  grant);
}

// A relation counts once, whatever may be done with it.
#define EACH_ONCE                                                                                    \
    " SELECT o.name, row_number() OVER (PARTITION BY o.name, $3 OR o.held ORDER BY o.privilege) = 1" \
    " AND ($3 OR o.held), o.privilege"                                                               \
    " FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name, t.privilege,"                      \
    "  EXISTS (SELECT FROM aclexplode(c.relacl) a"                                                   \
    "   WHERE a.grantee = $2::bigint::oid AND a.privilege_type = t.privilege) AS held"

// Views and state tables of the extension.
int change_members(const Request &r, bool grant) {
    static pg::Statement relations(
        MEMBERS EACH_ONCE
        " FROM scout_internal.relation_tiers() t JOIN pg_namespace n ON n.nspname = t.schema_name"
        " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.relation_name"
        " JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid"
        " WHERE t.is_member AND t.tier = ANY ($1)) o ORDER BY o.privilege, o.name");
    return change(relations.run({tiers_of(r, grant), pg::int8(r.role), pg::boolean(grant)}), "TABLE", r,
                  grant);
}

// The pipeline's relations, and the materialized views beside them, as far as they are `owner`'s.
int change_pipeline(const Request &r, bool grant, Oid owner) {
    static pg::Statement relations(
        "WITH tier AS (SELECT t.relation_name, t.privilege, t.tier FROM scout_internal.relation_tiers() t"
        "  WHERE NOT t.is_member"
        "  UNION SELECT c.relname::text, 'SELECT', 'reader' FROM pg_class c"
        "  WHERE c.relkind = 'm' AND c.relnamespace = 'scout'::regnamespace)" EACH_ONCE
        " FROM tier t JOIN pg_class c ON c.relname = t.relation_name"
        " AND c.relkind IN ('r', 'p', 'f', 'v', 'm')"
        " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'scout'"
        " WHERE c.relowner = $4::bigint::oid AND t.tier = ANY ($1)) o ORDER BY o.privilege, o.name");
    pg::Rows rows =
        relations.run({tiers_of(r, grant), pg::int8(r.role), pg::boolean(grant), pg::int8(owner)});
    pg::AsRole as_owner(owner);
    const int changed = change(rows, "TABLE", r, grant);
    as_owner.end();
    return changed;
}

// The owner of bronze stands for the pipeline; InvalidOid where there is none. An incomplete pipeline
// must not keep a privilege from being taken away, so this asks for no more.
Oid pipeline_owner() {
    static pg::Statement owner("SELECT c.relowner::bigint FROM pg_class c WHERE c.oid = $1::bigint::oid");
    const Oid bronze = extension::relation_oid("bronze_events");
    if (!OidIsValid(bronze)) return InvalidOid;
    pg::Rows rows = owner.run({pg::int8(bronze)});
    const Oid out = rows.count() == 0 ? InvalidOid : static_cast<Oid>(rows.int8(0, 1));
    rows.free();
    return out;
}

void run(pg::Result &result, const Request &r, bool grant) {
    const Oid acting_role = GetUserId();
    pg::Session session(extension::extension_owner());

    const int function_count = change_functions(r, grant);
    if (grant || r.tier == 0)
        (void)pg::run_text(
            psprintf(grant ? "GRANT USAGE ON SCHEMA %s TO %s" : "REVOKE USAGE ON SCHEMA %s FROM %s",
                     extension::schema_name, r.role_quoted));
    int relation_count = change_members(r, grant);

    const Oid owner = pipeline_owner();
    if (!grant && owner == r.role)
        ereport(
            ERROR, errcode(ERRCODE_OBJECT_IN_USE),
            errmsg("\"%s\" owns the pipeline: its access cannot be revoked", r.role_name),
            errhint(
                "Give the tables another owner first: SELECT * FROM scout.create_pipeline(owner => 'role')"));
    if (OidIsValid(owner)) {
        relation_count += change_pipeline(r, grant, owner);
    } else if (grant) {
        ereport(NOTICE, errmsg("the pipeline is not there yet: nothing was granted on its tables"),
                errhint("After scout.create_pipeline() call again: SELECT scout.grant_access(%s, %s)",
                        quote_literal_cstr(r.tier_name), quote_literal_cstr(r.role_name)));
    }

    audit::Json arguments, counts;
    arguments.add("tier", r.tier_name).add("role", r.role_name);
    counts.add("functions", static_cast<int64>(function_count))
        .add("relations", static_cast<int64>(relation_count));
    audit::record(grant ? "grant_access" : "revoke_access", acting_role, arguments,
                  grant ? "granted" : "revoked", counts);

    NameData name;
    namestrcpy(&name, r.role_name);
    result.datum(NameGetDatum(&name)).text(r.tier_name).int4(function_count).int4(relation_count);
    result.end_row();
    session.end();
}

}  // namespace

}  // namespace scout::tiers

SCOUT_ACTION(scout_grant_access, 2) {
    using namespace scout;
    const tiers::Request r = tiers::read_request(fcinfo);
    pg::Result result(fcinfo);
    tiers::run(result, r, true);
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_revoke_access, 2) {
    using namespace scout;
    const tiers::Request r = tiers::read_request(fcinfo);
    pg::Result result(fcinfo);
    tiers::run(result, r, false);
    return static_cast<Datum>(0);
}
