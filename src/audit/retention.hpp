// Retention of what the extension itself keeps: the histories that capabilities name
// (extension/capability.hpp).
//
// One place for all who apply it: the end of a job, a tick of the supervisor, apply_retention(). Abort:
// nothing is removed. Two at a time pass over each other's rows.
#pragma once

#include "extension/capability.hpp"

namespace scout::audit {

// Removes what is older than scout_ir.history_retention, at most 1,000 rows of a history, once something is
// an hour past its time: so seldom, and without a note of when it was done last. Returns how many. Needs a
// Session.
int64 forget_old();

TimestampTz cutoff_of_setting();  // now - scout_ir.history_retention
TimestampTz cutoff_of_setting(const extension::History &history);

// Removes at most `limit` rows that are older, or with `dry_run` counts them. Needs a Session.
int64 sweep(const extension::History &history, TimestampTz cutoff, int64 limit, bool dry_run);

}  // namespace scout::audit
