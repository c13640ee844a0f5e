// A dataset as it is registered, and the pieces of SQL that look at it.
#pragma once

#include "pg/memory.hpp"
#include "pg/spi.hpp"

namespace scout::freshness {

struct Dataset {
    const char *name, *schema, *relation, *layer;
    const char *column;  // nullptr: the pipeline's own relation, looked at in the pipeline's own way
    const char *source, *filter, *zone;
    Datum lookback;          // interval
    Datum warn_after;        // interval
    Datum expected;          // text[]; 0: not said
    const char *registrant;  // the role that the filter runs as; nullptr for the pipeline's own
};

// The datasets of these names (NULL: all), as dataset_list() has them; valid until the Session ends.
// 22023 and 42704 for names that are none.
pg::Array<Dataset> read_datasets(FunctionCallInfo fcinfo, int argument);

// The numbers after the names: none may be NULL, and the milliseconds are at least 1.
void require_arguments(FunctionCallInfo fcinfo);

// The parameters that every statement below has: $1 the clock, $2 the dataset's time zone, $3 its lookback.
struct Clock {
    TimestampTz at;
    pg::Param zone, lookback;
};
Clock clock_of(const Dataset &d, TimestampTz at);

// A relation that a look holds a lock on, and how its columns are written and read in SQL.
struct Subject {
    Oid oid, role;          // role: whose rights the look runs with
    const char *name;       // "schema"."relation"
    const char *column;     // "loaded_at", quoted
    const char *read;       // the column as timestamptz
    const char *order;      // what to order by to find the newest
    const char *condition;  // the column is finite and not after $1, and the filter
    const char *filter;     // " AND (...)" or ""
    const char *source;     // quoted, or nullptr
    Oid type;               // of the column
    bool source_indexed;    // a B-tree on (source, column)
    bool is_bronze;
};

// Never waits for the relation's lock. `role` is extension::reader_of() the relation, with a filter the
// registrant, and for the pipeline's own look extension::pipeline_reader(). Raises what makes the dataset a
// runtime error.
Subject subject_of(const Dataset &d, bool own_look);

// `expression` as a value of the column's type; `moment` is a timestamptz in SQL.
const char *as_column(const Subject &s, const char *moment);

}  // namespace scout::freshness
