// What leaves silver: rows of quarantined or rejected events, and rows that stand under a transaction_id
// which their event no longer has. A transaction that loses its event gets the best waiting duplicate.

#include "load/settings.hpp"
#include "load/silver.hpp"
#include "load/silver_writer.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::load {

int64 remove_silver(const int64 *event_ids, size_t count, pg::Array<std::string_view> &transactions,
                    int64 &lines) {
    static pg::Statement remove(
        "DELETE FROM scout.silver_transactions WHERE source_event_id = ANY ($1)"
        " RETURNING transaction_id::text");
    static pg::Statement remove_lines_first(
        "DELETE FROM scout.silver_line_items l USING scout.silver_transactions t"
        " WHERE t.source_event_id = ANY ($1) AND l.transaction_id = t.transaction_id",
        pg::Plan::by_index);
    static pg::Statement remove_lines("DELETE FROM scout.silver_line_items WHERE transaction_id = ANY ($1)");
    if (count == 0) return 0;
    // A foreign key of the user's from lines to transactions would refuse the other order, or, if it
    // cascades, leave no line to count.
    if (examine_tables().foreign_key)
        lines += static_cast<int64>(remove_lines_first.run({pg::int8_array(event_ids, count)}).count());
    pg::Rows rows = remove.run({pg::int8_array(event_ids, count)});
    const size_t first = transactions.size();
    for (uint64 i = 0; i < rows.count(); i++) transactions.push(rows.text(i, 1));
    if (rows.count() == 0) return 0;
    lines += static_cast<int64>(
        remove_lines.run({pg::text_array(transactions.begin() + first, transactions.size() - first)})
            .count());
    return static_cast<int64>(rows.count());
}

void remove_misplaced(const Batch &batch, pg::Array<std::string_view> &orphaned, BatchCounts &counts) {
    static pg::Statement find(
        "SELECT source_event_id::bigint, transaction_id::text FROM scout.silver_transactions"
        " WHERE source_event_id = ANY ($1)");
    struct Place {
        int64 event_id;
        std::string_view transaction_id;
    };
    pg::Array<int64> ids;
    for (const Event &e : batch.events) ids.push(e.event_id);
    pg::Rows rows = find.run({pg::int8_array(ids.begin(), ids.size())});
    pg::Array<Place> places;
    for (uint64 i = 0; i < rows.count(); i++) places.push({rows.int8(i, 1), rows.text(i, 2)});
    auto by_event = [](const Place &a, const Place &b) { return a.event_id < b.event_id; };
    std::sort(places.begin(), places.end(), by_event);
    pg::Array<int64> misplaced;
    for (const Event &e : batch.events) {
        const Place *place = std::lower_bound(places.begin(), places.end(), Place{e.event_id, {}}, by_event);
        if (place == places.end() || place->event_id != e.event_id) continue;
        if (e.verdict != Verdict::valid || place->transaction_id != e.header.transaction_id)
            misplaced.push(e.event_id);
    }
    int64 lines = 0;
    counts.removed += remove_silver(misplaced.begin(), misplaced.size(), orphaned, lines);
}

void promote_duplicates(const std::string_view *transactions, size_t count, BatchCounts &counts) {
    static pg::Statement next(
        "SELECT DISTINCT ON (d.transaction_id) d.event_id FROM scout.bronze_events_dlq d"
        " WHERE d.status = 'open' AND d.last_error_code = 'DUPLICATE_TRANSACTION'"
        " AND d.transaction_id = ANY ($1)"
        " AND NOT EXISTS (SELECT FROM scout.silver_transactions t WHERE t.transaction_id = d.transaction_id)"
        " ORDER BY d.transaction_id, d.event_id * $2");
    if (count == 0) return;
    // An event that fails its check again gets another code, so that the next round takes the next one.
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        pg::Rows rows = next.run(
            {pg::text_array(transactions, count), pg::int8(duplicate_winner == winner_lowest ? 1 : -1)});
        if (rows.count() == 0) return;
        pg::Array<int64> ids;
        for (uint64 i = 0; i < rows.count(); i++) ids.push(rows.int8(i, 1));
        BatchCounts promoted;
        process_batch(Mode::redrive, ids.begin(), ids.size(), promoted);
        counts.created += promoted.created;
        counts.lines += promoted.lines;
        counts.resolved += promoted.resolved;
        if (promoted.created == 0 && promoted.dead_lettered == 0) return;
    }
}

}  // namespace scout::load
