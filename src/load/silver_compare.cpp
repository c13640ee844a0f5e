// What silver has already, compared with what the events say: a reprocess finds nearly all of it as it
// should be, and writing a row again costs far more than reading it.

#include "load/product_keys.hpp"
#include "load/silver_writer.hpp"
#include "pg/spi.hpp"

namespace scout::load {

namespace {

// With casts, which cost nothing where the type is the expected one: a column whose type was changed after
// its table was adopted must not be read as what it is not.
pg::Statement read_transactions(
    "SELECT t.source_event_id::bigint, t.updated_at::timestamptz, t.transaction_id::text, t.store_id::text,"
    " t.ts::timestamptz, t.date_key::int, t.total_amount::numeric,"
    " t.net_amount::numeric, t.customer_id::text,"
    " t.payment_method::text, t.item_count::int, t.unique_products::int"
    " FROM scout.silver_transactions t WHERE t.source_event_id = ANY ($1)",
    pg::Plan::by_index);

// updated_at moves with the content: where it is still the one that was read, so is the row.
pg::Statement renew_rows(
    "UPDATE scout.silver_transactions t SET processed_at = $3"
    " FROM unnest($1::bigint[], $2::timestamptz[]) AS n(event_id, updated_at)"
    " WHERE t.source_event_id = n.event_id AND t.updated_at = n.updated_at RETURNING "
    "t.source_event_id::bigint",
    pg::Plan::by_index);

pg::Statement read_lines(
    "SELECT l.transaction_id::text, l.line_sequence::int, l.product_id::text, l.product_name::text,"
    " l.brand_name::text, l.category::text, l.quantity::numeric,"
    " l.unit_price::numeric, l.line_amount::numeric,"
    " l.discount_amount::numeric, l.store_id::text, l.product_key::bigint"
    " FROM scout.silver_line_items l WHERE l.transaction_id = ANY ($1)",
    pg::Plan::by_index);

bool same(const pg::Row &row, int column, const core::OptionalText &value) {
    return row.is_null(column) ? !value.present : value.present && row.text(column) == value.text;
}

bool same(const pg::Row &row, int column, const core::OptionalDecimal &value) {
    return row.is_null(column) ? !value.present : value.present && row.holds(column, value.value);
}

bool same_number(const pg::Row &row, int column, int32 value) {
    return !row.is_null(column) && row.int4(column) == value;
}

bool same_time(const pg::Row &row, int column, TimestampTz value) {
    return !row.is_null(column) && row.timestamp(column) == value;
}

bool same_transaction(const pg::Row &row, const Event &e) {
    const core::Header &h = e.header;
    return row.text(3) == h.transaction_id && row.text(4) == h.store_id && same_time(row, 5, h.ts) &&
           same_number(row, 6, core::date_key(h.ts)) && row.holds(7, h.total_amount) &&
           same(row, 8, h.net_amount) && same(row, 9, h.customer_id) && same(row, 10, h.payment_method) &&
           same_number(row, 11, h.item_count) && same_number(row, 12, e.unique_products);
}

// A line without a product_key is another line as soon as the catalogue knows its product.
bool same_line(const pg::Row &row, const core::Header &h, const core::Line &l, const ProductKeys &keys) {
    return row.text(3) == l.product_id && same(row, 4, l.product_name) && same(row, 5, l.brand) &&
           same(row, 6, l.category) && row.holds(7, l.quantity) && row.holds(8, l.unit_price) &&
           row.holds(9, l.line_amount) && row.holds(10, l.discount) && row.text(11) == h.store_id &&
           (!row.is_null(12) || !keys.knows(l.product_id));
}

}  // namespace

pg::Array<size_t> find_unchanged(const Batch &batch, const pg::Array<size_t> &which,
                                 pg::Array<TimestampTz> &versions) {
    pg::Array<int64> ids;
    pg::Array<size_t> by_event, unchanged;  // by_event: positions in `which`
    auto *found = static_cast<TimestampTz *>(palloc0((which.size() + 1) * sizeof(TimestampTz)));
    auto *same = static_cast<bool *>(palloc0(which.size() + 1));
    auto event_id = [&](size_t position) { return batch.events[which[position]].event_id; };
    for (size_t k = 0; k < which.size(); k++) {
        by_event.push(k);
        ids.push(event_id(k));
    }
    std::sort(by_event.begin(), by_event.end(),
              [&](size_t a, size_t b) { return event_id(a) < event_id(b); });
    read_transactions.each({pg::int8_array(ids.begin(), ids.size())}, [&](const pg::Row &row) {
        const int64 id = row.int8(1);
        const size_t *at = std::lower_bound(by_event.begin(), by_event.end(), id,
                                            [&](size_t k, int64 wanted) { return event_id(k) < wanted; });
        if (at == by_event.end() || event_id(*at) != id) return;
        // A row of an adopted table may have no updated_at yet.
        if (row.is_null(2) || !same_transaction(row, batch.events[which[*at]])) return;
        same[*at] = true;
        found[*at] = row.timestamp(2);
    });
    for (size_t k = 0; k < which.size(); k++) {
        if (!same[k]) continue;
        unchanged.push(which[k]);
        versions.push(found[k]);
    }
    return unchanged;
}

pg::Array<size_t> renew(const Batch &batch, const pg::Array<size_t> &which,
                        const pg::Array<TimestampTz> &versions, TimestampTz now) {
    pg::Array<size_t> renewed;
    if (which.empty()) return renewed;
    pg::Column ids(INT8OID, which.size()), read(TIMESTAMPTZOID, which.size());
    for (size_t k = 0; k < which.size(); k++) {
        ids.add(Int64GetDatum(batch.events[which[k]].event_id));
        read.add(TimestampTzGetDatum(versions[k]));
    }
    pg::Rows rows = renew_rows.run({ids.param(), read.param(), pg::timestamp(now)});
    pg::Array<int64> done;
    for (uint64 row = 0; row < rows.count(); row++) done.push(rows.int8(row, 1));
    rows.free();
    std::sort(done.begin(), done.end());
    for (size_t i : which)
        if (std::binary_search(done.begin(), done.end(), batch.events[i].event_id)) renewed.push(i);
    return renewed;
}

pg::Array<size_t> with_other_lines(const Batch &batch, const pg::Array<size_t> &which) {
    pg::Array<size_t> different;
    if (which.empty()) return different;
    pg::Array<std::string_view> ids;
    for (size_t i : which) ids.push(batch.events[i].header.transaction_id);
    auto *equal_lines = static_cast<size_t *>(palloc0(which.size() * sizeof(size_t)));
    auto *has_other = static_cast<bool *>(palloc0(which.size() * sizeof(bool)));
    const ProductKeys keys(batch, which);
    size_t at = 0;  // lines of a transaction come one after the other
    read_lines.each({pg::text_array(ids.begin(), ids.size())}, [&](const pg::Row &row) {
        const std::string_view id = row.text(1);
        if (ids[at] != id)
            at = static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
        if (at == ids.size() || ids[at] != id) {
            at = 0;
            return;  // equal by a collation of the user's, but another id
        }
        const Event &e = batch.events[which[at]];
        const int64 line = int64{row.int4(2)} - 1;
        if (line >= 0 && line < static_cast<int64>(e.line_count) &&
            same_line(row, e.header, batch.lines_of(e)[line], keys))
            equal_lines[at]++;
        else
            has_other[at] = true;
    });
    for (size_t i = 0; i < which.size(); i++)
        if (has_other[i] || equal_lines[i] != batch.events[which[i]].line_count) different.push(which[i]);
    return different;
}

}  // namespace scout::load
