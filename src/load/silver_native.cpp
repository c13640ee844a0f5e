// The native write path: new transactions and their lines by the page (pg/bulk_writer.hpp).

#include "extension/pipeline.hpp"
#include "load/product_keys.hpp"
#include "load/silver_writer.hpp"
#include "pg/bulk_writer.hpp"

namespace scout::load {

namespace {

constexpr const char *transactions_table = "silver_transactions", *lines_table = "silver_line_items";

constexpr pg::BulkColumn transaction_columns[] = {
    {"transaction_id", TEXTOID},   {"store_id", TEXTOID},        {"ts", TIMESTAMPTZOID},
    {"date_key", INT4OID},         {"total_amount", NUMERICOID}, {"net_amount", NUMERICOID},
    {"customer_id", TEXTOID},      {"payment_method", TEXTOID},  {"item_count", INT4OID},
    {"unique_products", INT4OID},  {"source_event_id", INT8OID}, {"processed_at", TIMESTAMPTZOID},
    {"updated_at", TIMESTAMPTZOID}};

constexpr pg::BulkColumn line_columns[] = {{"transaction_id", TEXTOID}, {"line_sequence", INT4OID},
                                           {"product_id", TEXTOID},     {"product_name", TEXTOID},
                                           {"brand_name", TEXTOID},     {"category", TEXTOID},
                                           {"quantity", NUMERICOID},    {"unit_price", NUMERICOID},
                                           {"line_amount", NUMERICOID}, {"discount_amount", NUMERICOID},
                                           {"product_key", INT8OID},    {"updated_at", TIMESTAMPTZOID},
                                           {"store_id", TEXTOID}};

void add(pg::BulkRows &rows, const core::OptionalText &value) {
    value.present ? rows.text(value.text) : rows.null();
}

}  // namespace

const char *native_refusal() {
    const char *why = pg::bulk_refusal(extension::require_table(transactions_table), transaction_columns,
                                       std::size(transaction_columns));
    return why != nullptr ? why
                          : pg::bulk_refusal(extension::require_table(lines_table), line_columns,
                                             std::size(line_columns));
}

int64 copy_transactions(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now) {
    if (which.empty()) return 0;
    size_t at = 0;
    const uint64 written =
        pg::bulk_write(extension::require_table(transactions_table), transaction_columns,
                       std::size(transaction_columns), [&](pg::BulkRows &rows) {
                           if (at == which.size()) return false;
                           const Event &e = batch.events[which[at++]];
                           const core::Header &h = e.header;
                           rows.begin_row();
                           rows.text(h.transaction_id);
                           rows.text(h.store_id);
                           rows.timestamp(h.ts);
                           rows.int4(core::date_key(h.ts));
                           rows.decimal(h.total_amount);
                           h.net_amount.present ? rows.decimal(h.net_amount.value) : rows.null();
                           add(rows, h.customer_id);
                           add(rows, h.payment_method);
                           rows.int4(h.item_count);
                           rows.int4(e.unique_products);
                           rows.int8(e.event_id);
                           rows.timestamp(now);
                           rows.timestamp(now);
                           return true;
                       });
    if (written < which.size()) refuse_dropped_rows(transactions_table);

    const ProductKeys keys(batch, which);
    size_t line = 0, nth = 0;
    at = 0;
    return static_cast<int64>(pg::bulk_write(extension::require_table(lines_table), line_columns,
                                             std::size(line_columns), [&](pg::BulkRows &rows) {
                                                 while (at < which.size() &&
                                                        line == batch.events[which[at]].line_count) {
                                                     at++;
                                                     line = 0;
                                                 }
                                                 if (at == which.size()) return false;
                                                 const Event &e = batch.events[which[at]];
                                                 const core::Line &l = batch.lines_of(e)[line++];
                                                 rows.begin_row();
                                                 rows.text(e.header.transaction_id);
                                                 rows.int4(static_cast<int32>(line));
                                                 rows.text(l.product_id);
                                                 add(rows, l.product_name);
                                                 add(rows, l.brand);
                                                 add(rows, l.category);
                                                 rows.decimal(l.quantity);
                                                 rows.decimal(l.unit_price);
                                                 rows.decimal(l.line_amount);
                                                 rows.decimal(l.discount);
                                                 const int64 *key = keys.of_line(nth++);
                                                 key != nullptr ? rows.int8(*key) : rows.null();
                                                 rows.timestamp(now);
                                                 rows.text(e.header.store_id);
                                                 return true;
                                             }));
}

}  // namespace scout::load
