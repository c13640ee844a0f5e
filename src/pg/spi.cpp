#include "pg/spi.hpp"

extern "C" {
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/plancache.h"
}

namespace scout::pg {

Param text(std::string_view value) {
    return {TEXTOID, PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size()))),
            false};
}
Param text_or_null(const char *value) {
    return value == nullptr ? null_of(TEXTOID) : text(value);
}
Param int8(int64 value) {
    return {INT8OID, Int64GetDatum(value), false};
}
Param int4(int32 value) {
    return {INT4OID, Int32GetDatum(value), false};
}
Param boolean(bool value) {
    return {BOOLOID, BoolGetDatum(value), false};
}
Param timestamp(TimestampTz value) {
    return {TIMESTAMPTZOID, TimestampTzGetDatum(value), false};
}
Param null_of(Oid type) {
    return {type, static_cast<Datum>(0), true};
}
Param datum(Oid type, Datum value) {
    return {type, value, false};
}

ParamArrays::ParamArrays(std::initializer_list<Param> params) {
    if (params.size() > max_params) elog(ERROR, "too many parameters of a statement: %zu", params.size());
    for (const Param &p : params) {
        types[count] = p.type;
        values[count] = p.value;
        nulls[count++] = p.null ? 'n' : ' ';
    }
}

Param argument(FunctionCallInfo fcinfo, int number, Oid type) {
    return PG_ARGISNULL(number) ? null_of(type) : Param{type, PG_GETARG_DATUM(number), false};
}

Param int8_array(const int64 *values, size_t count) {
    Column column(INT8OID, count);
    for (size_t i = 0; i < count; i++) column.add(Int64GetDatum(values[i]));
    return column.param();
}

Param text_array(const std::string_view *values, size_t count) {
    Column column(TEXTOID, count);
    for (size_t i = 0; i < count; i++) column.add_text(values[i]);
    return column.param();
}

Column::Column(Oid type, size_t capacity)
    : type_(type),
      values_(static_cast<Datum *>(palloc_extended((capacity + 1) * sizeof(Datum), MCXT_ALLOC_HUGE))),
      nulls_(static_cast<bool *>(palloc_extended(capacity + 1, MCXT_ALLOC_HUGE))) {}

void Column::add(Datum value) {
    values_[size_] = value;
    nulls_[size_++] = false;
}

void Column::add_text(std::string_view value) {
    add(PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size()))));
}

void Column::add_null() {
    values_[size_] = static_cast<Datum>(0);
    nulls_[size_++] = true;
}

Param Column::param() const {
    int16 length;
    bool by_value;
    char align;
    get_typlenbyvalalign(type_, &length, &by_value, &align);
    int dims[1] = {static_cast<int>(size_)};
    int bounds[1] = {1};
    ArrayType *array = construct_md_array(values_, nulls_, 1, dims, bounds, type_, length, by_value, align);
    return datum(get_array_type(type_), PointerGetDatum(array));
}

Datum Rows::value(uint64 row, int column, bool &null) const {
    return SPI_getbinval(table_->vals[row], table_->tupdesc, column, &null);
}

bool Rows::is_null(uint64 row, int column) const {
    bool null;
    value(row, column, null);
    return null;
}

int64 Rows::int8(uint64 row, int column) const {
    bool null;
    Datum d = value(row, column, null);
    return null ? 0 : DatumGetInt64(d);
}

int32 Rows::int4(uint64 row, int column) const {
    bool null;
    Datum d = value(row, column, null);
    return null ? 0 : DatumGetInt32(d);
}

bool Rows::boolean(uint64 row, int column) const {
    bool null;
    Datum d = value(row, column, null);
    return !null && DatumGetBool(d);
}

TimestampTz Rows::timestamp(uint64 row, int column) const {
    bool null;
    Datum d = value(row, column, null);
    return null ? 0 : DatumGetTimestampTz(d);
}

bool Row::is_null(int column) const {
    return slot_attisnull(slot_, column);
}

int64 Row::int8(int column) const {
    bool null;
    Datum d = value(column, null);
    return null ? 0 : DatumGetInt64(d);
}

int32 Row::int4(int column) const {
    bool null;
    Datum d = value(column, null);
    return null ? 0 : DatumGetInt32(d);
}

