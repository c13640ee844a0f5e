#include "extension/report.hpp"

#include "extension/pipeline.hpp"
#include "extension/sight.hpp"
#include "pg/relation.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/regproc.h"
}

namespace scout::extension {

namespace {

// Which body belongs to a function, until the catalogue changes.
struct Pair {
    Oid function;  // the key
    Oid body;      // InvalidOid: to be looked up
};

HTAB *pairs = nullptr;

void forget(Datum, int, uint32) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, pairs);
    while (auto *pair = static_cast<Pair *>(hash_seq_search(&scan))) pair->body = InvalidOid;
}

Pair *pair_of(Oid function) {
    if (pairs == nullptr) {
        HASHCTL shape{};
        shape.keysize = sizeof(Oid);
        shape.entrysize = sizeof(Pair);
        pairs = hash_create("scout_ir reports", 32, &shape, HASH_ELEM | HASH_BLOBS);
        CacheRegisterSyscacheCallback(PROCOID, forget, static_cast<Datum>(0));
    }
    bool known;
    auto *pair = static_cast<Pair *>(hash_search(pairs, &function, HASH_ENTER, &known));
    if (!known) pair->body = InvalidOid;
    return pair;
}

HeapTuple function_tuple(Oid function) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for function %u", function);
    return tuple;
}

// Types of arguments and columns, NULL where there are no columns.
bool same_columns(HeapTuple a, HeapTuple b) {
    bool a_null, b_null;
    const Datum x = SysCacheGetAttr(PROCOID, a, Anum_pg_proc_proallargtypes, &a_null);
    const Datum y = SysCacheGetAttr(PROCOID, b, Anum_pg_proc_proallargtypes, &b_null);
    return a_null == b_null && (a_null || datum_image_eq(x, y, false, -1));
}

bool is_body_of(HeapTuple function, Oid body) {
    HeapTuple tuple = function_tuple(body);
    const auto *f = reinterpret_cast<Form_pg_proc>(GETSTRUCT(function));
    const auto *b = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    const bool fits = f->prorettype == b->prorettype && f->proretset == b->proretset &&
                      f->proisstrict == b->proisstrict && !b->prosecdef && same_columns(function, tuple) &&
                      getExtensionOfObject(ProcedureRelationId, body) == get_extension_oid("scout_ir", true);
    ReleaseSysCache(tuple);
    return fits;
}

Oid find_body(Oid function) {
    HeapTuple tuple = function_tuple(function);
    const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
    const Oid internal = get_namespace_oid(internal_schema_name, false);
    // What is internal itself, for a view to call, has it beside it.
    const char *name = form->pronamespace == internal ? psprintf("%s_body", NameStr(form->proname))
                                                      : pstrdup(NameStr(form->proname));
    const Oid body = pg::function_oid(internal, name, form->proargtypes.values, form->proargtypes.dim1);
    if (!OidIsValid(body) || !is_body_of(tuple, body))
        ereport(
            ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
            errmsg("function %s has no body", format_procedure(function)),
            errdetail("It would be %s.%s of the same arguments and columns, of extension scout_ir.",
                      internal_schema_name, name),
            errhint("Bring the extension to the version of its library: ALTER EXTENSION scout_ir UPDATE"));
    ReleaseSysCache(tuple);
    return body;
}

Oid body_of(Oid function) {
    const Oid known = pair_of(function)->body;
    if (OidIsValid(known)) return known;
    const Oid body = find_body(function);  // may receive invalidations
    pair_of(function)->body = body;
    return body;
}

void require_execute(Oid body) {
    if (pg::may_execute(body)) return;
    const char *role = GetUserNameFromId(GetUserId(), false);
    ereport(
        ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
        errmsg("permission denied for function %s", format_procedure(body)),
        errdetail("The report is run as \"%s\".", role),
        errhint("Give it access: SELECT scout.grant_access('reader', %s); the pipeline's owner gets it by "
                "SELECT * FROM scout.create_pipeline()",
                quote_literal_cstr(role)));
}

// The body ready to be called; kept as long as the call site.
FmgrInfo *call_of(FunctionCallInfo fcinfo) {
    auto *call = static_cast<FmgrInfo *>(fcinfo->flinfo->fn_extra);
    const Oid body = body_of(fcinfo->flinfo->fn_oid);
    if (call != nullptr && call->fn_oid == body) return call;
    MemoryContext context = fcinfo->flinfo->fn_mcxt;
    if (call == nullptr) call = static_cast<FmgrInfo *>(MemoryContextAllocZero(context, sizeof(FmgrInfo)));
    fmgr_info_cxt(body, call, context);
    fcinfo->flinfo->fn_extra = call;
    return call;
}

}  // namespace

Datum run_body(FunctionCallInfo fcinfo, Oid role) {
    FmgrInfo *call = call_of(fcinfo);
    pg::AsRole as(role);
    require_execute(call->fn_oid);

    // All rows at once: the role ends with this call.
    ReturnSetInfo rows{};
    auto *wanted = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    const bool returns_set = wanted != nullptr && IsA(wanted, ReturnSetInfo);
    if (returns_set) {
        if ((wanted->allowedModes & SFRM_Materialize) == 0)
            ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("set-valued function called in context that cannot accept a set"));
        rows = *wanted;
        rows.allowedModes &= ~SFRM_ValuePerCall;
        rows.allowedModes |= SFRM_Materialize_Preferred;
    }
    LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
    InitFunctionCallInfoData(*inner, call, fcinfo->nargs, fcinfo->fncollation, fcinfo->context,
                             returns_set ? reinterpret_cast<fmNodePtr>(&rows) : fcinfo->resultinfo);
    for (int i = 0; i < fcinfo->nargs; i++) inner->args[i] = fcinfo->args[i];
    const Datum result = FunctionCallInvoke(inner);
    as.end();
    if (returns_set) {
        wanted->returnMode = rows.returnMode;
        wanted->isDone = rows.isDone;
        wanted->setResult = rows.setResult;
        wanted->setDesc = rows.setDesc;
    }
    fcinfo->isnull = inner->isnull;
    return result;
}

}  // namespace scout::extension

SCOUT_FUNCTION(scout_report, scout::pg::any_number) {
    return scout::extension::run_body(fcinfo, scout::extension::pipeline_reader());
}
