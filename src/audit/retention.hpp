// Retention of what the extension itself keeps: jobs, runs, the timeline, refreshes of gold,
// results of quality rules, resolved alerts, past silences.
//
// One place for all who apply it: the end of a job, a tick of the supervisor, apply_retention(). The
// newest run that changed silver and the newest refreshes of each view stay whatever their age: freshness
// is read from them. Warnings belong to their events and stay with them. Abort: nothing is removed. Two
// at a time pass over each other's rows.
#pragma once

#include "pg/postgres.hpp"

namespace scout::audit {

// Removes what is older than scout_ir.history_retention, at most 1,000 rows a table, once something is an
// hour past its time: so seldom, and without a note of when it was done last. Returns how many. Needs a
// Session.
int64 forget_old();

}  // namespace scout::audit
