// The most similar product for each of many texts, by the similarity of pg_trgm: of the trigrams that either
// name has, the share that both have.
//
// Comparing every text with every product would be a cross join, and a look-up in a trigram index of the
// table reads the postings of all trigrams of a name: more than a millisecond each at 50,000 products. Here
// the catalogue is read once, and only rare trigrams are looked up (prefix filtering, as in set similarity
// joins): if two sets of n and m trigrams are similar enough to share at least s of them, the n - s + 1
// rarest of one and the m - s + 1 rarest of the other have one in common. What they lead to is then compared
// exactly.
#pragma once

#include "pg/memory.hpp"

namespace scout::linking {

// As show_trgm() writes it, at most 8 bytes.
using Trigram = uint64;

struct Product {
    int64 key;
    std::string_view brand;  // normalised, '' where it has none
    uint32 first, count;     // its trigrams
};

struct Similar {
    size_t product;  // position in the catalogue
    float similarity;
};

class Catalogue {
public:
    // In ascending order of the key: ties go to the first. `trigrams` is a text[].
    void add(int64 key, std::string_view brand, Datum trigrams);
    void build(float similarity);
    // False where no product is similar enough. A brand on both sides must be the same; of equally similar
    // products one of the same brand is preferred.
    bool find(std::string_view brand, Datum trigrams, Similar &best);
    const Product &operator[](size_t i) const { return products_[i]; }

private:
    struct Posting {
        uint32 product, position;  // of the trigram in the product's set
    };

    float similarity_ = 1;
    pg::Array<Product> products_;
    pg::Array<Trigram> trigrams_;    // of all products
    pg::Array<Trigram> dictionary_;  // distinct, sorted
    pg::Array<uint32> rank_;         // of each in the dictionary: 0 is the rarest
    pg::Array<uint32> sets_;         // ranks instead of trigrams, each product's in ascending order
    pg::Array<uint32> starts_;       // by rank, where its postings start
    pg::Array<Posting> postings_;    // the products that have it among their rarest
    pg::Array<uint32> seen_;         // by product: the search that compared it last
    pg::Array<uint32> known_;        // of the text: ranks of its trigrams that some product has
    uint32 search_ = 0;
};

}  // namespace scout::linking
