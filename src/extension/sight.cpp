#include "extension/sight.hpp"

#include "extension/pipeline.hpp"
#include "pg/reads.hpp"
#include "pg/relation.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "utils/acl.h"
}

namespace scout::extension {

namespace {

bool all_seen(const pg::Array<Oid> &relations, Oid role) {
    for (const Oid relation : relations)
        if (!pg::sees_all(relation, role)) return false;
    return true;
}

// Has each of these all rights of `role`? Then their code gains nothing by running as that one.
bool is_below_all(Oid role, const pg::Array<Oid> &owners) {
    for (const Oid owner : owners)
        if (owner != role && !has_privs_of_role(owner, role)) return false;
    return true;
}

// Does `role` have rights that an owner's code must not get: his and more, or those of the pipeline's owner?
// One owner's relations are looked at as in any query of the role's. Of several, each must stand above it, as
// the pipeline's owner does above all who lack his rights.
bool is_above_or_beside(Oid role, const pg::Array<Oid> &owners) {
    const pg::Array<Oid> tables = pipeline_tables();
    const Oid pipeline_owner = tables.empty() ? InvalidOid : pg::owner_of(tables[0]);
    const bool as_pipeline = OidIsValid(pipeline_owner) && has_privs_of_role(role, pipeline_owner);
    for (const Oid owner : owners) {
        if (owner == role || has_privs_of_role(owner, role)) continue;
        if (has_privs_of_role(role, owner)) return true;
        if (as_pipeline && !has_privs_of_role(owner, pipeline_owner)) return true;
        if (owners.size() > 1 && owner != pipeline_owner) return true;
    }
    return false;
}

// A superuser, or a role whose rights reach the server's files and programs, and so the superuser's.
bool commands_server(Oid role) {
    return has_privs_of_role(role, ROLE_PG_EXECUTE_SERVER_PROGRAM) ||
           has_privs_of_role(role, ROLE_PG_WRITE_SERVER_FILES) ||
           has_privs_of_role(role, ROLE_PG_READ_SERVER_FILES);
}

// Nobody gets to look as a superuser who is none.
bool may_look_as(Oid caller, Oid owner, bool caller_sees_all) {
    return has_privs_of_role(caller, owner) ||
           (caller_sees_all && (!superuser_arg(owner) || superuser_arg(caller)));
}

void add_owner(pg::Array<Oid> &owners, Oid relation) {
    const Oid owner = pg::owner_of(relation);
    if (OidIsValid(owner) && std::find(owners.begin(), owners.end(), owner) == owners.end())
        owners.push(owner);
}

// What a look as an owner shows must be what `role` sees in a query of its own. Below a view that is what the
// view's owner sees, unless a view reads as its invoker, or policies apply there, which may ask who selects.
bool sees_all_below(Oid role, const pg::Array<Oid> &named, const pg::Array<Oid> &read,
                    const pg::Array<Oid> &owners) {
    bool by_invoker = false;
    for (const Oid relation : read) by_invoker = by_invoker || pg::reads_as_invoker(relation);
    for (const Oid relation : read) {
        if (pg::sees_all(relation, role)) continue;
        if (by_invoker || std::find(named.begin(), named.end(), relation) != named.end()) return false;
        for (const Oid owner : owners)
            if (pg::has_policies_for(relation, owner)) return false;
    }
    return true;
}

// He could change who looks at his relation by taking away his own privilege.
void require_owner_reads(Oid relation) {
    const Oid owner = pg::owner_of(relation);
    if (!OidIsValid(owner) || pg_class_aclcheck(relation, owner, ACL_SELECT) == ACLCHECK_OK) return;
    const char *name =
        quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
    const char *role = GetUserNameFromId(owner, false);
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("\"%s\" may not read %s, which it owns", role, name),
            errdetail("A relation is looked at with the rights of its owner."),
            errhint("Let it read it: GRANT SELECT ON %s TO %s", name, quote_identifier(role)));
}

[[noreturn]] void refuse_hidden_rows(Oid owner, const pg::Array<Oid> &relations) {
    for (const Oid relation : relations) {
        if (pg::sees_all(relation, owner)) continue;
        const char *name = quote_qualified_identifier(schema_name, get_rel_name(relation));
        ereport(
            ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("\"%s\" does not see all of its own rows in %s", GetUserNameFromId(owner, false), name),
            errdetail("A look with the rights of the pipeline's owner would leave "
                      "out rows without saying so."),
            errhint("Let it read them: ALTER TABLE %s NO FORCE ROW LEVEL SECURITY,"
                    " or GRANT SELECT ON %s TO %s",
                    name, name, quote_identifier(GetUserNameFromId(owner, false))));
    }
    pg_unreachable();
}

}  // namespace

