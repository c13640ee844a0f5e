// Relations and functions of the catalogue, by Oid.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

// InvalidOid where there is none.
Oid owner_of(Oid relation);

// The file of a relation, which DROP, TRUNCATE and rewrites replace; InvalidOid where there is none.
Oid file_of(Oid relation);

// How many blocks a table has now; -1 where it is partitioned, inherited from or foreign.
int64 blocks_of(Oid table);

// Has this transaction made or emptied the table?
bool has_new_file(Oid table);

bool is_partitioned(Oid table);

// Is `relation` this table, or a partition of it at any depth?
bool is_of_table(Relation relation, Oid table);

// The function of this name and argument types; InvalidOid where there is none.
Oid function_oid(Oid schema, const char *name, const Oid *types, int count);

// May the current role execute it?
bool may_execute(Oid function);

}  // namespace scout::pg
