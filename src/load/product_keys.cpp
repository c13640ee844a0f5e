#include "load/product_keys.hpp"

#include "extension/pipeline.hpp"
#include "pg/relation.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "common/hashfn.h"
#include "port/pg_bitutils.h"
}

namespace scout::load {

namespace {

pg::Statement look_up(
    "SELECT p.product_id::text, p.product_key::bigint FROM scout.dim_product p WHERE p.product_id = ANY ($1)",
    pg::Plan::by_index);
pg::Statement read_all("SELECT p.product_id::text, p.product_key::bigint FROM scout.dim_product p");

// Reading a page of products costs about as much as looking up so many.
constexpr int64 lookups_per_block = 8;

}  // namespace

ProductKeys::ProductKeys(const Batch &batch, const pg::Array<size_t> &which) {
    const int64 blocks =
        pg::blocks_of(extension::require_table("dim_product"));  // -1: partitioned, nobody knows
    size_t lines = 0;
    for (size_t i : which) lines += batch.events[i].line_count;
    if (blocks == 0 || lines == 0) return;

    const size_t size = pg_nextpower2_64(lines * 2);
    slots_ = static_cast<Slot *>(palloc_extended(size * sizeof(Slot), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
    mask_ = size - 1;
    pg::Array<std::string_view> products;
    for (size_t i : which) {
        const Event &e = batch.events[i];
        const core::Line *line = batch.lines_of(e);
        for (size_t l = 0; l < e.line_count; l++) {
            Slot &s = slot(line[l].product_id);
            lines_.push(&s);
            if (s.product.data() != nullptr) continue;
            s.product = line[l].product_id;
            products.push(s.product);
        }
    }
    auto visit = [this](const pg::Row &row) {
        Slot &s = slot(row.text(1));
        if (s.product.data() == nullptr || row.is_null(2)) return;  // not of this batch
        s.key = row.int8(2);
        s.known = true;
    };
    if (blocks > 0 && blocks * lookups_per_block <= static_cast<int64>(products.size()))
        read_all.each({}, visit);
    else
        look_up.each({pg::text_array(products.begin(), products.size())}, visit);
}

// The product's slot, or the empty one where it belongs. The table is at most half full.
ProductKeys::Slot &ProductKeys::slot(std::string_view product) const {
    size_t i = hash_bytes(reinterpret_cast<const unsigned char *>(product.data()),
                          static_cast<int>(product.size())) &
               mask_;
    while (slots_[i].product.data() != nullptr && slots_[i].product != product) i = (i + 1) & mask_;
    return slots_[i];
}

const int64 *ProductKeys::find(std::string_view product) const {
    if (slots_ == nullptr) return nullptr;
    const Slot &s = slot(product);
    return s.known ? &s.key : nullptr;
}

const int64 *ProductKeys::of_line(size_t n) const {
    return slots_ != nullptr && lines_[n]->known ? &lines_[n]->key : nullptr;
}

}  // namespace scout::load
