#include "extension/sight.hpp"

#include "extension/pipeline.hpp"
#include "pg/reads.hpp"
#include "pg/relation.hpp"

extern "C" {
#include "utils/acl.h"
}

namespace scout::extension {

namespace {

bool all_seen(const pg::Array<Oid> &relations, Oid role) {
    for (const Oid relation : relations)
        if (!pg::sees_all(relation, role)) return false;
    return true;
}

// Has `role` the rights of another one of these?
bool is_above_any(Oid role, const pg::Array<Oid> &owners) {
    for (const Oid owner : owners)
        if (owner != role && has_privs_of_role(role, owner)) return true;
    return false;
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
    pg::Array<Oid> named, owners;
    for (size_t i = 0; i < count; i++) {
        named.push(relations[i]);
        for (const Oid read : pg::read_relations(relations[i])) add_owner(owners, read);
    }
    const bool caller_sees_all = all_seen(named, caller);
    for (const Oid owner : owners)
        if (!is_above_any(owner, owners) && may_look_as(caller, owner, caller_sees_all) &&
            all_seen(named, owner))
            return owner;
    if (!is_above_any(caller, owners)) return caller;
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
            errmsg("no owner of these relations may read all of them"),
            errdetail("They are read as the owner of one of them, and not with the rights of \"%s\", so that "
                      "nothing that an owner has attached to a relation runs with those.",
                      GetUserNameFromId(caller, false)),
            errhint("Grant SELECT on the others to one of the owners, or SET ROLE to a role that may read "
                    "all of them and owns none."));
    pg_unreachable();
}

Oid registrant(const char *statement) {
    const Oid caller = GetUserId();
    if (!superuser_arg(caller)) return caller;
    const pg::Array<Oid> relations = pg::named_relations(statement);
    return reader_of(relations.begin(), relations.size());
}

}  // namespace scout::extension
