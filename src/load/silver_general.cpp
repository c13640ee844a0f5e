// The general write path: INSERT, UPDATE and upsert through SPI, one statement per table and batch over
// arrays. It updates what is there, tells by RETURNING what another session was faster with, and writes
// what the native path must not: Citus tables, rules, deferrable keys, row security.

#include "load/silver_writer.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::load {

namespace {

// What a transaction says, in the order of the arrays.
#define CONTENT(row)                                                                          \
    row "store_id, " row "ts, " row "date_key, " row "total_amount, " row "net_amount, " row  \
        "customer_id, " row "payment_method, " row "item_count, " row "unique_products, " row \
        "source_event_id"
#define TRANSACTION_ARRAYS                                                                       \
    "unnest($1::text[], $2::text[], $3::timestamptz[], $4::int[], $5::numeric[], $6::numeric[]," \
    " $7::text[], $8::text[], $9::int[], $10::int[], $11::bigint[]) AS n(transaction_id, " CONTENT("") ")"

pg::Statement insert("INSERT INTO scout.silver_transactions (transaction_id, " CONTENT(
    "") ", processed_at, updated_at)"
        " SELECT n.*, $12, $12 FROM " TRANSACTION_ARRAYS
        " ON CONFLICT (transaction_id) DO NOTHING RETURNING transaction_id::text");

// updated_at moves only where the content does: a reprocess renews processed_at and nothing else.
pg::Statement update(
    "UPDATE scout.silver_transactions t SET (" CONTENT("") ", processed_at, updated_at) ="
    " ROW(" CONTENT("n.") ", $12, CASE WHEN (" CONTENT("t.") ") IS DISTINCT FROM (" CONTENT("n.") ")"
    " THEN $12 ELSE coalesce(t.updated_at, $12) END)"
    " FROM " TRANSACTION_ARRAYS " WHERE t.transaction_id = n.transaction_id",
    pg::Plan::by_index);

// What a line says of its own, but for the key of its product.
#define LINE(row)                                                                                    \
    row "product_id, " row "product_name, " row "brand_name, " row "category, " row "quantity, " row \
        "unit_price, " row "line_amount, " row "discount_amount, " row "store_id"
#define LINE_ARRAYS                                                                                          \
    "unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::numeric[],"           \
    " $8::numeric[], $9::numeric[], $10::numeric[], $11::text[]) AS n(transaction_id, line_sequence, " LINE( \
        "") ")"

// A linked product_key stays where the product is the same; unchanged lines are not rewritten.
pg::Statement upsert(
    "INSERT INTO scout.silver_line_items AS l (transaction_id, line_sequence, " LINE("") ", product_key, updated_at)"
    " SELECT n.*, p.product_key, $12 FROM " LINE_ARRAYS
    " LEFT JOIN scout.dim_product p ON p.product_id = n.product_id"
    " ON CONFLICT (transaction_id, line_sequence) DO UPDATE SET (" LINE("") ", product_key, updated_at) ="
    "  ROW(" LINE("excluded.") ", CASE WHEN l.product_id = excluded.product_id"
    "   THEN coalesce(l.product_key, excluded.product_key) ELSE excluded.product_key END, excluded.updated_at)"
    " WHERE (" LINE("l.") ", coalesce(l.product_key, excluded.product_key)) IS DISTINCT FROM"
    "  (" LINE("excluded.") ", l.product_key)",
    pg::Plan::by_index);

// Lines that the upsert finds: a partitioned table cannot tell by RETURNING which rows were new.
pg::Statement count_lines(
    "SELECT count(*) FROM unnest($1::text[], $2::int[]) AS n(transaction_id, lines)"
    " JOIN scout.silver_line_items l ON l.transaction_id = n.transaction_id"
    " AND l.line_sequence BETWEEN 1 AND n.lines",
    pg::Plan::by_index);

pg::Statement remove_extra(
    "DELETE FROM scout.silver_line_items l USING unnest($1::text[], $2::int[]) AS n(transaction_id, lines)"
    " WHERE l.transaction_id = n.transaction_id AND (l.line_sequence > n.lines OR l.line_sequence < 1)",
    pg::Plan::by_index);

void add(pg::Column &column, const core::OptionalText &value) {
    value.present ? column.add_text(value.text) : column.add_null();
}

pg::Rows write(pg::Statement &statement, const Batch &batch, const pg::Array<size_t> &which,
               TimestampTz now) {
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
    return statement.run({id.param(), store.param(), ts.param(), key.param(), total.param(), net.param(),
                          customer.param(), payment.param(), items.param(), products.param(), source.param(),
                          pg::timestamp(now)});
}

pg::Rows by_line_count(pg::Statement &statement, const Batch &batch, const pg::Array<size_t> &which) {
    pg::Column transactions(TEXTOID, which.size()), line_counts(INT4OID, which.size());
    for (size_t i : which) {
        transactions.add_text(batch.events[i].header.transaction_id);
        line_counts.add(Int32GetDatum(static_cast<int32>(batch.events[i].line_count)));
    }
    return statement.run({transactions.param(), line_counts.param()});
}

}  // namespace

pg::Rows insert_transactions(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now) {
    return write(insert, batch, which, now);
}

int64 update_transactions(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now) {
    return which.empty() ? 0 : static_cast<int64>(write(update, batch, which, now).count());
}

int64 upsert_lines(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now) {
    size_t n = 0;
    for (size_t i : which) n += batch.events[i].line_count;
    if (n == 0) return 0;
    pg::Column id(TEXTOID, n), sequence(INT4OID, n), product(TEXTOID, n), name(TEXTOID, n), brand(TEXTOID, n),
        category(TEXTOID, n), quantity(NUMERICOID, n), price(NUMERICOID, n), amount(NUMERICOID, n),
        discount(NUMERICOID, n), store(TEXTOID, n);
    for (size_t i : which) {
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
    const int64 found = by_line_count(count_lines, batch, which).int8(0, 1);
    upsert.run({id.param(), sequence.param(), product.param(), name.param(), brand.param(), category.param(),
                quantity.param(), price.param(), amount.param(), discount.param(), store.param(),
                pg::timestamp(now)});
    return static_cast<int64>(n) - found;
}

void remove_extra_lines(const Batch &batch, const pg::Array<size_t> &which) {
    if (!which.empty()) by_line_count(remove_extra, batch, which);
}

}  // namespace scout::load
