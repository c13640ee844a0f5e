#include "pg/result.hpp"

extern "C" {
#include "utils/regproc.h"
}

namespace scout::pg {

namespace {

constexpr const char *how_to_fit = "Update the extension, or reconnect if it has just been updated.";

}  // namespace

Result::Result(FunctionCallInfo fcinfo) : function_(fcinfo->flinfo->fn_oid) {
    auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (info == nullptr || !IsA(info, ReturnSetInfo) || (info->allowedModes & SFRM_Materialize) == 0)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("set-valued function called in context that cannot accept a set"));
    query_context_ = info->econtext->ecxt_per_query_memory;
    MemoryContext outer = MemoryContextSwitchTo(query_context_);
    if (get_call_result_type(fcinfo, nullptr, &columns_) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "a result of several columns was expected");
    columns_ = CreateTupleDescCopy(columns_);
    BlessTupleDesc(columns_);
    store_ = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
    info->returnMode = SFRM_Materialize;
    info->setResult = store_;
    info->setDesc = columns_;
    MemoryContextSwitchTo(outer);
}

Result &Result::put(Datum value, bool null) {
    if (count_ == max_columns || count_ == columns_->natts) refuse();
    values_[count_] = value;
    nulls_[count_++] = null;
    return *this;
}

Result &Result::put_typed(Oid type, Datum value) {
    if (count_ < columns_->natts && TupleDescAttr(columns_, count_)->atttypid != type) refuse_type(type);
    return put(value, false);
}

// The library is of another version than the function that the catalogue has.
void Result::refuse() const {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("function %s does not fit its library", format_procedure(function_)),
            errdetail("It returns %d columns, the library writes %s.", columns_->natts,
                      count_ < columns_->natts ? "fewer" : "more"),
            errhint("%s", how_to_fit));
    pg_unreachable();
}

void Result::refuse_type(Oid type) const {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("function %s does not fit its library", format_procedure(function_)),
            errdetail("Its column %d is of type %s, the library writes %s.", count_ + 1,
                      format_type_be(TupleDescAttr(columns_, count_)->atttypid), format_type_be(type)),
            errhint("%s", how_to_fit));
    pg_unreachable();
}

Result &Result::datum(Datum value) {
    return put(value, false);
}

Result &Result::null() {
    return put(static_cast<Datum>(0), true);
}

Result &Result::text(std::string_view value) {
    return put_typed(TEXTOID,
                     PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size()))));
}
Result &Result::text_or_null(const char *value) {
    return value == nullptr ? null() : text(value);
}
Result &Result::int8(int64 value) {
    return put_typed(INT8OID, Int64GetDatum(value));
}
Result &Result::int4(int32 value) {
    return put_typed(INT4OID, Int32GetDatum(value));
}
Result &Result::boolean(bool value) {
    return put_typed(BOOLOID, BoolGetDatum(value));
}
Result &Result::timestamp(TimestampTz value) {
    return put_typed(TIMESTAMPTZOID, TimestampTzGetDatum(value));
}
Result &Result::decimal(core::Decimal value) {
    return put_typed(NUMERICOID, numeric_of(value));
}
Result &Result::milliseconds(int64 microseconds) {
    return put_typed(NUMERICOID, numeric_milliseconds(microseconds));
}

void Result::end_row() {
    if (count_ != columns_->natts) refuse();
    tuplestore_putvalues(store_, columns_, values_, nulls_);
    count_ = 0;
}

}  // namespace scout::pg
