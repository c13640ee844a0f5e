#include "maintenance/target.hpp"

#include "extension/installed.hpp"
#include "extension/pipeline.hpp"
#include "pg/relation.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "utils/acl.h"
}

namespace scout::maintenance {

namespace {

constexpr const char *actions[] = {"vacuum", "analyze", "vacuum analyze", "reindex", "index"};

struct Found {
    char kind, persistence;
    Oid owner;
    bool system;
};

Found look_up(Oid relation) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                errmsg("there is no relation %u (any more)", relation),
                errhint("Give the name of a table, a materialized view or an index."));
    auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const Found found{form->relkind, form->relpersistence, form->relowner,
                      IsSystemClass(relation, form) || IsToastNamespace(form->relnamespace)};
    ReleaseSysCache(tuple);
    return found;
}

bool is_index(char kind) {
    return kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
}

void require_fitting_kind(const char *name, const Found &f, Action action) {
    if (f.system)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("%s is a system catalog", name),
                errhint("Autovacuum looks after the catalogs; a superuser can do it by hand."));
    if (f.persistence == RELPERSISTENCE_TEMP)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s is a temporary table", name),
                errdetail("A worker does the maintenance, and sees no session's temporary tables."),
                errhint("Do it by hand in the session that made the table."));
    if (is_index(f.kind) && action != Action::reindex)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("%s is an index", name),
                errhint("An index can be reindexed; vacuum and analyze are for its table."));
    if (action == Action::index && f.kind == RELKIND_PARTITIONED_TABLE)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s is partitioned", name),
                errdetail("PostgreSQL cannot build an index of a partitioned table concurrently."),
                errhint("Ask for the index on each partition."));
    if (!is_index(f.kind) && f.kind != RELKIND_RELATION && f.kind != RELKIND_PARTITIONED_TABLE &&
        f.kind != RELKIND_MATVIEW)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                errmsg("%s is not a table, a materialized view or an index", name),
                errhint("It keeps no rows of its own that could be maintained."));
}

// An extension other than this one looks after its tables itself.
void require_no_member(Oid table, const char *name) {
    const Oid extension = getExtensionOfObject(RelationRelationId, table);
    if (!OidIsValid(extension) || extension == get_extension_oid("scout_ir", true)) return;
    ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
            errmsg("%s belongs to extension \"%s\"", name, get_extension_name(extension)),
            errhint("That extension's own means look after it; its owner can do it by hand."));
}

}  // namespace

Action action_of(const char *name) {
    for (size_t i = 0; name != nullptr && i < std::size(actions); i++)
        if (pg_strcasecmp(name, actions[i]) == 0) return static_cast<Action>(i);
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("unknown action: %s", name == nullptr ? "NULL" : quote_literal_cstr(name)),
            errhint("Valid actions are vacuum, analyze, vacuum analyze, reindex and index."));
    pg_unreachable();
}

const char *name_of(Action action) {
    return actions[static_cast<size_t>(action)];
}

Target find_target(Oid relation, Action action) {
    const Found f = look_up(relation);
    const Oid schema = get_rel_namespace(relation);
    const char *name = quote_qualified_identifier(get_namespace_name(schema), get_rel_name(relation));
    require_fitting_kind(name, f, action);
    const bool index = is_index(f.kind);
    const Oid table = index ? IndexGetRelation(relation, false) : relation;
    require_no_member(table, name);
    const bool of_pipeline = schema == get_namespace_oid(extension::schema_name, true) &&
                             f.owner == pg::owner_of(extension::relation_oid("bronze_events")) &&
                             f.owner == extension::require_pipeline();
    if (of_pipeline || has_privs_of_role(GetUserId(), f.owner))
        return {relation,    table,
                name,        index,
                of_pipeline, of_pipeline && action == Action::index ? extension::extension_owner() : f.owner};
    ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of %s", name),
            errdetail("It belongs to \"%s\", and not to the pipeline.", GetUserNameFromId(f.owner, false)),
            errhint("Operators may maintain the pipeline's relations, owners their own."));
    pg_unreachable();
}

const char *statement(const Target &target, Action action) {
    switch (action) {
        case Action::vacuum: return psprintf("VACUUM %s", target.name);
        case Action::analyze: return psprintf("ANALYZE %s", target.name);
        case Action::vacuum_analyze: return psprintf("VACUUM (ANALYZE) %s", target.name);
        case Action::reindex:
        case Action::index: break;
    }
    return psprintf("REINDEX %s CONCURRENTLY %s", target.is_index ? "INDEX" : "TABLE", target.name);
}

}  // namespace scout::maintenance
