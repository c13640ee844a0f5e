// The gold views: the materialized views of schema scout and the registered ones, in an order of their
// dependencies.
#pragma once

#include "pg/memory.hpp"

namespace scout::gold {

struct View {
    Oid oid;  // InvalidOid: it is gone
    Oid owner;
    const char *schema, *name;
    const char *relation;   // quoted and qualified
    const char *operation;  // the statement that refreshes it
    const char *refusal;    // why it is not refreshed; nullptr: it is
    bool populated, concurrently;
    const int64 *reads;  // OIDs of the relations that it reads from, also through other views
    int read_count;
    bool failed;   // in this run
    bool fresh;    // for certain; find_views() leaves it false
    bool curable;  // stale, and a refresh can help
};

// Needs a Session.
pg::Array<View> find_views();

// The same, and what gold_freshness() says of each.
pg::Array<View> judge_views();

bool reads_from(const View &v, const View &other);

}  // namespace scout::gold
