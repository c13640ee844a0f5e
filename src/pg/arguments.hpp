// Checks of arguments that functions share: one clear error each, with SQLSTATE and a hint that works.
//
// What is refused is an ERROR of the server; nothing here owns anything. One function per kind of check. NULL
// is refused unless a function says otherwise: it must not quietly mean the default, nor "do it".
#pragma once

#include "core/decimal.hpp"
#include "pg/memory.hpp"

namespace scout::pg {

void refuse_null(FunctionCallInfo fcinfo, int number, const char *name, const char *hint = nullptr);

// A flag such as dry_run.
bool flag(FunctionCallInfo fcinfo, int number, const char *name);

// An integer from `least` to `most`.
int count_argument(FunctionCallInfo fcinfo, int number, const char *name, int most, int least = 1);

// An integer from 1 on; `otherwise` where NULL.
int64 optional_count(FunctionCallInfo fcinfo, int number, const char *name, int64 otherwise,
                     const char *hint);

// A number from 0 to `most`, of at most four decimals.
core::Decimal decimal_argument(FunctionCallInfo fcinfo, int number, const char *name, int64 most,
                               const char *hint);

// One of these words, whatever its case: which.
size_t word_argument(FunctionCallInfo fcinfo, int number, const char *name, const std::string_view *words,
                     size_t count, const char *hint);

// A text that is not blank.
std::string_view required_text(FunctionCallInfo fcinfo, int number, const char *name, const char *hint);

// A text that may be left out (nullptr) but not be blank.
const char *unblank_text(FunctionCallInfo fcinfo, int number, const char *name);

// A text, nullptr where NULL.
const char *optional_text(FunctionCallInfo fcinfo, int number);

// A pattern of LIKE, nullptr where NULL. One that ends within an escape would fail whoever uses it later.
// `example` is one for the hint.
const char *pattern_argument(FunctionCallInfo fcinfo, int number, const char *name, const char *example);

// A length of time in milliseconds, from 0 to `most`; a month counts 30 days. `range` says so in words.
int64 duration_argument(FunctionCallInfo fcinfo, int number, const char *name, int64 most, const char *range);
constexpr int64 second_ms = 1000, hour_ms = 3600 * second_ms, day_ms = 24 * hour_ms, year_ms = 365 * day_ms;

// The same interval without limits, also where its fields would overflow.
core::int128 microseconds_of(const Interval *interval);

// A non-negative interval, as the instant that long ago.
TimestampTz ago_argument(FunctionCallInfo fcinfo, int number, const char *name);

// The elements of a bigint[] argument that are not NULL, sorted, without repetitions; none where it is NULL.
Array<int64> id_argument(FunctionCallInfo fcinfo, int number);

}  // namespace scout::pg
