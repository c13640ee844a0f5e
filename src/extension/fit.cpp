#include "extension/fit.hpp"

#include "extension/pipeline.hpp"
#include "pg/relation.hpp"

#include <cstdio>

extern "C" {
#include "catalog/pg_proc.h"
#include "utils/inval.h"
}

namespace scout::extension {

namespace {

bool fits = false;   // as seen last; only a yes is kept
uint32 watched = 0;  // hash of the function's entry in the catalogue cache

void forget(Datum, int, uint32 hash) {
    if (hash == 0 || hash == watched) fits = false;
}

constexpr int catalogue_version = SCOUT_IR_CATALOGUE;  // of this library: the Makefile says it
constexpr int none = -1;

// Of the catalogue.
int installed_version() {
    const Oid schema = get_namespace_oid(internal_schema_name, true);
    if (!OidIsValid(schema)) return none;
    const Oid function = pg::function_oid(schema, "catalogue_version", nullptr, 0);
    if (!OidIsValid(function)) return none;
    watched = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) return none;
    // The text is read and not run: it is the same constant in either way.
    bool null;
    const Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &null);
    int version = none;
    if (null || sscanf(TextDatumGetCString(source), " SELECT %d", &version) != 1) version = none;
    ReleaseSysCache(tuple);
    return version;
}

int look() {
    static bool watching = false;
    if (!watching) CacheRegisterSyscacheCallback(PROCOID, forget, static_cast<Datum>(0));
    watching = true;
    const int version = installed_version();
    fits = version == catalogue_version;
    return version;
}

}  // namespace

bool library_fits() {
    if (!fits) (void)look();
    return fits;
}

void require_fit() {
    if (fits) return;
    const int version = look();
    if (fits) return;
    if (version == none)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("extension \"scout_ir\" is not installed in this database"),
                errhint("CREATE EXTENSION scout_ir"));
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("the library of scout_ir does not fit the extension in this database"),
            errdetail("The library is of version %s, for catalogue %d; the database has catalogue %d.",
                      SCOUT_IR_VERSION, catalogue_version, version),
            version < catalogue_version
                ? errhint("ALTER EXTENSION scout_ir UPDATE")
                : errhint("Reconnect; if shared_preload_libraries names scout_ir, restart the server. The "
                          "installed files must be those of the newer version."));
}

}  // namespace scout::extension
