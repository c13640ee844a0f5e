// The catalogue's keys of a batch's products.
#pragma once

#include "pipeline/decode.hpp"

namespace scout::pipeline {

class ProductKeys {
public:
    // Of the lines of the events at `which`; one look-up for all of them.
    ProductKeys(const Batch &batch, const pg::Array<size_t> &which);
    bool knows(std::string_view product) const { return find(product) != nullptr; }
    const int64 *find(std::string_view product) const;  // nullptr where dim_product has none

private:
    struct Key {
        std::string_view product;
        int64 key;
    };
    pg::Array<Key> keys_;  // by product
};

}  // namespace scout::pipeline
