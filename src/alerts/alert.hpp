// Alerts: what is wrong, once, for as long as it is.
//
// A condition has a key. Its first sight makes a row of scout_internal.alerts, every further one counts in
// that row, and when it has ended the row is resolved; the same condition later makes a new row. A unique
// index over the rows that are not resolved decides between two sessions that see it first at the same time:
// the second waits for the first, then counts.
//
// A condition that ends is resolved once it has not been seen for scout_ir.keep_firing_for, so that one that
// comes and goes is one alert. Until then the row has `ended_at`; check_alerts() resolves it when its time
// has come. Nothing depends on the clock but rows: tests move those.
//
// Commit publishes the alert with the deed that raised it. Abort and crash leave none: who raises an alert
// about a failure does it in a transaction that does not fail. Whoever raises or resolves several in one
// transaction does it in the byte order of their keys, so that two do not deadlock.
#pragma once

#include "extension/capability.hpp"

namespace scout::alerts {

using Condition = extension::AlertCondition;

enum class Transition { none, opened, repeated, escalated, ending, resolved };

struct Change {
    Transition what;
    int64 alert;  // 0: none
};

// New, or counted; a severity goes up only, and from an acknowledged warning to critical fires again. As the
// extension's owner. Needs a Session.
Change raise(const Condition &condition);

// The condition has ended: resolves its open alert, at once or, within keep_firing_for, by the next
// check_alerts() after it. None open: nothing. As the extension's owner. Needs a Session.
Change resolve(std::string_view dedup_key);

}  // namespace scout::alerts
