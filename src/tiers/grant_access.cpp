// grant_access() and revoke_access(): the three privilege tiers, reader (look), operator (runbook steps) and
// admin (configure), each of which includes the one before.
//
// A tier is nothing but grants: PostgreSQL's own privileges stay the only truth. Functions, views
// and state tables are granted by the extension's owner; the pipeline's relations by their owner, who
// is somebody else. Which function belongs to which tier is data, scout_internal.tiers().
//
// Commit publishes all grants of a call together with their entry in the timeline; abort and crash
// leave the privileges as they were.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/layout.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace scout::tiers {

namespace {

constexpr std::string_view tier_names[] = {"reader", "operator", "admin"};
constexpr int tier_count = 3, tier_operator = 1, tier_admin = 2;

struct Request {
    int tier;
    const char *tier_name;
    Oid role;
    const char *role_name, *role_quoted;
};

Request read_request(FunctionCallInfo fcinfo, const char *function) {
    Request r{};
    r.tier = -1;
    const char *given = PG_ARGISNULL(0) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(0));
    for (int i = 0; i < tier_count; i++)
        if (given != nullptr && pg_strcasecmp(given, tier_names[i].data()) == 0) r.tier = i;
    if (r.tier < 0)
        ereport(ERROR,
                errcode(given == nullptr ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
                given == nullptr ? errmsg("%s: tier must not be NULL", function)
                                 : errmsg("%s: unknown tier \"%s\"", function, given),
                errhint("Valid tiers are reader, operator and admin; each includes the ones before."));
    if (PG_ARGISNULL(1))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s: role must not be NULL", function),
                errhint("Valid values are the names of existing roles (SELECT rolname FROM pg_roles)."));
    r.tier_name = tier_names[r.tier].data();
    r.role_name = pstrdup(NameStr(*PG_GETARG_NAME(1)));
    // GRANT takes even a quoted "public" as everybody.
    if (strcmp(r.role_name, "public") == 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s: public is no role", function),
                errdetail("A privilege tier is never for everybody."),
                errhint("Valid values are the names of existing roles (SELECT rolname FROM pg_roles)."));
    r.role = get_role_oid(r.role_name, true);
    if (!OidIsValid(r.role))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("%s: role \"%s\" does not exist", function, r.role_name),
                errhint("Valid values are the names of existing roles (SELECT rolname FROM pg_roles)."));
    r.role_quoted = quote_identifier(r.role_name);
    return r;
}

// A list of objects for GRANT and REVOKE, and how many of them the role holds already.
struct Objects {
    const char *list;  // "a, b"; empty where there are none
    int count;
    int held;
};

Objects objects_of(const pg::Rows &rows) {
    StringInfoData list;
    initStringInfo(&list);
    Objects out{};
    for (uint64 i = 0; i < rows.count(); i++) {
        appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", pg::c_string(rows.text(i, 1)));
        out.count++;
        out.held += rows.boolean(i, 2);
    }
    out.list = list.data;
    return out;
}

// Functions of the extension in the tiers from `first` to `last`.
Objects functions(int first, int last, Oid role) {
    static pg::Statement members(
        "SELECT p.oid::regprocedure::text, EXISTS (SELECT 1 FROM aclexplode(p.proacl) a"
        "  WHERE a.grantee = $2::bigint::oid AND a.privilege_type = 'EXECUTE')"
        " FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND "
        "d.deptype = 'e'"
        " JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND "
        "e.extname = 'scout_ir'"
        " WHERE p.prokind = 'f' AND p.proname IN"
        "  (SELECT t.function_name FROM scout_internal.tiers() t WHERE t.tier = ANY ($1))"
        " ORDER BY 1");
    pg::Rows rows = members.run(
        {pg::text_array(tier_names + first, static_cast<size_t>(last - first + 1)), pg::int8(role)});
    Objects out = objects_of(rows);
    rows.free();
    return out;
}

// Views and state tables of the extension that a reader may look at.
Objects state_relations(Oid role) {
    static pg::Statement members(
        "SELECT c.oid::regclass::text, EXISTS (SELECT 1 FROM aclexplode(c.relacl) a"
        "  WHERE a.grantee = $1::bigint::oid AND a.privilege_type = 'SELECT')"
        " FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND "
        "d.deptype = 'e'"
        " JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND "
        "e.extname = 'scout_ir'"
        " WHERE d.objsubid = 0 AND"
        " (c.relkind = 'v' OR c.relkind = 'r' AND c.relname NOT IN ('job_chunks', 'circuit_breaker_counts'))"
        " ORDER BY 1");
    pg::Rows rows = members.run({pg::int8(role)});
    Objects out = objects_of(rows);
    rows.free();
    return out;
}