Oid pipeline_reader() {
    const Oid caller = GetUserId();
    const pg::Array<Oid> tables = pipeline_tables();
    if (tables.empty()) return caller;
    const Oid owner = pg::owner_of(tables[0]);
    for (const Oid table : tables)
        if (pg::owner_of(table) != owner) return require_pipeline();
    if (caller != owner && !has_privs_of_role(caller, owner) &&
        !may_look_as(caller, owner, all_seen(tables, caller)))
        return caller;
    if (!all_seen(tables, owner)) refuse_hidden_rows(owner, tables);
    return owner;
}

Oid reader_of(const Oid *relations, size_t count) {
    const Oid caller = GetUserId();
    pg::Array<Oid> named, read, owners;
    for (size_t i = 0; i < count; i++) {
        named.push(relations[i]);
        require_owner_reads(relations[i]);
        for (const Oid relation : pg::read_relations(relations[i])) {
            read.push(relation);
            add_owner(owners, relation);
        }
    }
    const bool caller_sees_all = sees_all_below(caller, named, read, owners);
    for (const Oid owner : owners)
        if (is_below_all(owner, owners) && may_look_as(caller, owner, caller_sees_all) &&
            all_seen(named, owner))
            return owner;
    if (!is_above_or_beside(caller, owners)) return caller;
    ereport(
        ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
        errmsg("no owner of these relations stands below the others and may read all of them"),
        errdetail("What an owner has attached to a relation runs as he or as a role below him, and not with "
                  "the rights of \"%s\".",
                  GetUserNameFromId(caller, false)),
        errhint("SET ROLE to a role that may read all of them and has the rights of none of their owners, or "
                "grant SELECT on all to an owner whose rights the other owners have."));
    pg_unreachable();
}

Oid reader_of_registered(Oid relation) {
    const Oid caller = GetUserId(), role = reader_of(&relation, 1);
    if (role != caller) return role;
    const pg::Array<Oid> tables = pipeline_tables();
    const Oid pipeline_owner = tables.empty() ? InvalidOid : pg::owner_of(tables[0]);
    for (const Oid read : pg::read_relations(relation)) {
        const Oid owner = pg::owner_of(read);
        if (owner == pipeline_owner || has_privs_of_role(owner, caller)) continue;
        const char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
                                                      get_rel_name(relation));
        ereport(
            ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("\"%s\" does not see all of %s", GetUserNameFromId(caller, false), name),
            errdetail(
                "It is looked at with the rights of its owner, for those only who may read all of it, and "
                "what \"%s\" has attached to it does not run as who looks at all datasets.",
                GetUserNameFromId(owner, false)),
            pg::has_policies_for(read, caller)
                ? errhint(
                      "Row security hides rows of it: look as a role that it does not apply to, such as \"%s\".",
                      GetUserNameFromId(owner, false))
                : errhint("Let it read it: GRANT SELECT ON %s TO %s", name,
                          quote_identifier(GetUserNameFromId(caller, false))));
    }
    return role;
}

Oid role_of_registrant(const char *name) {
    const Oid role = get_role_oid(name, true);
    if (!OidIsValid(role))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", name),
                errdetail("It registered what is to be run."),
                errhint("Have a role that exists register it anew."));
    if (commands_server(role))
        ereport(
            ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            superuser_arg(role)
                ? errmsg("SQL is not run as superuser \"%s\"", name)
                : errmsg("SQL is not run as \"%s\", which may use the server's files or programs", name),
            errdetail("Registered SQL runs as who registered it, and with it what stands on the relations "
                      "that it reads."),
            errhint("SET ROLE to an ordinary role and register it anew."));
    return role;
}

Oid registrant(const char *statement) {
    const Oid caller = GetUserId();
    if (!commands_server(caller)) return caller;
    const pg::Array<Oid> relations = pg::named_relations(statement);
    return role_of_registrant(GetUserNameFromId(reader_of(relations.begin(), relations.size()), false));
}

}  // namespace scout::extension
