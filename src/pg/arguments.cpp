#include "pg/arguments.hpp"

#include "core/text.hpp"

namespace scout::pg {

void refuse_null(FunctionCallInfo fcinfo, int number, const char *name, const char *hint) {
    if (!PG_ARGISNULL(number)) return;
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name),
            errhint("%s", hint != nullptr ? hint : "Leave it out to use the default."));
}

bool flag(FunctionCallInfo fcinfo, int number, const char *name) {
    refuse_null(fcinfo, number, name, "Valid values are true and false (the default).");
    return PG_GETARG_BOOL(number);
}

int count_argument(FunctionCallInfo fcinfo, int number, const char *name, int most, int least) {
    refuse_null(fcinfo, number, name);
    const int value = PG_GETARG_INT32(number);
    if (value < least || value > most)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s must be from %d to %d, not %d", name, least, most, value),
                errhint("Leave it out to use the default."));
    return value;
}

std::string_view required_text(FunctionCallInfo fcinfo, int number, const char *name, const char *hint) {
    refuse_null(fcinfo, number, name, hint);
    const std::string_view view = text_view(PG_GETARG_DATUM(number));
    if (core::trim(view).empty())
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be blank", name),
                errhint("%s", hint));
    return view;
}

const char *unblank_text(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_ARGISNULL(number)) return nullptr;
    return c_string(
        required_text(fcinfo, number, name, "Valid values are any other text, or NULL (the default)."));
}

const char *optional_text(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? nullptr : c_string(text_view(PG_GETARG_DATUM(number)));
}

const char *pattern_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    if (PG_ARGISNULL(number)) return nullptr;
    const char *given = c_string(
        required_text(fcinfo, number, name, "Leave it out, or give a pattern of LIKE, such as 'bronze%'."));
    size_t escapes = 0;
    for (size_t end = strlen(given); escapes < end && given[end - 1 - escapes] == '\\';) escapes++;
    if (escapes % 2 == 1)
        ereport(ERROR, errcode(ERRCODE_INVALID_ESCAPE_SEQUENCE),
                errmsg("%s ends with an escape character: \"%s\"", name, given),
                errhint("Write \\\\ for a backslash."));
    return given;
}

// In 128 bits nothing overflows, not even the fields that mean infinity from PostgreSQL 17 on.
core::int128 microseconds_of(const Interval *interval) {
    return static_cast<core::int128>(interval->time) +
           static_cast<core::int128>(interval->day) * USECS_PER_DAY +
           static_cast<core::int128>(interval->month) * DAYS_PER_MONTH * USECS_PER_DAY;
}

int64 duration_argument(FunctionCallInfo fcinfo, int number, const char *name, int64 most,
                        const char *range) {
    refuse_null(fcinfo, number, name);
    const core::int128 us = microseconds_of(PG_GETARG_INTERVAL_P(number)), ms = us / 1000;
    if (us < 0 || ms > most)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s must not be %s", name, us < 0 ? "negative" : "that long"),
                errhint("Valid values are intervals %s.", range));
    return static_cast<int64>(ms);
}

TimestampTz ago_argument(FunctionCallInfo fcinfo, int number, const char *name) {
    refuse_null(fcinfo, number, name, "Give an interval, for example '1 hour'.");
    const TimestampTz now = GetCurrentTimestamp();
    const TimestampTz then = DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(number)));
    if (then > now)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be negative", name),
                errhint("Give an interval, for example '1 hour'."));
    return then;
}

Window window_argument(FunctionCallInfo fcinfo, int first) {
    if (PG_ARGISNULL(first) || PG_ARGISNULL(first + 1))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                errmsg("the window needs start_ts and end_ts"),
                errhint("Give both as timestamptz, with a zone; end_ts itself is not part of the window."));
    Window window{PG_GETARG_TIMESTAMPTZ(first), PG_GETARG_TIMESTAMPTZ(first + 1)};
    if (window.start >= window.end)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s", window.start == window.end ? "the window is empty"
                                                        : "the window ends before it starts"),
                errdetail("start_ts is %s, end_ts is %s.", pstrdup(timestamptz_to_str(window.start)),
                          pstrdup(timestamptz_to_str(window.end))),
                errhint("The window is [start_ts, end_ts): end_ts must be later than start_ts."));
    return window;
}

void refuse_future(const Window &window) {
    if (window.start <= GetCurrentTimestamp()) return;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the window is in the future"),
            errdetail("start_ts is %s.", timestamptz_to_str(window.start)),
            errhint("Events are looked for by ingested_at, when they came. Check the date and the zone."));
}

Array<int64> id_argument(FunctionCallInfo fcinfo, int number) {
    Array<int64> ids;
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