bool Row::boolean(int column) const {
    bool null;
    Datum d = value(column, null);
    return !null && DatumGetBool(d);
}

TimestampTz Row::timestamp(int column) const {
    bool null;
    Datum d = value(column, null);
    return null ? 0 : DatumGetTimestampTz(d);
}

std::string_view Row::text(int column) const {
    bool null;
    Datum d = value(column, null);
    return null ? std::string_view() : text_view(d);
}

bool Row::holds(int column, core::Decimal decimal) const {
    bool null;
    Datum d = value(column, null);
    return !null && is_decimal(reinterpret_cast<Numeric>(PG_DETOAST_DATUM_PACKED(d)), decimal);
}

std::string_view Rows::text(uint64 row, int column) const {
    bool null;
    Datum d = value(row, column, null);
    return null ? std::string_view() : text_view(d);
}

const char *Rows::text_or_null(uint64 row, int column) const {
    return is_null(row, column) ? nullptr : c_string(text(row, column));
}

void Rows::free() {
    if (table_ != nullptr) SPI_freetuptable(table_);
    table_ = nullptr;
}

void set_for_now(const char *name, const char *value) {
    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void limit_lock_waits(int64 ms) {
    char timeout[16];
    snprintf(timeout, sizeof timeout, "%d", static_cast<int>(std::clamp(ms, int64{1}, int64{PG_INT32_MAX})));
    set_for_now("lock_timeout", timeout);
}

namespace {

// Makes the generic plan, or makes it again where it is out of date, with indexes preferred. The execution
// that follows finds it valid: its locks are held by now, so that no change of the tables is taken in
// between. It must not run under these settings: users' triggers would see them, and keep them in plans of
// their own. JIT would take the penalty on a sequential scan for a reason to compile.
//
// plan_cache_mode = force_custom_plan is the user's word: then each execution is planned with the user's
// settings.
void plan_by_index(SPIPlanPtr plan, Plan planning) {
    const int level = NewGUCNestLevel();
    set_for_now("enable_seqscan", "off");
    set_for_now("jit", "off");
    if (planning == Plan::in_order) {
        set_for_now("enable_bitmapscan", "off");
        set_for_now("enable_sort", "off");
    }
    auto *source = static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(plan)));
    ReleaseCachedPlan(GetCachedPlan(source, nullptr, CurrentResourceOwner, nullptr), CurrentResourceOwner);
    AtEOXact_GUC(false, level);
}

ParamListInfo param_list(std::initializer_list<Param> params) {
    ParamListInfo list = makeParamList(static_cast<int>(params.size()));
    int n = 0;
    for (const Param &p : params) list->params[n++] = {p.value, p.null, PARAM_FLAG_CONST, p.type};
    return list;
}

}  // namespace

Rows Statement::execute(std::initializer_list<Param> params, bool read_only, DestReceiver *receiver) {
    ParamListInfo list = param_list(params);
    if (plan_ == nullptr) {
        // Estimating a plan for an array of two thousand ids takes longer than looking them up.
        const int generic = planning_ != Plan::any ? CURSOR_OPT_GENERIC_PLAN : 0;
        ParamArrays p(params);
        SPIPlanPtr plan = SPI_prepare_cursor(sql_, p.count, p.types, generic);
        if (plan == nullptr)
            elog(ERROR, "could not prepare \"%s\": %s", sql_, SPI_result_code_string(SPI_result));
        if (SPI_keepplan(plan) != 0) elog(ERROR, "could not keep the plan of \"%s\"", sql_);
        plan_ = plan;
    }
    SPIExecuteOptions options{};
    options.params = list;
    options.read_only = read_only;
    options.dest = receiver;
    if (planning_ != Plan::any) plan_by_index(plan_, planning_);
    int rc = SPI_execute_plan_extended(plan_, &options);
    if (rc < 0) elog(ERROR, "could not execute \"%s\": %s", sql_, SPI_result_code_string(rc));
    pfree(list);
    return {SPI_tuptable, SPI_processed};
}

