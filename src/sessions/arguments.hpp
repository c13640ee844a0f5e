// Argument checks of the functions that act on sessions: one clear error each, with SQLSTATE and hint.
#pragma once

#include "pg/postgres.hpp"

namespace scout::sessions {

constexpr int64 second_ms = 1000, hour_ms = 3600 * second_ms, year_ms = int64{365} * 24 * hour_ms;

// A duration in milliseconds, from 0 to `most`; a month counts 30 days. `range` says so in words.
int64 duration_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name,
                        int64 most, const char *range);

// A count from 1 to `most`.
int count_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name, int most);

bool flag_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name);

// A text that may be left out (nullptr) but not be blank.
const char *text_argument(FunctionCallInfo fcinfo, int number, const char *function, const char *name);

}  // namespace scout::sessions
