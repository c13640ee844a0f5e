#include "pg/arguments.hpp"

#include "core/text.hpp"
#include "pg/numeric.hpp"

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

int64 optional_count(FunctionCallInfo fcinfo, int number, const char *name, int64 otherwise,
                     const char *hint) {
    if (PG_ARGISNULL(number)) return otherwise;
    const int64 value = PG_GETARG_INT64(number);
    if (value < 1)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be at least 1", name),
                errhint("%s", hint));
    return value;
}

core::Decimal decimal_argument(FunctionCallInfo fcinfo, int number, const char *name, int64 most,
                               const char *hint) {
    refuse_null(fcinfo, number, name, hint);
    core::Decimal value;
    if (decimal_of(PG_GETARG_NUMERIC(number), value) != core::ParseStatus::ok ||
        value < core::Decimal::of(0) || value > core::Decimal::of(most))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s must be from 0 to %lld", name, static_cast<long long>(most)), errhint("%s", hint));
    return value;
}

size_t word_argument(FunctionCallInfo fcinfo, int number, const char *name, const std::string_view *words,
                     size_t count, const char *hint) {
    refuse_null(fcinfo, number, name, hint);
    const std::string_view given = text_view(PG_GETARG_DATUM(number));
    for (size_t i = 0; i < count; i++)
        if (core::equal_folded(words[i], given)) return i;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("unknown %s \"%s\"", name, c_string(given)), errhint("%s", hint));
    pg_unreachable();
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

const char *pattern_argument(FunctionCallInfo fcinfo, int number, const char *name, const char *example) {
    if (PG_ARGISNULL(number)) return nullptr;
    const char *hint = psprintf("Leave it out, or give a pattern of LIKE, such as '%s'.", example);
    const char *given = c_string(required_text(fcinfo, number, name, hint));
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
