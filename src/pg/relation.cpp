#include "pg/relation.hpp"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_proc.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
}

namespace scout::pg {

Oid owner_of(Oid relation) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple)) return InvalidOid;
    Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
    ReleaseSysCache(tuple);
    return owner;
}

Oid file_of(Oid relation) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple)) return InvalidOid;
    Oid file = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relfilenode;
    ReleaseSysCache(tuple);
    return file;
}

int64 blocks_of(Oid table) {
    Relation relation = table_open(table, AccessShareLock);
    const bool plain = relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relhassubclass;
    const int64 blocks = plain ? static_cast<int64>(RelationGetNumberOfBlocks(relation)) : -1;
    table_close(relation, NoLock);
    return blocks;
}

bool is_partitioned(Oid table) {
    return get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE;
}

bool is_of_table(Relation relation, Oid table) {
    const Oid id = RelationGetRelid(relation);
    return id == table ||
           (relation->rd_rel->relispartition && list_member_oid(get_partition_ancestors(id), table));
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

Oid function_oid(Oid schema, const char *name, const Oid *types, int count) {
    return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                           PointerGetDatum(buildoidvector(types, count)), ObjectIdGetDatum(schema));
}

bool may_execute(Oid function) {
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#else
    return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

}  // namespace scout::pg
