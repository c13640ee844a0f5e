#include "pipeline/product_keys.hpp"

#include "pg/spi.hpp"

namespace scout::pipeline {

ProductKeys::ProductKeys(const Batch &batch, const pg::Array<size_t> &which) {
    static pg::Statement any("SELECT FROM scout.dim_product LIMIT 1");
    static pg::Statement look_up(
        "SELECT product_id, product_key FROM scout.dim_product WHERE product_id = ANY ($1)"
        " AND product_key IS NOT NULL",
        pg::Plan::by_index);
    if (any.run().count() == 0) return;  // a pipeline without a catalogue
    pg::Array<std::string_view> products;
    for (size_t i : which) {
        const Event &e = batch.events[i];
        const core::Line *lines = batch.lines_of(e);
        for (size_t l = 0; l < e.line_count; l++) products.push(lines[l].product_id);
    }
    if (products.empty()) return;
    std::sort(products.begin(), products.end());
    const auto *end = std::unique(products.begin(), products.end());
    pg::Rows rows =
        look_up.run({pg::text_array(products.begin(), static_cast<size_t>(end - products.begin()))});
    for (uint64 i = 0; i < rows.count(); i++) keys_.push({rows.text(i, 1), rows.int8(i, 2)});
    std::sort(keys_.begin(), keys_.end(), [](const Key &a, const Key &b) { return a.product < b.product; });
}

const int64 *ProductKeys::find(std::string_view product) const {
    const Key *key = std::lower_bound(keys_.begin(), keys_.end(), product,
                                      [](const Key &k, std::string_view p) { return k.product < p; });
    return key != keys_.end() && key->product == product ? &key->key : nullptr;
}

}  // namespace scout::pipeline
