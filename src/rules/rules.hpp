// Quality rules: what is looked for in rows that are there. The shipped ones are code (shipped.cpp) with
// overrides as rows, users' own are rows (rule_store.cpp); evaluate.cpp runs both alike.
#pragma once

#include "core/threshold.hpp"
#include "pg/memory.hpp"
#include "pg/postgres.hpp"

namespace scout::rules {

constexpr const char *error_severity = "error", *warn_severity = "warn";

struct Rule {
    const char *name, *category, *severity, *description;
    const char *relation;       // as shown, and whose rows are counted for a query; nullptr: none
    const char *source;         // FROM clause that makes the rows `t` of a predicate; nullptr: of `relation`
    const char *keys;           // columns that name a row of `source`; nullptr: the primary key
    const char *window;         // condition on $1, the window's start; nullptr: all rows
    const char *window_column;  // what the user gave for it
    const char *predicate;      // true for a row that fails
    const char *query;          // or: returns the rows that fail
    const char *owner;          // nullptr: shipped, runs as the owner of the pipeline
    core::Threshold warn, error;
    bool enabled, overridden;
    TimestampTz created_at;  // 0 where shipped

    bool shipped() const { return owner == nullptr; }
};

// The rules that ship, without overrides. Needs a Session.
pg::Array<Rule> shipped_rules();
bool is_shipped(const char *name);

// The threshold that a text of ours says.
core::Threshold stored_threshold(std::string_view text);

// All rules as they are in force, shipped ones first. Needs a Session.
pg::Array<Rule> all_rules();
const Rule *find(const pg::Array<Rule> &rules, const char *name);

// "a, b, c", for hints.
const char *names_of(const pg::Array<Rule> &rules);

const char *threshold_text(const core::Threshold &threshold);

// 22023 unless warn can be seen before error, and percentages have something to be of.
void check_thresholds(const Rule &rule);

// The FROM clause and the condition of a rule's rows.
const char *rows_of(const Rule &rule);

}  // namespace scout::rules
