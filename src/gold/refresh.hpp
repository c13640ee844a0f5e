// One refresh of one gold view, and what became of it.
#pragma once

#include "gold/views.hpp"

namespace scout::gold {

constexpr const char *kind_name = "refresh_gold_platinum";
constexpr int64 unknown = -1;

// What a run did with a view; a row of gold_refreshes.
struct Refresh {
    const char *status;
    TimestampTz started, finished;
    int64 before = unknown, after = unknown;
    bool skipped = false;
};

Refresh skipped(const char *reason);

// Refreshes `v`, or says why not, and records it. `job` 0: none. Needs a Session and GOLD.
Refresh do_view(const pg::Array<View> &views, View &v, int64 job);

}  // namespace scout::gold
