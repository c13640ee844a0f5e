// The catalogue's keys of a batch's products.
#pragma once

#include "load/decode.hpp"

namespace scout::load {

// A hash table of the batch's products, filled by one look-up for all of them.
class ProductKeys {
public:
    ProductKeys(const Batch &batch, const pg::Array<size_t> &which);
    bool knows(std::string_view product) const { return find(product) != nullptr; }
    const int64 *find(std::string_view product) const;  // nullptr where dim_product has none
    const int64 *of_line(size_t n) const;               // of the n-th of all their lines, in their order

private:
    struct Slot {
        std::string_view product;  // no data: empty
        int64 key;
        bool known;
    };
    Slot &slot(std::string_view product) const;
    Slot *slots_ = nullptr;  // nullptr: there is no catalogue
    pg::Array<const Slot *> lines_;
    size_t mask_ = 0;
};

}  // namespace scout::load
