#include "pg/result.hpp"

namespace scout::pg {

Result::Result(FunctionCallInfo fcinfo) {
    auto *info = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (info == nullptr || !IsA(info, ReturnSetInfo) || (info->allowedModes & SFRM_Materialize) == 0)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("set-valued function called in context that cannot accept a set"));
    query_context_ = info->econtext->ecxt_per_query_memory;
    MemoryContext outer = MemoryContextSwitchTo(query_context_);
    if (get_call_result_type(fcinfo, nullptr, &columns_) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "a result of several columns was expected");
    Assert(columns_->natts <= max_columns);
    columns_ = CreateTupleDescCopy(columns_);
    BlessTupleDesc(columns_);
    store_ = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
    info->returnMode = SFRM_Materialize;
    info->setResult = store_;
    info->setDesc = columns_;
    MemoryContextSwitchTo(outer);
}

Result &Result::datum(Datum value) {
    values_[count_] = value;
    nulls_[count_++] = false;
    return *this;
}

Result &Result::null() {
    values_[count_] = static_cast<Datum>(0);
    nulls_[count_++] = true;
    return *this;
}

Result &Result::text(std::string_view value) {
    return datum(PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size()))));
}
Result &Result::text_or_null(const char *value) {
    return value == nullptr ? null() : text(value);
}
Result &Result::int8(int64 value) {
    return datum(Int64GetDatum(value));
}
Result &Result::int4(int32 value) {
    return datum(Int32GetDatum(value));
}
Result &Result::boolean(bool value) {
    return datum(BoolGetDatum(value));
}
Result &Result::timestamp(TimestampTz value) {
    return datum(TimestampTzGetDatum(value));
}
Result &Result::decimal(core::Decimal value) {
    return datum(numeric_of(value));
}
Result &Result::milliseconds(int64 microseconds) {
    return datum(numeric_milliseconds(microseconds));
}

void Result::end_row() {
    Assert(count_ == columns_->natts);
    tuplestore_putvalues(store_, columns_, values_, nulls_);
    count_ = 0;
}

}  // namespace scout::pg
