#include "extension/installed.hpp"

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
}

namespace scout::extension {

namespace {

// Calls visit(row) with the extension's row; false where there is none.
template <typename Visit>
bool with_extension(Visit visit) {
    Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
                CStringGetDatum("scout_ir"));
    SysScanDesc scan = systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    const bool found = HeapTupleIsValid(tuple);
    if (found) visit(reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple)));
    systable_endscan(scan);
    table_close(catalog, AccessShareLock);
    return found;
}

}  // namespace

Oid extension_owner() {
    Oid owner = InvalidOid;
    if (!with_extension([&owner](Form_pg_extension row) { owner = row->extowner; }))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("extension \"scout_ir\" is not installed"),
                errhint("CREATE EXTENSION scout_ir"));
    return owner;
}

Oid lock_extension() {
    Oid extension = get_extension_oid("scout_ir", true);
    if (!OidIsValid(extension)) return InvalidOid;
    LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
    // It may have been dropped, and made again, while we waited.
    return get_extension_oid("scout_ir", true) == extension ? extension : InvalidOid;
}

const char *home() {
    return psprintf(UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId);
}

}  // namespace scout::extension
