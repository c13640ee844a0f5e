// The gold materialized views of schema scout, in an order of their dependencies.
#pragma once

#include "pg/memory.hpp"

namespace scout::gold {

struct View {
    Oid oid;
    const char *name;         // without schema
    const char *relation;     // quoted and qualified
    const char *operation;    // the statement that refreshes it
    const char *other_owner;  // nullptr: the pipeline's owner has it
    bool populated, concurrently;
    const int64 *reads;  // OIDs of the relations that it reads from, also through other views
    int read_count;
    bool failed;  // in this run
};

// Needs a Session. `owner` is the pipeline's.
pg::Array<View> find_views(Oid owner);

bool reads_from(const View &v, const View &other);

}  // namespace scout::gold
