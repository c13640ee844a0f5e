// What a line says about its product, and which product of the catalogue that is.
#pragma once

#include "pg/memory.hpp"

namespace scout::linking {

// How a text was matched, in the order in which it is tried. All but `similar` count as exact.
enum class Method : uint8 { none, id, name_and_brand, name, similar };
const char *name_of(Method method);

// One spelling of a product among the lines without product_key, however many lines have it. A name or brand
// that the lines leave out is ''.
struct Text {
    std::string_view id, name, brand;
    int64 lines;
    int64 product_key;  // of the match
    float confidence;   // from 0 to 1
    Method method;
    bool known;  // the match is in product_links already
};

// The spellings of all lines without product_key, copied into the current context. Needs a Session as the
// pipeline's owner, like the rest.
void read_texts(pg::Array<Text> &texts);

// By product_id, then by name and brand. Names are compared without regard to case, blanks and
// punctuation. A product whose brand is another one than the line's is never a match.
void match_exactly(pg::Array<Text> &texts);

// What product_links remembers of earlier calls at this similarity or above, where the product is still in
// the catalogue.
void match_as_before(pg::Array<Text> &texts, float similarity);

// By trigrams of the name; with `any_brand` whatever the brands are. False where pg_trgm is not installed.
bool match_by_similarity(pg::Array<Text> &texts, float similarity, bool any_brand = false);

// Writes new matches into product_links, as the extension's owner.
void remember(const pg::Array<Text> &texts);

}  // namespace scout::linking
