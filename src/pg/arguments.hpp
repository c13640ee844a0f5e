// Argument checks that several functions share: one clear error each, with SQLSTATE and hint.
#pragma once

#include "pg/postgres.hpp"
#include "pg/spi.hpp"

namespace scout::pg {

struct Window {
    TimestampTz start, end;  // half-open
};

// Arguments `first` and `first + 1`, both required, finite or infinite, start before end.
Window window_argument(FunctionCallInfo fcinfo, int first);

// Refuses a window on ingested_at that has not begun: nothing can be in it.
void refuse_future(const Window &window);

// The bytes of a text, detoasted; a view into it where it is not toasted.
inline std::string_view text_view(Datum d) {
    struct varlena *t = PG_DETOAST_DATUM_PACKED(d);
    return {VARDATA_ANY(t), static_cast<size_t>(VARSIZE_ANY_EXHDR(t))};
}

// A required text argument that is not blank.
std::string_view required_text(FunctionCallInfo fcinfo, int number, const char *name, const char *hint);

// A text argument, nullptr where NULL.
const char *optional_text(FunctionCallInfo fcinfo, int number);

// An integer argument from `least` to `most`; NULL is refused.
int count_argument(FunctionCallInfo fcinfo, int number, const char *name, int most, int least = 1);

// An integer argument of at least 1; NULL is refused.
int positive_argument(FunctionCallInfo fcinfo, int number, const char *name);

// Non-negative interval, as the instant that long ago.
TimestampTz ago_argument(FunctionCallInfo fcinfo, int number, const char *name);

// A flag such as dry_run. NULL is refused: it must not quietly mean "do it".
bool flag(FunctionCallInfo fcinfo, int number, const char *name);

// The elements of a bigint[] argument that are not NULL, sorted, without repetitions.
pg::Array<int64> id_argument(FunctionCallInfo fcinfo, int number);

}  // namespace scout::pg