// Relations of the pipeline that belong to `owner`, with the materialized views beside them. The
// names are those of pipeline_layout().
Objects pipeline_relations(Oid owner, Oid role, const char *privilege, bool only_writable) {
    static pg::Statement of_owner(
        "SELECT format('%I.%I', 'scout', c.relname), EXISTS (SELECT 1 FROM aclexplode(c.relacl) a"
        "  WHERE a.grantee = $2::bigint::oid AND a.privilege_type = $3)"
        " FROM pg_class c WHERE c.relnamespace = 'scout'::regnamespace AND c.relowner = $1::bigint::oid"
        " AND CASE WHEN $4 THEN c.relname IN ('bronze_events', 'bronze_events_dlq')"
        "  ELSE c.relkind = 'm' OR (c.relkind IN ('r', 'p', 'f', 'v') AND c.relname IN"
        "   (SELECT l.object_name FROM scout_internal.pipeline_layout() l WHERE l.kind IN ('table', "
        "'materialized "
        "view'))) END"
        " ORDER BY 1");
    pg::Rows rows =
        of_owner.run({pg::int8(owner), pg::int8(role), pg::text(privilege), pg::boolean(only_writable)});
    Objects out = objects_of(rows);
    rows.free();
    return out;
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

class Privileges {
public:
    Privileges(const Request &r, bool grant) : r_(r), grant_(grant) {}

    void change(const char *privilege, const char *kind, const char *list) const {
        (void)pg::run_text(
            grant_ ? psprintf("GRANT %s ON %s %s TO %s", privilege, kind, list, r_.role_quoted)
                   : psprintf("REVOKE %s ON %s %s FROM %s", privilege, kind, list, r_.role_quoted));
    }
    // Returns how many objects were granted, or how many grants were really there to take.
    int change(const char *privilege, const char *kind, const Objects &objects) const {
        if (objects.count > 0) change(privilege, kind, objects.list);
        return grant_ ? objects.count : objects.held;
    }

private:
    const Request &r_;
    bool grant_;
};

// Tiers that the call is about: up to the named one, or from it upwards.
bool includes(const Request &r, bool grant, int tier) {
    return grant ? tier <= r.tier : tier >= r.tier;
}

void run(pg::Result &result, const Request &r, bool grant) {
    const Oid acting_role = GetUserId();
    const Privileges privileges(r, grant);
    pg::Session session(extension::extension_owner());

    const int function_count = privileges.change(
        "EXECUTE", "FUNCTION", functions(grant ? 0 : r.tier, grant ? r.tier : tier_count - 1, r.role));
    int relation_count = 0;
    if (includes(r, grant, 0)) {
        privileges.change("USAGE", "SCHEMA", extension::schema_name);
        relation_count += privileges.change("SELECT", "TABLE", state_relations(r.role));
    }
    // The one view that the runbook updates; it counts as readable already.
    if (includes(r, grant, tier_operator)) privileges.change("UPDATE", "TABLE", "scout.etl_alerts");

    const Oid owner = pipeline_owner();
    if (!grant && owner == r.role)
        ereport(ERROR, errcode(ERRCODE_OBJECT_IN_USE),
                errmsg("\"%s\" owns the pipeline: its access cannot be revoked", r.role_name),
                errhint("Give the tables another owner first (ALTER TABLE ... OWNER TO)."));
    if (OidIsValid(owner)) {
        const Objects readable = pipeline_relations(owner, r.role, "SELECT", false);
        const Objects writable = pipeline_relations(owner, r.role, "INSERT", true);
        pg::AsRole as_owner(owner);
        if (includes(r, grant, 0)) relation_count += privileges.change("SELECT", "TABLE", readable);
        // A relation that is read and written counts once, unless only the writing is taken.
        if (includes(r, grant, tier_operator)) {
            const int changed = privileges.change("INSERT", "TABLE", writable);
            if (!includes(r, grant, 0)) relation_count += changed;
        }
        as_owner.end();
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
    const tiers::Request r = tiers::read_request(fcinfo, "grant_access");
    pg::Result result(fcinfo);
    tiers::run(result, r, true);
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_revoke_access, 2) {
    using namespace scout;
    const tiers::Request r = tiers::read_request(fcinfo, "revoke_access");
    pg::Result result(fcinfo);
    tiers::run(result, r, false);
    return static_cast<Datum>(0);
}
