// The tables of silver are the user's: what somebody attached to them must not lose a row unseen.

#include "extension/pipeline.hpp"
#include "load/silver_writer.hpp"
#include "pg/table_traits.hpp"

namespace scout::load {

namespace {

constexpr const char *transactions_table = "silver_transactions", *lines_table = "silver_line_items";

pg::Statement deferrable_constraints(
    "SELECT string_agg(DISTINCT format('scout.%I', k.conname), ', ') FROM pg_constraint k"
    " WHERE k.conrelid IN ('scout.silver_transactions'::regclass, 'scout.silver_line_items'::regclass)"
    " AND k.condeferrable AND k.connamespace = 'scout'::regnamespace");

pg::Statement lost_transactions(
    "SELECT FROM unnest($1::bigint[], $2::text[]) AS n(event_id, transaction_id)"
    " WHERE NOT EXISTS (SELECT FROM scout.silver_transactions t"
    "  WHERE t.source_event_id = n.event_id AND t.transaction_id = n.transaction_id) LIMIT 1",
    pg::Plan::by_index);

pg::Statement lost_lines(
    "SELECT FROM unnest($1::text[], $2::int[]) AS n(transaction_id, lines)"
    " WHERE n.lines <> (SELECT count(*) FROM scout.silver_line_items l"
    "  WHERE l.transaction_id = n.transaction_id AND l.line_sequence BETWEEN 1 AND n.lines) LIMIT 1",
    pg::Plan::by_index);

// A constraint that is checked at commit would fail there for the whole load, time and again. Checked with
// each statement it fails inside the subtransaction of the batch, which isolates the event.
void check_constraints_at_once() {
    pg::Rows rows = deferrable_constraints.run();
    if (rows.is_null(0, 1)) return;
    (void)pg::run_text(psprintf("SET CONSTRAINTS %s IMMEDIATE", pg::c_string(rows.text(0, 1))));
}

pg::TableTraits sound_table(const char *table, LOCKMODE lock) {
    const pg::TableTraits traits = pg::table_traits(extension::require_table(table), lock);
    if (traits.refusal != nullptr)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("table \"scout.%s\" cannot be used: %s", table, traits.refusal),
                errhint("Nothing was changed. Mend the table; "
                        "SELECT * FROM scout.create_pipeline() names all that is wrong."));
    return traits;
}

}  // namespace

SilverTables examine_tables() {
    (void)sound_table("bronze_events", AccessShareLock);
    (void)sound_table("bronze_events_dlq", AccessShareLock);
    const pg::TableTraits transactions = sound_table(transactions_table, RowExclusiveLock),
                          lines = sound_table(lines_table, RowExclusiveLock);
    if (transactions.deferrable || lines.deferrable) check_constraints_at_once();
    return {transactions.triggers, lines.triggers, transactions.referenced};
}

void refuse_dropped_rows(const char *table) {
    ereport(ERROR, errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
            errmsg("a trigger on \"scout.%s\" dropped or moved a row of this event", table),
            errhint("Filter events before they reach bronze, "
                    "or by a rule: what silver lacks must be a dead letter."));
}

void verify_written(const SilverTables &tables, const Batch &batch) {
    if (!tables.transaction_triggers && !tables.line_triggers) return;
    const size_t n = batch.events.size();
    pg::Column events(INT8OID, n), ids(TEXTOID, n), line_counts(INT4OID, n);
    for (const Event &e : batch.events) {
        if (e.verdict != Verdict::valid) continue;
        events.add(Int64GetDatum(e.event_id));
        ids.add_text(e.header.transaction_id);
        line_counts.add(Int32GetDatum(static_cast<int32>(e.line_count)));
    }
    if (tables.transaction_triggers && lost_transactions.run({events.param(), ids.param()}).count() > 0)
        refuse_dropped_rows(transactions_table);
    // Also after a trigger on transactions: it may write lines.
    if (lost_lines.run({ids.param(), line_counts.param()}).count() > 0) refuse_dropped_rows(lines_table);
}

}  // namespace scout::load
