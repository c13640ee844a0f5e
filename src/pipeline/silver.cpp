// The winner rule (invariant 2) and the general write path.
//
// Of the valid events of one transaction_id the lowest event_id wins (scout_ir.duplicate_winner: or the
// highest), whatever the order in which they are loaded. Existing rows are locked before they are
// compared; new ones are inserted with ON CONFLICT DO NOTHING, and those that another session inserted
// meanwhile go through the comparison again. Rows are locked and inserted in byte order of
// transaction_id, so that two sessions cannot deadlock on them.

#include "pipeline/silver.hpp"

#include "pg/result.hpp"
#include "pg/settings.hpp"
#include "pg/spi.hpp"
#include "pipeline/dead_letter.hpp"

namespace scout::pipeline {

namespace {

constexpr int max_races = 10;

bool better(int64 a, int64 b) {
    return pg::duplicate_winner == pg::winner_lowest ? a < b : a > b;
}

#define TRANSACTION_ARRAYS                                                                               \
    "unnest($1::text[], $2::text[], $3::timestamptz[], $4::int[], $5::numeric[], $6::numeric[],"         \
    " $7::text[], $8::text[], $9::int[], $10::int[], $11::bigint[]) AS n(transaction_id, store_id, ts, " \
    "date_key,"                                                                                          \
    " total_amount, net_amount, customer_id, payment_method, item_count, unique_products, source_event_id)"

pg::Statement lock_existing(
    "SELECT t.transaction_id, coalesce(t.source_event_id, 0) FROM scout.silver_transactions t"
    " WHERE t.transaction_id = ANY ($1) ORDER BY t.transaction_id COLLATE \"C\" FOR UPDATE");

pg::Statement insert_transactions(
    "INSERT INTO scout.silver_transactions (transaction_id, store_id, ts, date_key, total_amount, net_amount,"
    " customer_id, payment_method, item_count, unique_products, source_event_id, processed_at, updated_at)"
    " SELECT n.*, $12, $12 FROM " TRANSACTION_ARRAYS
    " ON CONFLICT (transaction_id) DO NOTHING RETURNING transaction_id");

// updated_at moves only where the content does: a reprocess renews processed_at and nothing else.
pg::Statement update_transactions(
    "UPDATE scout.silver_transactions t SET store_id = n.store_id, ts = n.ts, date_key = n.date_key,"
    " total_amount = n.total_amount, net_amount = n.net_amount, customer_id = n.customer_id,"
    " payment_method = n.payment_method, item_count = n.item_count, unique_products = n.unique_products,"
    " source_event_id = n.source_event_id, processed_at = $12,"
    " updated_at = CASE WHEN (t.store_id, t.ts, t.date_key, t.total_amount, t.net_amount, t.customer_id,"
    "  t.payment_method, t.item_count, t.unique_products, t.source_event_id) IS DISTINCT FROM"
    "  (n.store_id, n.ts, n.date_key, n.total_amount, n.net_amount, n.customer_id, n.payment_method, "
    "n.item_count,"
    "  n.unique_products, n.source_event_id) THEN $12 ELSE t.updated_at END"
    " FROM " TRANSACTION_ARRAYS " WHERE t.transaction_id = n.transaction_id");

// A linked product_key stays where the product is the same; unchanged lines are not rewritten.
pg::Statement upsert_lines(
    "WITH written AS ("
    " INSERT INTO scout.silver_line_items AS l (transaction_id, line_sequence, product_id, product_name, "
    "brand_name,"
    "  category, quantity, unit_price, line_amount, discount_amount, product_key, updated_at, store_id)"
    " SELECT n.transaction_id, n.line_sequence, n.product_id, n.product_name, n.brand_name, n.category, "
    "n.quantity,"
    "  n.unit_price, n.line_amount, n.discount_amount, p.product_key, $12, n.store_id"
    " FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[], "
    "$8::numeric[],"
    "  $9::numeric[], $10::numeric[], $11::text[]) AS n(transaction_id, line_sequence, product_id, "
    "product_name,"
    "  brand_name, category, quantity, unit_price, line_amount, discount_amount, store_id)"
    " LEFT JOIN scout.dim_product p ON p.product_id = n.product_id"
    " ON CONFLICT (transaction_id, line_sequence) DO UPDATE SET product_id = excluded.product_id,"
    "  product_name = excluded.product_name, brand_name = excluded.brand_name, category = excluded.category,"
    "  quantity = excluded.quantity, unit_price = excluded.unit_price, line_amount = excluded.line_amount,"
    "  discount_amount = excluded.discount_amount, updated_at = excluded.updated_at, store_id = "
    "excluded.store_id,"
    "  product_key = CASE WHEN l.product_id = excluded.product_id THEN coalesce(l.product_key, "
    "excluded.product_key)"
    "                ELSE excluded.product_key END"
    " WHERE (l.product_id, l.product_name, l.brand_name, l.category, l.quantity, l.unit_price, l.line_amount,"
    "  l.discount_amount, l.store_id, coalesce(l.product_key, excluded.product_key)) IS DISTINCT FROM"
    "  (excluded.product_id, excluded.product_name, excluded.brand_name, excluded.category, "
    "excluded.quantity,"
    "  excluded.unit_price, excluded.line_amount, excluded.discount_amount, excluded.store_id, l.product_key)"
    " RETURNING (xmax = 0) AS created)"
    " SELECT count(*) FILTER (WHERE created) FROM written");

pg::Statement remove_extra_lines(
    "DELETE FROM scout.silver_line_items l USING unnest($1::text[], $2::int[]) AS n(transaction_id, lines)"
    " WHERE l.transaction_id = n.transaction_id AND (l.line_sequence > n.lines OR l.line_sequence < 1)");

void add(pg::Column &column, const core::OptionalText &value) {
    value.present ? column.add_text(value.text) : column.add_null();
}

uint64 write_transactions(pg::Statement &statement, const Batch &batch, const pg::Array<size_t> &which,
                          TimestampTz now, pg::Rows &rows) {
    if (which.empty()) return 0;
    const size_t n = which.size();
    pg::Column id(TEXTOID, n), store(TEXTOID, n), ts(TIMESTAMPTZOID, n), key(INT4OID, n),
        total(NUMERICOID, n), net(NUMERICOID, n), customer(TEXTOID, n), payment(TEXTOID, n),
        items(INT4OID, n), products(INT4OID, n), source(INT8OID, n);
    for (size_t i : which) {
        const Event &e = batch.events[i];
        const core::Header &h = e.header;
        id.add_text(h.transaction_id);
        store.add_text(h.store_id);
        ts.add(TimestampTzGetDatum(h.ts));
        key.add(Int32GetDatum(core::date_key(h.ts)));
        total.add(pg::numeric_of(h.total_amount));
        h.net_amount.present ? net.add(pg::numeric_of(h.net_amount.value)) : net.add_null();
        add(customer, h.customer_id);
        add(payment, h.payment_method);
        items.add(Int32GetDatum(h.item_count));
        products.add(Int32GetDatum(e.unique_products));
        source.add(Int64GetDatum(e.event_id));
    }
    rows = statement.run({id.param(), store.param(), ts.param(), key.param(), total.param(), net.param(),
                          customer.param(), payment.param(), items.param(), products.param(), source.param(),
                          pg::timestamp(now)});
    return rows.count();
}

void write_lines(Mode mode, const Batch &batch, const pg::Array<size_t> &written,
                 const pg::Array<size_t> &replaced, TimestampTz now, BatchCounts &counts) {
    size_t n = 0;
    for (size_t i : written) n += batch.events[i].line_count;
    pg::Column id(TEXTOID, n), sequence(INT4OID, n), product(TEXTOID, n), name(TEXTOID, n), brand(TEXTOID, n),
        category(TEXTOID, n), quantity(NUMERICOID, n), price(NUMERICOID, n), amount(NUMERICOID, n),
        discount(NUMERICOID, n), store(TEXTOID, n);
    for (size_t i : written) {
        const Event &e = batch.events[i];
        const core::Line *lines = batch.lines_of(e);
        for (size_t l = 0; l < e.line_count; l++) {
            id.add_text(e.header.transaction_id);
            sequence.add(Int32GetDatum(static_cast<int32>(l + 1)));
            product.add_text(lines[l].product_id);
            add(name, lines[l].product_name);
            add(brand, lines[l].brand);
            add(category, lines[l].category);
            quantity.add(pg::numeric_of(lines[l].quantity));
            price.add(pg::numeric_of(lines[l].unit_price));
            amount.add(pg::numeric_of(lines[l].line_amount));
            discount.add(pg::numeric_of(lines[l].discount));
            store.add_text(e.header.store_id);
        }
    }
    if (n > 0)
        counts.lines += upsert_lines
                            .run({id.param(), sequence.param(), product.param(), name.param(), brand.param(),
                                  category.param(), quantity.param(), price.param(), amount.param(),
                                  discount.param(), store.param(), pg::timestamp(now)})
                            .int8(0, 1);

    // A transaction that was there may have had more lines; after a repair by hand, a new one too.
    const pg::Array<size_t> &shrink = mode == Mode::load ? replaced : written;
    if (shrink.empty()) return;
    pg::Column transactions(TEXTOID, shrink.size()), line_counts(INT4OID, shrink.size());
    for (size_t i : shrink) {
        transactions.add_text(batch.events[i].header.transaction_id);
        line_counts.add(Int32GetDatum(static_cast<int32>(batch.events[i].line_count)));
    }
    remove_extra_lines.run({transactions.param(), line_counts.param()});
}

// Candidates in byte order of transaction_id, one per transaction; the others become duplicates.
pg::Array<size_t> choose_candidates(Batch &batch) {
    pg::Array<size_t> valid, chosen;
    for (size_t i = 0; i < batch.events.size(); i++)
        if (batch.events[i].verdict == Verdict::valid) valid.push(i);
    std::sort(valid.begin(), valid.end(), [&batch](size_t a, size_t b) {
        const Event &x = batch.events[a], &y = batch.events[b];
        int order = x.header.transaction_id.compare(y.header.transaction_id);
        return order != 0 ? order < 0 : better(x.event_id, y.event_id);
    });
    for (size_t i : valid) {
        Event &e = batch.events[i];
        if (!chosen.empty() &&
            batch.events[chosen[chosen.size() - 1]].header.transaction_id == e.header.transaction_id) {
            e.verdict = Verdict::duplicate;
            e.winner = batch.events[chosen[chosen.size() - 1]].event_id;
        } else {
            chosen.push(i);
        }
    }
    return chosen;
}

struct Existing {
    std::string_view transaction_id;
    int64 event_id;
};

// The transactions of `candidates` that are in silver, locked, in byte order.
pg::Array<Existing> lock_rows(const Batch &batch, const pg::Array<size_t> &candidates) {
    pg::Array<std::string_view> ids;
    for (size_t i : candidates) ids.push(batch.events[i].header.transaction_id);
    pg::Rows rows = lock_existing.run({pg::text_array(ids.begin(), ids.size())});
    pg::Array<Existing> existing;
    for (uint64 i = 0; i < rows.count(); i++) existing.push({rows.text(i, 1), rows.int8(i, 2)});
    std::sort(existing.begin(), existing.end(),
              [](const Existing &a, const Existing &b) { return a.transaction_id < b.transaction_id; });
    return existing;
}

// The candidates whose transaction_id is not among the inserted ones: another session was faster.
pg::Array<size_t> not_inserted(const Batch &batch, const pg::Array<size_t> &wanted, const pg::Rows &rows) {
    pg::Array<std::string_view> inserted;
    for (uint64 i = 0; i < rows.count(); i++) inserted.push(rows.text(i, 1));
    std::sort(inserted.begin(), inserted.end());
    pg::Array<size_t> missing;
    for (size_t i : wanted)
        if (!std::binary_search(inserted.begin(), inserted.end(), batch.events[i].header.transaction_id))
            missing.push(i);
    return missing;
}

}  // namespace

void write_silver(Mode mode, Batch &batch, BatchCounts &counts) {
    const TimestampTz now = GetCurrentTimestamp();
    pg::Array<size_t> candidates = choose_candidates(batch), written, replaced;
    pg::Array<int64> displaced, displaced_by;
    pg::Array<std::string_view> displaced_from;

    for (int round = 0; !candidates.empty(); round++) {
        CHECK_FOR_INTERRUPTS();
        if (round == max_races)
            ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("other sessions keep writing the transactions of this batch"),
                    errhint("Load again."));
        pg::Array<Existing> existing = lock_rows(batch, candidates);
        pg::Array<size_t> fresh, update;
        size_t at = 0;
        for (size_t i : candidates) {
            Event &e = batch.events[i];
            while (at < existing.size() && existing[at].transaction_id < e.header.transaction_id) at++;
            if (at == existing.size() || existing[at].transaction_id != e.header.transaction_id) {
                fresh.push(i);
                continue;
            }
            const int64 holder = existing[at].event_id;  // 0: a row without lineage, which any event replaces
            if (holder != 0 && holder != e.event_id && better(holder, e.event_id)) {
                e.verdict = Verdict::duplicate;
                e.winner = holder;
                continue;
            }
            if (holder != 0 && holder != e.event_id) {
                displaced.push(holder);
                displaced_by.push(e.event_id);
                displaced_from.push(e.header.transaction_id);
            }
            update.push(i);
        }
        pg::Rows rows;
        counts.updated +=
            static_cast<int64>(write_transactions(update_transactions, batch, update, now, rows));
        pg::Rows inserted;
        uint64 created = write_transactions(insert_transactions, batch, fresh, now, inserted);
        counts.created += static_cast<int64>(created);
        pg::Array<size_t> raced;
        if (created < fresh.size()) raced = not_inserted(batch, fresh, inserted);
        for (size_t i : update) {
            written.push(i);
            replaced.push(i);
        }
        for (size_t i : fresh)
            if (std::find(raced.begin(), raced.end(), i) == raced.end()) written.push(i);
        candidates = raced;
    }
    write_lines(mode, batch, written, replaced, now, counts);
    dead_letter_displaced(displaced, displaced_by, displaced_from, counts);
}

}  // namespace scout::pipeline
