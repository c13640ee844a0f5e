// One refresh of one gold view, and what became of it.
#pragma once

#include "gold/views.hpp"

namespace scout::gold {

constexpr const char *kind_name = "refresh_gold_platinum";
constexpr int64 unknown = -1;

enum class Outcome { refreshed, failed, skipped };

// What a run did with a view; a row of gold_refreshes.
struct Refresh {
    Outcome outcome;
    const char *reason;    // why it failed, or was skipped; nullptr: refreshed
    const char *sqlstate;  // of the failure
    TimestampTz started, finished;
    int64 before = unknown, after = unknown;

    const char *status() const;  // as users see it: "refreshed", "failed: ...", "skipped: ..."
};

Refresh skipped(const char *reason);

// Refreshes `v`, or says why not, and records it. `job` 0: none. Needs a Session and GOLD.
Refresh do_view(const pg::Array<View> &views, View &v, int64 job);

}  // namespace scout::gold
