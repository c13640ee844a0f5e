// compare_layers(): a report over relations of any owner, so that these and not the pipeline's decide as
// whom it runs.
//
// It runs read-only, in a subtransaction that is rolled back: what code that stands on those relations could
// leave behind (temporary tables, notifications) goes with it. The rows are copied into a store that is older
// than the subtransaction, whose end closes the files of one that has spilled. Commit, abort and crash find
// nothing of it.

#include "extension/report.hpp"
#include "extension/sight.hpp"
#include "pg/guard.hpp"
#include "pg/wrapper.hpp"

namespace scout::proof {

namespace {

void copy_rows(Tuplestorestate *from, TupleDesc columns, Tuplestorestate *to) {
    TupleTableSlot *slot = MakeSingleTupleTableSlot(columns, &TTSOpsMinimalTuple);
    while (tuplestore_gettupleslot(from, true, false, slot)) {
        CHECK_FOR_INTERRUPTS();
        tuplestore_puttupleslot(to, slot);
    }
    ExecDropSingleTupleTableSlot(slot);
}

// Into a store of the query's.
void run_read_only(FunctionCallInfo fcinfo, const Oid *relations, size_t count) {
    auto *wanted = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (wanted == nullptr || !IsA(wanted, ReturnSetInfo))
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("set-valued function called in context that cannot accept a set"));
    MemoryContext outer = MemoryContextSwitchTo(wanted->econtext->ecxt_per_query_memory);
    Tuplestorestate *store =
        tuplestore_begin_heap((wanted->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
    MemoryContextSwitchTo(outer);
    ErrorData *error = pg::attempt(
        [&] {
            XactReadOnly = true;  // the end of the subtransaction puts it back
            (void)extension::run_body(fcinfo, extension::reader_of(relations, count));
            if (wanted->setResult != nullptr) {
                copy_rows(wanted->setResult, wanted->setDesc, store);
                tuplestore_end(wanted->setResult);
            }
            wanted->setResult = store;
        },
        false);
    if (error != nullptr) ReThrowError(error);
}

}  // namespace

}  // namespace scout::proof

SCOUT_FUNCTION(scout_compare_layers, 7) {
    using namespace scout;
    constexpr int arguments[] = {0, 1, 3};  // source, target, dead_letters
    Oid relations[std::size(arguments)];
    size_t count = 0;
    for (const int argument : arguments)
        if (!PG_ARGISNULL(argument)) relations[count++] = PG_GETARG_OID(argument);
    proof::run_read_only(fcinfo, relations, count);
    return static_cast<Datum>(0);
}
