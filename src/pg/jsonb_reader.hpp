// A typed reader over the JSONB binary: no copy, no SQL. Views point into the document.
#pragma once

#include "core/contract.hpp"
#include "pg/postgres.hpp"

namespace scout::pg {

// A JSONB value seen as what the contract understands.
core::Value value_of(const JsonbValue &value);

// The same for an id: a number comes with its plain text, in the current context.
core::Value id_of(const JsonbValue &value);

// The value of `key` in an object container; kind missing where it is not there.
core::Value member(JsonbContainer *object, std::string_view key);

// Finds the members `keys` of an object in one pass over it. Keys must be in JSONB's order: shorter
// first, then by bytes. What is not there has present = false.
struct Member {
    bool present;
    JsonbValue value;
};
void find_members(JsonbContainer *object, const std::string_view *keys, size_t count, Member *found);

// The JSON text of the value that a finding points at, cut to `limit` bytes at a character
// boundary; NULL where nothing is there. In the current context.
const char *value_at(Jsonb *document, const core::Finding &finding, int limit = 200);

}  // namespace scout::pg
