#include "pg/arguments.hpp"

#include "core/text.hpp"

namespace scout::pg {

Window window_argument(FunctionCallInfo fcinfo, int first) {
    if (PG_ARGISNULL(first) || PG_ARGISNULL(first + 1))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                errmsg("the window needs start_ts and end_ts"),
                errhint("Give both as timestamptz, with a zone; end_ts itself is not part of the window."));
    Window window{PG_GETARG_TIMESTAMPTZ(first), PG_GETARG_TIMESTAMPTZ(first + 1)};
    if (window.start >= window.end)
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg(window.start == window.end ? "the window is empty" : "the window ends before it starts"),
            errdetail("start_ts is %s, end_ts is %s.", pstrdup(timestamptz_to_str(window.start)),
                      pstrdup(timestamptz_to_str(window.end))),
            errhint("The window is [start_ts, end_ts): end_ts must be later than start_ts."));
    return window;
}

bool flag(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_ARGISNULL(number))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name),
                errhint("Valid values are true and false (the default)."));
    return PG_GETARG_BOOL(number);
}

void refuse_future(const Window &window) {
    if (window.start <= GetCurrentTimestamp()) return;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the window is in the future"),
            errdetail("start_ts is %s.", timestamptz_to_str(window.start)),
            errhint("Events are looked for by ingested_at, when they came. Check the date and the zone."));
}

std::string_view required_text(FunctionCallInfo fcinfo, int number, const char *name, const char *hint) {
    if (PG_ARGISNULL(number))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name),
                errhint("%s", hint));
    const std::string_view view = text_view(PG_GETARG_DATUM(number));
    if (core::trim(view).empty())
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be empty", name),
                errhint("%s", hint));
    return view;
}

const char *optional_text(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? nullptr : c_string(text_view(PG_GETARG_DATUM(number)));
}

int count_argument(FunctionCallInfo fcinfo, int number, const char *name, int most, int least) {
    if (PG_ARGISNULL(number))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name),
                errhint("Leave it out to use the default."));
    const int value = PG_GETARG_INT32(number);
    if (value < least || value > most)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s must be from %d to %d, not %d", name, least, most, value),
                errhint("Leave it out to use the default."));
    return value;
}

int positive_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_ARGISNULL(number))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name),
                errhint("Leave it out to use the default."));
    const int value = PG_GETARG_INT32(number);
    if (value < 1 || value > 1'000'000)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s must be from 1 to 1000000, not %d", name, value),
                errhint("2000 is a good start."));
    return value;
}

TimestampTz ago_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_ARGISNULL(number))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name),
                errhint("Give an interval, for example '1 hour'."));
    const TimestampTz now = GetCurrentTimestamp();
    const TimestampTz then = DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(number)));
    if (then > now)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be negative", name),
                errhint("Give an interval, for example '1 hour'."));
    return then;
}

pg::Array<int64> id_argument(FunctionCallInfo fcinfo, int number) {
    pg::Array<int64> ids;
    if (PG_ARGISNULL(number)) return ids;
    Datum *values;
    bool *nulls;
    int count;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
                      &values, &nulls, &count);
    for (int i = 0; i < count; i++)
        if (!nulls[i]) ids.push(DatumGetInt64(values[i]));
    std::sort(ids.begin(), ids.end());
    ids.truncate(static_cast<size_t>(std::unique(ids.begin(), ids.end()) - ids.begin()));
    return ids;
}

}  // namespace scout::pg