namespace {

struct RowReceiver {
    DestReceiver receiver;  // first: the server knows it by this address
    void (*visit)(void *, const Row &);
    void *argument;
    MemoryContext context;
};

bool receive_slot(TupleTableSlot *slot, DestReceiver *self) {
    auto *target = reinterpret_cast<RowReceiver *>(self);
    MemoryContext executor = MemoryContextSwitchTo(target->context);
    target->visit(target->argument, Row(slot));
    MemoryContextSwitchTo(executor);
    return true;
}

RowReceiver receiver_of(void (*visit)(void *, const Row &), void *argument) {
    RowReceiver target{};
    target.receiver.receiveSlot = receive_slot;
    target.receiver.rStartup = [](DestReceiver *, int, TupleDesc) {};
    target.receiver.rShutdown = [](DestReceiver *) {};
    target.receiver.rDestroy = [](DestReceiver *) {};
    target.receiver.mydest = DestNone;
    target.visit = visit;
    target.argument = argument;
    target.context = CurrentMemoryContext;
    return target;
}

}  // namespace

uint64 Statement::stream(std::initializer_list<Param> params, bool read_only,
                         void (*visit)(void *, const Row &), void *argument) {
    RowReceiver target = receiver_of(visit, argument);
    return execute(params, read_only, &target.receiver).count();
}

uint64 stream_plan(SPIPlanPtr plan, std::initializer_list<Param> params, void (*visit)(void *, const Row &),
                   void *argument) {
    RowReceiver target = receiver_of(visit, argument);
    ParamListInfo list = param_list(params);
    SPIExecuteOptions options{};
    options.params = list;
    options.read_only = true;
    options.dest = &target.receiver;
    int rc = SPI_execute_plan_extended(plan, &options);
    if (rc < 0) elog(ERROR, "could not execute a plan: %s", SPI_result_code_string(rc));
    return SPI_processed;
}

Rows Statement::run(std::initializer_list<Param> params) {
    return execute(params, false);
}

Rows Statement::read(std::initializer_list<Param> params) {
    return execute(params, true);
}

Rows Statement::read_latest(std::initializer_list<Param> params) {
    PushActiveSnapshot(GetLatestSnapshot());
    Rows rows = execute(params, true);
    PopActiveSnapshot();
    return rows;
}

Cursor::Cursor(const char *sql, std::initializer_list<Param> params, bool read_only) {
    ParamArrays p(params);
    portal_ = SPI_cursor_open_with_args(nullptr, sql, p.count, p.types, p.values, p.nulls, read_only, 0);
    if (portal_ == nullptr) elog(ERROR, "could not open \"%s\"", sql);
}

Rows Cursor::fetch(int64 most) {
    SPI_cursor_fetch(portal_, true, static_cast<long>(most));
    return {SPI_tuptable, SPI_processed};
}

void Cursor::close() {
    SPI_cursor_close(portal_);
}

Rows run_text(const char *sql, bool read_only) {
    int rc = SPI_execute(sql, read_only, 0);
    if (rc < 0) elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(rc));
    return {SPI_tuptable, SPI_processed};
}

Session::Session(Oid run_as, Restriction restriction) {
    settings_level_ = NewGUCNestLevel();
    set_for_now("search_path", "pg_catalog, pg_temp");
    // What changes how statements are read, or names written. Looked at first: they hardly ever differ.
    if (!standard_conforming_strings) set_for_now("standard_conforming_strings", "on");
    if (quote_all_identifiers) set_for_now("quote_all_identifiers", "off");
    if (OidIsValid(run_as)) {
        GetUserIdAndSecContext(&outer_user_, &outer_context_);
        int context = restriction == Restriction::restricted ? SECURITY_RESTRICTED_OPERATION : 0;
        SetUserIdAndSecContext(run_as, outer_context_ | SECURITY_LOCAL_USERID_CHANGE | context);
        switched_ = true;
    }
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
}

void Session::end() {
    SPI_finish();
    if (switched_) SetUserIdAndSecContext(outer_user_, outer_context_);
    AtEOXact_GUC(false, settings_level_);
}

AsRole::AsRole(Oid role, Session::Restriction restriction) {
    GetUserIdAndSecContext(&outer_user_, &outer_context_);
    int context = restriction == Session::Restriction::restricted ? SECURITY_RESTRICTED_OPERATION : 0;
    SetUserIdAndSecContext(role, outer_context_ | SECURITY_LOCAL_USERID_CHANGE | context);
}

void AsRole::end() {
    SetUserIdAndSecContext(outer_user_, outer_context_);
}

}  // namespace scout::pg
