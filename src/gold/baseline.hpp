// What a gold view was built from: noted before its refresh, so that a later look can tell whether anything
// has changed since.
//
// Written in the transaction of the refresh, inside its subtransaction. Commit: the view and its baseline are
// published together. Abort, crash, a failing refresh: both are as they were. Two at a time: under GOLD.
//
// The order is the proof. The moment comes first, then the snapshot, then the counts of rows written, then
// the refresh takes its own snapshot: what is counted was visible to it. What is committed in between is in
// the view and not in the baseline: the view looks stale and is not, which costs one refresh.
#pragma once

#include "gold/views.hpp"

namespace scout::gold {

// Before the refresh; `now` is the clock before it. Needs a Session.
void note_sources(const View &v, TimestampTz now);

// After it, outside of its subtransaction, whose end changes the counts: the view's own contents.
void note_contents(const View &v);

// The caller waited for a worker that could not see what the caller had written and not reported yet. That
// was committed before, and the refresh saw it.
void add_unreported(int64 job);

// Why the sources of a view cannot be watched: "reads the clock"; nullptr: they can.
const char *unwatchable(Oid view);

}  // namespace scout::gold
