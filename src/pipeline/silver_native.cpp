// The native write path: new transactions and their lines by COPY inside the server (pg/bulk_writer.hpp).

#include "pg/bulk_writer.hpp"
#include "pipeline/silver_writer.hpp"

namespace scout::pipeline {

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

// The catalogue's key of each product of the batch that it knows.
class ProductKeys {
public:
    ProductKeys(const Batch &batch, const pg::Array<size_t> &which) {
        static pg::Statement query(
            "SELECT product_id, product_key FROM scout.dim_product WHERE product_id = ANY ($1)"
            " AND product_key IS NOT NULL",
            pg::Plan::by_index);
        static pg::Statement any("SELECT FROM scout.dim_product LIMIT 1");
        if (any.run().count() == 0) return;
        pg::Array<std::string_view> products;
        for (size_t i : which) {
            const Event &e = batch.events[i];
            const core::Line *lines = batch.lines_of(e);
            for (size_t l = 0; l < e.line_count; l++) products.push(lines[l].product_id);
        }
        std::sort(products.begin(), products.end());
        products.truncate(
            static_cast<size_t>(std::unique(products.begin(), products.end()) - products.begin()));
        if (products.empty()) return;
        pg::Rows rows = query.run({pg::text_array(products.begin(), products.size())});
        for (uint64 i = 0; i < rows.count(); i++) keys_.push({rows.text(i, 1), rows.int8(i, 2)});
        std::sort(keys_.begin(), keys_.end(),
                  [](const Key &a, const Key &b) { return a.product < b.product; });
    }
    void add(pg::BulkRows &rows, std::string_view product) const {
        const Key *key = std::lower_bound(keys_.begin(), keys_.end(), product,
                                          [](const Key &k, std::string_view p) { return k.product < p; });
        key != keys_.end() && key->product == product ? rows.int8(key->key) : rows.null();
    }

private:
    struct Key {
        std::string_view product;
        int64 key;
    };
    pg::Array<Key> keys_;
};

}  // namespace

const char *native_refusal() {
    const char *why =
        pg::bulk_refusal(transactions_table, transaction_columns, std::size(transaction_columns));
    return why != nullptr ? why : pg::bulk_refusal(lines_table, line_columns, std::size(line_columns));
}

int64 copy_transactions(const Batch &batch, const pg::Array<size_t> &which, TimestampTz now) {
    if (which.empty()) return 0;
    size_t at = 0;
    const uint64 written = pg::bulk_write(
        transactions_table, transaction_columns, std::size(transaction_columns), [&](pg::BulkRows &rows) {
            if (at == which.size()) return false;
            const Event &e = batch.events[which[at++]];
            const core::Header &h = e.header;
            rows.begin_row(std::size(transaction_columns));
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
    size_t line = 0;
    at = 0;
    return static_cast<int64>(
        pg::bulk_write(lines_table, line_columns, std::size(line_columns), [&](pg::BulkRows &rows) {
            while (at < which.size() && line == batch.events[which[at]].line_count) {
                at++;
                line = 0;
            }
            if (at == which.size()) return false;
            const Event &e = batch.events[which[at]];
            const core::Line &l = batch.lines_of(e)[line++];
            rows.begin_row(std::size(line_columns));
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
            keys.add(rows, l.product_id);
            rows.timestamp(now);
            rows.text(e.header.store_id);
            return true;
        }));
}

}  // namespace scout::pipeline
