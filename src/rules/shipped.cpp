// The rules that ship: those of the contract that silver rows can break (core/rules.cpp), with the thresholds
// of built_in_rules(), and what only shows between rows. What belongs to a row of the window is fetched by
// its key (an aggregate or OFFSET 0 keeps the planner from joining), so that no plan reads the history.
#include "extension/rule_set.hpp"
#include "rules/rules.hpp"

namespace scout::rules {

namespace {

struct Rows {
    const char *relation, *source, *keys, *window;
};

constexpr Rows transactions{"scout.silver_transactions", "scout.silver_transactions AS t", "t.transaction_id",
                            "t.processed_at >= $1"};

constexpr Rows lines{
    "scout.silver_line_items",
    "scout.silver_transactions AS s CROSS JOIN LATERAL (SELECT i.transaction_id,"
    " i.line_sequence, i.quantity, i.unit_price, i.product_key"
    " FROM scout.silver_line_items i WHERE i.transaction_id = s.transaction_id OFFSET 0) AS t",
    "t.transaction_id, t.line_sequence", "s.processed_at >= $1"};

constexpr Rows none{};

constexpr const char *any = "> 0";

// Either a rule of the contract, or all the rest.
struct Shipped {
    bool built_in;
    core::Rule rule;
    Rows rows;
    const char *name, *category, *severity, *predicate, *query, *warn, *error, *description;
};

constexpr Shipped built_in(core::Rule rule) {
    return {true, rule, none, nullptr, nullptr, nullptr, nullptr, nullptr, any, any, nullptr};
}

constexpr Shipped row_rule(const Rows &rows, const char *name, const char *category, const char *predicate,
                           const char *warn, const char *error, const char *description) {
    return {false, {}, rows, name, category, error_severity, predicate, nullptr, warn, error, description};
}

constexpr Shipped query_rule(const char *name, const char *category, const char *severity, const char *query,
                             const char *description) {
    return {false, {}, none, name, category, severity, nullptr, query, any, any, description};
}

constexpr Shipped shipped[] = {
    built_in(core::Rule::negative_total),
    built_in(core::Rule::amount_above_limit),
    built_in(core::Rule::line_total_mismatch),
    built_in(core::Rule::empty_items),
    row_rule(transactions, "missing_store", "completeness", "t.store_id IS NULL OR btrim(t.store_id) = ''",
             any, any, "The transaction has no store."),
    built_in(core::Rule::future_timestamp),
    built_in(core::Rule::invalid_line_item),
    row_rule(lines, "product_linking", "linking", "t.product_key IS NULL", "> 5%", "> 10%",
             "The line is not linked to a product: at least 95 % should be."),
    query_rule("duplicate_transaction", "uniqueness", warn_severity,
               "SELECT d.dlq_id, d.transaction_id, d.event_id FROM scout.bronze_events_dlq d"
               " WHERE d.status = 'open' AND d.failed_at >= $1"
               " AND coalesce(d.last_error_code, d.error_code) = 'DUPLICATE_TRANSACTION'",
               "An open dead letter whose transaction another event has in silver."),
    query_rule(
        "orphan_lines", "lines", error_severity,
        "SELECT l.transaction_id, l.line_sequence FROM (SELECT DISTINCT"
        " coalesce(q.transaction_id, btrim(q.original_payload ->> 'transaction_id')) AS id"
        " FROM scout.bronze_events_dlq q WHERE q.status = 'open' AND q.failed_at >= $1) d"
        " CROSS JOIN LATERAL (SELECT i.transaction_id, i.line_sequence FROM scout.silver_line_items i"
        " WHERE i.transaction_id = d.id OFFSET 0) l"
        " WHERE NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.transaction_id = d.id OFFSET 0)",
        "A line item of an open dead letter whose transaction is not in silver; "
        "reconcile() looks at all lines."),
};

// Each condition that silver can be asked is a rule here.
constexpr bool all_built_in() {
    int count = 0;
    for (const Shipped &s : shipped) count += s.built_in;
    return count == core::silver_check_count;
}

static_assert(all_built_in());

Rule rule_of(const Shipped &s, const core::RuleSet &rules) {
    Rule rule{};
    Rows rows = s.rows;
    rule.warn = stored_threshold(s.warn);
    rule.error = stored_threshold(s.error);
    rule.enabled = true;
    if (s.built_in) {
        const core::RuleInfo &info = core::rule_info(s.rule);
        rows = info.silver.rows == core::SilverCheck::Rows::lines ? lines : transactions;
        rule.name = pg::c_string(info.silver.quality_rule);
        rule.category = pg::c_string(info.category);
        rule.severity = info.default_severity == core::Severity::critical ? error_severity : warn_severity;
        rule.predicate = extension::silver_condition(info, rules);
        rule.description = pg::c_string(info.description);
        if (info.has_threshold)
            rule.description = psprintf("%s It is that of %s.", rule.description, pg::c_string(info.code));
    } else {
        rule.name = s.name;
        rule.category = s.category;
        rule.severity = s.severity;
        rule.predicate = s.predicate;
        rule.query = s.query;
        rule.description = s.description;
    }
    rule.relation = rows.relation;
    rule.source = rows.source;
    rule.keys = rows.keys;
    rule.window = rows.window;
    return rule;
}

}  // namespace

pg::Array<Rule> shipped_rules() {
    const core::RuleSet rules = extension::current_rules();
    pg::Array<Rule> out;
    for (const Shipped &s : shipped) out.push(rule_of(s, rules));
    return out;
}

bool is_shipped(const char *name) {
    for (const Shipped &s : shipped)
        if (s.built_in ? core::rule_info(s.rule).silver.quality_rule == name : strcmp(s.name, name) == 0)
            return true;
    return false;
}

}  // namespace scout::rules
