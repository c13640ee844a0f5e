#include "pg/relation.hpp"

#include "pg/trigger.hpp"

#include <cstdio>

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "commands/comment.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
}

namespace scout::pg {

namespace {

// What every action touches. The older runbook's bronze_ingestion_batches and the dimensions are
// looked at where they are needed.
constexpr const char *essential[] = {
    "bronze_events",     "bronze_event_keys",   "bronze_pending",    "bronze_deletions", "pipeline_pauses",
    "bronze_events_dlq", "silver_transactions", "silver_line_items", "dim_product",      "dim_store"};

Oid owner_of(Oid relation) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple)) return InvalidOid;
    Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

}  // namespace

Oid file_of(const char *name) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation_oid(name)));
    if (!HeapTupleIsValid(tuple)) return InvalidOid;
    Oid file = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relfilenode;
    ReleaseSysCache(tuple);
    return file;
}

int64 blocks_of(const char *name) {
    Oid id = relation_oid(name);
    if (!OidIsValid(id)) (void)require_pipeline();  // says what is missing
    Relation relation = table_open(id, AccessShareLock);
    const bool plain = relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relhassubclass;
    const int64 blocks = plain ? static_cast<int64>(RelationGetNumberOfBlocks(relation)) : -1;
    table_close(relation, NoLock);
    return blocks;
}

bool is_partitioned(const char *name) {
    return get_rel_relkind(relation_oid(name)) == RELKIND_PARTITIONED_TABLE;
}

bool has_new_file(Oid table) {
    Relation relation = RelationIdGetRelation(table);
    if (!RelationIsValid(relation)) return false;
#if PG_VERSION_NUM >= 160000
    const SubTransactionId replaced = relation->rd_firstRelfilelocatorSubid;
#else
    const SubTransactionId replaced = relation->rd_firstRelfilenodeSubid;
#endif
    const bool fresh =
        relation->rd_rel->relkind == RELKIND_RELATION &&
        (relation->rd_createSubid != InvalidSubTransactionId || replaced != InvalidSubTransactionId);
    RelationClose(relation);
    return fresh;
}

Oid relation_oid(const char *name) {
    Oid schema = get_namespace_oid(schema_name, true);
    return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

namespace {

// create_pipeline() writes "scout_ir pipeline schema N" as the last step of making the pipeline.
void require_version(Oid relation) {
    const char *comment = GetComment(relation, RelationRelationId, 0);
    int version = 0;
    if (comment != nullptr) (void)sscanf(comment, "scout_ir pipeline schema %d", &version);
    if (version == pipeline_schema_version) return;
    if (version > pipeline_schema_version)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("the pipeline has schema version %d, this scout_ir knows %d", version,
                       pipeline_schema_version),
                errhint("Install the newer scout_ir: ALTER EXTENSION scout_ir UPDATE"));
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the pipeline was not made by this scout_ir, or not to its end"),
            errhint("Complete it: SELECT * FROM scout.create_pipeline()"));
}

}  // namespace

Oid require_pipeline() {
    Oid pipeline_owner = InvalidOid;
    for (const char *name : essential) {
        Oid owner = owner_of(relation_oid(name));
        if (!OidIsValid(owner))
            ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("the pipeline is not there: relation \"%s.%s\" does not exist", schema_name, name),
                    errhint("Create or complete it: SELECT * FROM scout.create_pipeline()"));
        if (!OidIsValid(pipeline_owner)) pipeline_owner = owner;
        if (owner != pipeline_owner)
            ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the pipeline's tables have different owners"),
                    errdetail("\"%s.%s\" belongs to \"%s\", \"%s.%s\" to \"%s\".", schema_name, essential[0],
                              GetUserNameFromId(pipeline_owner, false), schema_name, name,
                              GetUserNameFromId(owner, false)),
                    errhint("Give them one owner with ALTER TABLE ... OWNER TO."));
    }
    require_version(relation_oid("bronze_pending"));
    return pipeline_owner;
}

namespace {

// Calls take(tuple) with the extension's row; false where there is none.
template <typename Take>
bool with_extension(Take take) {
    Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum("scout_ir"));
    SysScanDesc scan = systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    const bool found = HeapTupleIsValid(tuple);
    if (found) take(catalog, tuple);
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return found;
}

}  // namespace

Oid extension_owner() {
    Oid owner = InvalidOid;
    if (!with_extension([&owner](Relation, HeapTuple tuple) {
            owner = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->extowner;
        }))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("extension \"scout_ir\" is not installed"),
                errhint("CREATE EXTENSION scout_ir"));
    return owner;
}

const char *extension_version() {
    const char *version = nullptr;
    (void)with_extension([&version](Relation catalog, HeapTuple tuple) {
        bool null;
        Datum d = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(catalog), &null);
        if (!null) version = TextDatumGetCString(d);
    });
    return version;
}

void require_relation(const TriggerData *trigger, const char *name) {
    const Oid wanted = relation_oid(name), fired = RelationGetRelid(trigger->tg_relation);
    if (fired == wanted) return;
    if (trigger->tg_relation->rd_rel->relispartition &&
        list_member_oid(get_partition_ancestors(fired), wanted))
        return;
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("this trigger function belongs on \"%s.%s\" and its partitions only", schema_name, name),
            errhint("Triggers are made by SELECT * FROM scout.create_pipeline()."));
}

// A role is an operator if it may execute load_silver_from_bronze: the tiers are plain EXECUTE
// grants, so that PostgreSQL's own privileges stay the only truth.
static bool may_execute(const char *name, const Oid *types, int count) {
    Oid schema = get_namespace_oid(schema_name, false);
    oidvector *signature = buildoidvector(types, count);
    Oid function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                                   PointerGetDatum(signature), ObjectIdGetDatum(schema));
    if (!OidIsValid(function)) return false;
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#else
    return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

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

}  // namespace scout::pg
