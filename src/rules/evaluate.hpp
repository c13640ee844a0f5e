// Evaluates rules: what they find, or why they could not be asked.
#pragma once

#include "rules/rules.hpp"

namespace scout::rules {

struct Outcome {
    const char *sqlstate;  // nullptr: it was evaluated
    const char *message;
    int64 failures, scanned;  // scanned -1: not known
    int64 microseconds;       // of the scan
    int rules_in_scan;        // how many rules that scan has answered
    const char *sample;       // JSON array of keys; nullptr: none

    const char *status(const Rule &rule) const;  // pass, warn, error, runtime error
};

struct Limits {
    TimestampTz since;
    int64 timeout_ms;  // of each scan
    int sample;
};

// One outcome per rule, in their order. Rules over the same rows with the same owner are answered by one
// scan; if that fails or takes too long, each of them by its own, so that none hides the others. Raises
// nothing but the user's cancel and its like (pg/deadline.hpp). Needs a Session.
pg::Array<Outcome> evaluate(const pg::Array<Rule> &rules, const Limits &limits);

// The statement of one rule, as add_quality_rule() plans it. `keys` are those of key_columns().
const char *statement_of(const Rule *const *rules, size_t count, const char *keys);

// What names a row of the rule's relation; as whoever may run it.
const char *key_columns(const Rule &rule);

}  // namespace scout::rules
