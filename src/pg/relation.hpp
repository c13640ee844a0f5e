// The pipeline as the catalogue has it: does it exist, who owns it.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

constexpr const char *schema_name = "scout";

// The version of the tables' layout that this library works with. create_pipeline() writes it into the
// comment of bronze_pending, where a dump carries it and DROP EXTENSION leaves it.
constexpr int pipeline_schema_version = 1;

// OID of a relation of schema scout, InvalidOid where there is none.
Oid relation_oid(const char *name);

// The file of a relation of schema scout, which DROP, TRUNCATE and rewrites replace; InvalidOid where there
// is none.
Oid file_of(const char *name);

// How many blocks a table of schema scout has now; -1 where it is partitioned or foreign.
int64 blocks_of(const char *name);

// Has this transaction made or emptied the table?
bool has_new_file(Oid table);

bool is_partitioned(const char *name);

// The owner of the pipeline tables, as whom every write to them runs. One clear error, with the
// call that mends it, where a table is missing, the owners differ, or the layout is of another version.
Oid require_pipeline();

// The owner of the extension, as whom its own tables are written.
Oid extension_owner();

// "0.1.0" as installed in this database; nullptr where it is not.
const char *extension_version();

// True if the current role may execute the operator tier.
bool is_operator();

// True if the current role may execute the admin tier.
bool is_admin();

// "42501: ... is for operators" unless is_operator().
void require_operator(const char *what);

}  // namespace scout::pg
