#include "extension/arguments.hpp"

namespace scout::extension {

int batch_size_argument(FunctionCallInfo fcinfo, int number) {
    return pg::count_argument(fcinfo, number, "batch_size", 1'000'000);
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

}  // namespace scout::extension
