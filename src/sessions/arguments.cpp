#include "sessions/arguments.hpp"

#include "core/decimal.hpp"
#include "core/text.hpp"

namespace scout::sessions {

namespace {

void refuse_null(FunctionCallInfo fcinfo, int number, const char *function, const char *name) {
    if (!PG_ARGISNULL(number)) return;
    ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s: %s must not be NULL", function, name),
            errhint("Leave it out to use the default."));
}

}  // namespace

int64 duration_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name,
                        int64 most, const char *range) {
    refuse_null(fcinfo, number, function, name);
    const Interval *given = PG_GETARG_INTERVAL_P(number);
    // In 128 bits nothing overflows, not even the fields that mean infinity from PostgreSQL 17 on.
    const core::int128 ms =
        (static_cast<core::int128>(given->time) + static_cast<core::int128>(given->day) * USECS_PER_DAY +
         static_cast<core::int128>(given->month) * DAYS_PER_MONTH * USECS_PER_DAY) /
        1000;
    if (ms < 0 || ms > most)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s: %s must not be %s", function, name, ms < 0 ? "negative" : "that long"),
                errhint("Valid values are intervals %s.", range));
    return static_cast<int64>(ms);
}

int count_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name, int most) {
    refuse_null(fcinfo, number, function, name);
    const int value = PG_GETARG_INT32(number);
    if (value < 1 || value > most)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s: %s must be from 1 to %d, not %d", function, name, most, value),
                errhint("Leave it out to use the default."));
    return value;
}

bool flag_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name) {
    refuse_null(fcinfo, number, function, name);
    return PG_GETARG_BOOL(number);
}

const char *text_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name) {
    if (PG_ARGISNULL(number)) return nullptr;
    const char *value = text_to_cstring(PG_GETARG_TEXT_PP(number));
    if (core::trim(value).empty())
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s: %s must not be blank", function, name),
                errhint("Valid values are any other text."));
    return value;
}

}  // namespace scout::sessions
