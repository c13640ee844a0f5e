// Plans of statements whose text is put together from a definition: each text is planned once per backend.
//
// A plan is freed to make room for others, but never while one is made or executed: both may call functions
// of users', and these come back here.
#pragma once

#include "pg/spi.hpp"

namespace scout::pg {

// Reads with the snapshot of the calling query. Needs a Session. The plan is generic: planning takes
// several times as long as one look through an index.
Rows read_cached(const char *sql, std::initializer_list<Param> params);

}  // namespace scout::pg
