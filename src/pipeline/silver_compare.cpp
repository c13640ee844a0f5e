// What silver has already, compared with what the events say: a reprocess finds nearly all of it as it
// should be, and writing a row again costs far more than reading it.

#include "pg/spi.hpp"
#include "pipeline/product_keys.hpp"
#include "pipeline/silver_writer.hpp"

namespace scout::pipeline {

namespace {

pg::Statement read_transactions(
    "SELECT t.source_event_id, t.updated_at, t.transaction_id, t.store_id, t.ts, t.date_key, t.total_amount,"
    " t.net_amount, t.customer_id, t.payment_method, t.item_count, t.unique_products"
    " FROM scout.silver_transactions t WHERE t.source_event_id = ANY ($1)",
    pg::Plan::by_index);

// updated_at moves with the content: where it is still the one that was read, so is the row.
pg::Statement renew(
    "UPDATE scout.silver_transactions t SET processed_at = $3"
    " FROM unnest($1::bigint[], $2::timestamptz[]) AS n(event_id, updated_at)"
    " WHERE t.source_event_id = n.event_id AND t.updated_at = n.updated_at RETURNING t.source_event_id",
    pg::Plan::by_index);

pg::Statement read_lines(
    "SELECT l.transaction_id, l.line_sequence, l.product_id, l.product_name, l.brand_name, l.category,"
    " l.quantity, l.unit_price, l.line_amount, l.discount_amount, l.store_id, l.product_key"
    " FROM scout.silver_line_items l WHERE l.transaction_id = ANY ($1)",
    pg::Plan::by_index);

bool same(const pg::Rows &rows, uint64 row, int column, const core::OptionalText &value) {
    return rows.is_null(row, column) ? !value.present : value.present && rows.text(row, column) == value.text;
}

bool same(const pg::Rows &rows, uint64 row, int column, const core::OptionalDecimal &value) {
    return rows.is_null(row, column) ? !value.present : value.present && rows.holds(row, column, value.value);
}

bool same_transaction(const pg::Rows &rows, uint64 row, const Event &e) {
    const core::Header &h = e.header;
    return rows.text(row, 3) == h.transaction_id && rows.text(row, 4) == h.store_id &&
           rows.timestamp(row, 5) == h.ts && rows.int4(row, 6) == core::date_key(h.ts) &&
           rows.holds(row, 7, h.total_amount) && same(rows, row, 8, h.net_amount) &&
           same(rows, row, 9, h.customer_id) && same(rows, row, 10, h.payment_method) &&
           rows.int4(row, 11) == h.item_count && rows.int4(row, 12) == e.unique_products;
}

// A line without a product_key is another line as soon as the catalogue knows its product.
bool same_line(const pg::Rows &rows, uint64 row, const core::Header &h, const core::Line &l,
               const ProductKeys &keys) {
    return rows.text(row, 3) == l.product_id && same(rows, row, 4, l.product_name) &&
           same(rows, row, 5, l.brand) && same(rows, row, 6, l.category) && rows.holds(row, 7, l.quantity) &&
           rows.holds(row, 8, l.unit_price) && rows.holds(row, 9, l.line_amount) &&
           rows.holds(row, 10, l.discount) && rows.text(row, 11) == h.store_id &&
           (!rows.is_null(row, 12) || !keys.knows(l.product_id));
}

}  // namespace

pg::Array<size_t> renew_unchanged(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now,
                                  pg::Array<size_t> &others) {
    pg::Array<size_t> by_event, renewed;
    pg::Array<int64> ids;
    for (size_t i : which) {
        by_event.push(i);
        ids.push(batch.events[i].event_id);
    }
    auto event_id = [&batch](size_t i) { return batch.events[i].event_id; };
    std::sort(by_event.begin(), by_event.end(),
              [&](size_t a, size_t b) { return event_id(a) < event_id(b); });
    pg::Rows rows = read_transactions.run({pg::int8_array(ids.begin(), ids.size())});
    pg::Column unchanged(INT8OID, rows.count()), versions(TIMESTAMPTZOID, rows.count());
    for (uint64 row = 0; row < rows.count(); row++) {
        const int64 id = rows.int8(row, 1);
        const size_t *at = std::lower_bound(by_event.begin(), by_event.end(), id,
                                            [&](size_t i, int64 wanted) { return event_id(i) < wanted; });
        if (at == by_event.end() || event_id(*at) != id || !same_transaction(rows, row, batch.events[*at]))
            continue;
        unchanged.add(Int64GetDatum(id));
        versions.add(TimestampTzGetDatum(rows.timestamp(row, 2)));
    }
    rows.free();
    pg::Rows done = renew.run({unchanged.param(), versions.param(), pg::timestamp(now)});
    pg::Array<int64> done_ids;
    for (uint64 row = 0; row < done.count(); row++) done_ids.push(done.int8(row, 1));
    done.free();
    std::sort(done_ids.begin(), done_ids.end());
    for (size_t i : which)
        (std::binary_search(done_ids.begin(), done_ids.end(), event_id(i)) ? renewed : others).push(i);
    return renewed;
}

pg::Array<size_t> with_other_lines(const Batch &batch, const pg::Array<size_t> &which) {
    pg::Array<size_t> different;
    if (which.empty()) return different;
    pg::Array<std::string_view> ids;
    for (size_t i : which) ids.push(batch.events[i].header.transaction_id);
    pg::Rows rows = read_lines.run({pg::text_array(ids.begin(), ids.size())});
    struct Stored {
        std::string_view transaction_id;
        int32 sequence;
        uint64 row;
    };
    pg::Array<Stored> stored;
    for (uint64 row = 0; row < rows.count(); row++) stored.push({rows.text(row, 1), rows.int4(row, 2), row});
    std::sort(stored.begin(), stored.end(), [](const Stored &a, const Stored &b) {
        const int order = a.transaction_id.compare(b.transaction_id);
        return order != 0 ? order < 0 : a.sequence < b.sequence;
    });
    const ProductKeys keys(batch, which);
    const Stored *at = stored.begin();
    for (size_t i : which) {
        CHECK_FOR_INTERRUPTS();
        const Event &e = batch.events[i];
        while (at != stored.end() && at->transaction_id < e.header.transaction_id) at++;
        size_t line = 0;
        bool equal = true;
        for (; at != stored.end() && at->transaction_id == e.header.transaction_id; at++, line++)
            equal = equal && line < e.line_count && at->sequence == static_cast<int32>(line + 1) &&
                    same_line(rows, at->row, e.header, batch.lines_of(e)[line], keys);
        if (!equal || line != e.line_count) different.push(i);
    }
    rows.free();
    return different;
}

}  // namespace scout::pipeline
