// int8multirange, a set of ids, without going through text.
#pragma once

#include "pg/memory.hpp"

namespace scout::pg {

// Half-open: [first, end).
struct IdRange {
    int64 first, end;
};

// The ranges of an int8multirange, in order. Unbounded ones are refused; `hint` says what to do then.
Array<IdRange> ranges_of(Datum multirange, const char *hint);

// The int8multirange of sorted ids, in the current context.
Datum multirange_of(const int64 *ids, size_t count);

}  // namespace scout::pg
