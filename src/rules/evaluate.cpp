#include "rules/evaluate.hpp"

#include "extension/pipeline.hpp"
#include "extension/sight.hpp"
#include "pg/deadline.hpp"
#include "pg/free_sql.hpp"

extern "C" {
#include "portability/instr_time.h"
#include "utils/acl.h"
}

namespace scout::rules {

namespace {

bool same_scan(const Rule &a, const Rule &b) {
    if (a.query != nullptr || b.query != nullptr || a.shipped() != b.shipped()) return false;
    return strcmp(rows_of(a), rows_of(b)) == 0 && (a.shipped() || strcmp(a.owner, b.owner) == 0);
}

// Failures of one rule while its rows pass by. `context` is older than the subtransaction.
struct Tally {
    MemoryContext context;
    StringInfoData sample;
    int64 failures;

    void start() {
        context = CurrentMemoryContext;
        initStringInfo(&sample);
        failures = 0;
    }
    void add(const pg::Row &row, int key_columns, int limit) {
        if (failures++ >= limit) return;
        MemoryContext scan = MemoryContextSwitchTo(context);
        const char *json = pg::row_json(row, key_columns);
        appendStringInfo(&sample, "%s%s", sample.len > 0 ? ", " : "[", json);
        MemoryContextSwitchTo(scan);
    }
    const char *json() {
        if (sample.len == 0) return nullptr;
        appendStringInfoChar(&sample, ']');
        return sample.data;
    }
};

using Group = pg::Array<const Rule *>;

struct Scan {
    const Group &rules;
    const Limits &limits;
    Tally *tallies;
    int64 scanned;

    void run();

private:
    void run_predicates(pg::FreeSql &sql);
    void run_query(pg::FreeSql &sql);
};

void Scan::run() {
    const Rule &first = *rules[0];
    const Oid owner =
        first.shipped() ? extension::require_pipeline() : extension::role_of_registrant(first.owner);
    pg::FreeSql sql(owner);
    first.query == nullptr ? run_predicates(sql) : run_query(sql);
    sql.end();
}

void Scan::run_predicates(pg::FreeSql &sql) {
    const int count = static_cast<int>(rules.size());
    int64 rows = 0;
    sql.each(statement_of(rules.begin(), rules.size(), key_columns(*rules[0])), limits.since,
             [&](const pg::Row &row) {
                 const int keys = row.columns() - count;
                 rows++;
                 for (int i = 0; i < count; i++)
                     if (row.boolean(keys + 1 + i)) tallies[i].add(row, keys, limits.sample);
             });
    scanned = rows;
}

void Scan::run_query(pg::FreeSql &sql) {
    const Rule &rule = *rules[0];
    sql.each(rule.query, limits.since,
             [&](const pg::Row &row) { tallies[0].add(row, row.columns(), limits.sample); });
    if (rule.relation != nullptr)
        sql.each(psprintf("SELECT count(*) FROM %s", rows_of(rule)), limits.since,
                 [&](const pg::Row &row) { scanned = row.int8(1); });
}

void evaluate_group(const Group &rules, const Limits &limits, Outcome *outcomes) {
    auto *tallies = static_cast<Tally *>(palloc0(rules.size() * sizeof(Tally)));
    for (size_t i = 0; i < rules.size(); i++) tallies[i].start();
    Scan scan{rules, limits, tallies, -1};
    instr_time start, end;
    INSTR_TIME_SET_CURRENT(start);
    const pg::Attempt attempt = pg::attempt_within(limits.timeout_ms, [&scan] { scan.run(); });
    INSTR_TIME_SET_CURRENT(end);
    INSTR_TIME_SUBTRACT(end, start);

    if (attempt.error != nullptr && rules.size() > 1) {
        for (size_t i = 0; i < rules.size(); i++) {
            Group alone;
            alone.push(rules[i]);
            evaluate_group(alone, limits, outcomes + i);
        }
        return;
    }
    for (size_t i = 0; i < rules.size(); i++) {
        Outcome &out = outcomes[i];
        out = Outcome{};
        out.microseconds = static_cast<int64>(INSTR_TIME_GET_MICROSEC(end));
        out.rules_in_scan = static_cast<int>(rules.size());
        out.scanned = scan.scanned;
        if (attempt.error != nullptr) {
            out.scanned = -1;
            out.sqlstate = pstrdup(unpack_sql_state(attempt.error->sqlerrcode));
            out.message = attempt.timed_out ? psprintf("ended after its time limit of " INT64_FORMAT " ms",
                                                       limits.timeout_ms)
                                            : attempt.error->message;
        } else {
            out.failures = tallies[i].failures;
            out.sample = tallies[i].json();
        }
    }
}

}  // namespace

const char *key_columns(const Rule &rule) {
    if (rule.keys != nullptr) return rule.keys;
    // Without a primary key: the place of the row; of a view its first columns.
    static pg::Statement keys(
        "SELECT coalesce((SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY k.n)"
        "   FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)"
        "   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
        "   WHERE i.indrelid = c.oid AND i.indisprimary AND k.n <= i.indnkeyatts),"
        "  CASE WHEN c.relkind IN ('r', 'm') THEN 't.ctid'"
        "       WHEN c.relkind = 'p' THEN 't.tableoid::pg_catalog.regclass, t.ctid' ELSE"
        "   (SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum) FROM"
        "     (SELECT b.attname, b.attnum FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attnum > 0"
        "      AND NOT b.attisdropped ORDER BY b.attnum LIMIT 4) a) END)"
        " FROM pg_class c WHERE c.oid = to_regclass($1)");
    pg::Rows rows = keys.read({pg::text(rule.relation)});
    // A relation that is gone is the statement's own error.
    return rows.count() == 0 || rows.is_null(0, 1) ? "t" : pg::c_string(rows.text(0, 1));
}

const char *statement_of(const Rule *const *rules, size_t count, const char *keys) {
    if (rules[0]->query != nullptr) return rules[0]->query;
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql, "SELECT %s", keys);
    // The line break ends a comment that a predicate may close with.
    for (size_t i = 0; i < count; i++) appendStringInfo(&sql, ", (%s\n) IS TRUE", rules[i]->predicate);
    appendStringInfo(&sql, " FROM %s", rows_of(*rules[0]));
    return sql.data;
}

const char *Outcome::status(const Rule &rule) const {
    if (sqlstate != nullptr) return "runtime error";
    if (rule.error.reached(failures, scanned)) return rule.severity;
    return rule.warn.reached(failures, scanned) ? warn_severity : "pass";
}

pg::Array<Outcome> evaluate(const pg::Array<Rule> &rules, const Limits &limits) {
    pg::Array<Outcome> out;
    (void)out.extend(rules.size());
    pg::Array<bool> done;
    for (size_t i = 0; i < rules.size(); i++) done.push(false);
    for (size_t i = 0; i < rules.size(); i++) {
        CHECK_FOR_INTERRUPTS();
        if (done[i]) continue;
        Group group;
        pg::Array<size_t> places;
        for (size_t j = i; j < rules.size(); j++)
            if (!done[j] && (j == i || same_scan(rules[i], rules[j]))) {
                group.push(&rules[j]);
                places.push(j);
                done[j] = true;
            }
        auto *outcomes = static_cast<Outcome *>(palloc0(group.size() * sizeof(Outcome)));
        evaluate_group(group, limits, outcomes);
        for (size_t k = 0; k < places.size(); k++) out[places[k]] = outcomes[k];
    }
    return out;
}

}  // namespace scout::rules
