// The rules that ship: what the contract keeps out of silver (core/rules.cpp) and what only shows between
// rows. The numbers in them are the thresholds of built_in_rules(). What belongs to a row of the window is
// fetched by its key (an aggregate or OFFSET 0 keeps the planner from joining), so that no plan reads the
// history.
#include "rules/rules.hpp"

namespace scout::rules {

namespace {

constexpr const char *transactions = "scout.silver_transactions",
                     *transaction_rows = "scout.silver_transactions AS t",
                     *transaction_key = "t.transaction_id", *transaction_window = "t.processed_at >= $1";

constexpr const char
    *lines = "scout.silver_line_items",
    *line_rows =
        "scout.silver_transactions AS s CROSS JOIN LATERAL (SELECT i.transaction_id,"
        " i.line_sequence, i.quantity, i.unit_price, i.product_key"
        " FROM scout.silver_line_items i WHERE i.transaction_id = s.transaction_id OFFSET 0) AS t",
    *line_key = "t.transaction_id, t.line_sequence", *line_window = "s.processed_at >= $1";

constexpr const char *any = "> 0";

constexpr ShippedRule transaction_rule(const char *name, const char *category, const char *severity,
                                       const char *predicate, const char *description) {
    return {
        name,      category, severity, transactions, transaction_rows, transaction_key, transaction_window,
        predicate, nullptr,  any,      any,          description};
}

constexpr ShippedRule line_rule(const char *name, const char *category, const char *predicate,
                                const char *warn, const char *error, const char *description) {
    return {name,        category,  error_severity, lines, line_rows, line_key,
            line_window, predicate, nullptr,        warn,  error,     description};
}

constexpr ShippedRule query_rule(const char *name, const char *category, const char *severity,
                                 const char *query, const char *description) {
    return {name,    category, severity, nullptr, nullptr, nullptr,
            nullptr, nullptr,  query,    any,     any,     description};
}

}  // namespace

const ShippedRule shipped_rules[] = {
    transaction_rule("negative_total", "amounts", error_severity, "t.total_amount < {NEGATIVE_TOTAL}",
                     "The total is less than the threshold of NEGATIVE_TOTAL."),
    transaction_rule("impossible_amount", "amounts", warn_severity, "t.total_amount > {AMOUNT_ABOVE_LIMIT}",
                     "The total is greater than the threshold of AMOUNT_ABOVE_LIMIT."),
    transaction_rule("line_total_mismatch", "lines", error_severity,
                     "EXISTS (SELECT FROM (SELECT abs(sum(i.line_amount) - t.total_amount) AS by"
                     " FROM scout.silver_line_items i WHERE i.transaction_id = t.transaction_id) l"
                     " WHERE l.by > 0.50 AND l.by * 100 > {LINE_TOTAL_MISMATCH} * abs(t.total_amount))",
                     "The line amounts differ from the total by more than 0.50 and than the threshold of "
                     "LINE_TOTAL_MISMATCH, in percent."),
    transaction_rule("empty_items", "lines", error_severity, "t.item_count <= 0",
                     "The transaction has no line items."),
    transaction_rule("missing_store", "completeness", error_severity,
                     "t.store_id IS NULL OR btrim(t.store_id) = ''", "The transaction has no store."),
    transaction_rule(
        "future_timestamp", "time", warn_severity,
        "t.ts > coalesce((SELECT b.ingested_at FROM scout.bronze_events b WHERE b.event_id = "
        "t.source_event_id),"
        " t.processed_at) + least({FUTURE_TIMESTAMP}, 876000)::float8 * interval '1 hour'",
        "The timestamp is later than the receipt by more than the threshold of FUTURE_TIMESTAMP, in hours."),
    line_rule("invalid_line_item", "lines", "t.quantity <= 0 OR t.unit_price < 0", any, any,
              "The line has a quantity that is not positive, or a negative unit price."),
    line_rule("product_linking", "linking", "t.product_key IS NULL", "> 5%", "> 10%",
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
        "A line item of an open dead letter whose transaction is not in silver; reconcile() looks at all "
        "lines."),
};
const int shipped_count = static_cast<int>(sizeof shipped_rules / sizeof *shipped_rules);

const ShippedRule *find_shipped(const char *name) {
    for (const ShippedRule &rule : shipped_rules)
        if (strcmp(rule.name, name) == 0) return &rule;
    return nullptr;
}

}  // namespace scout::rules
