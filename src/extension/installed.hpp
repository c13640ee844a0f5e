// The extension as this database has it.
#pragma once

#include "pg/postgres.hpp"

namespace scout::extension {

// The owner of the extension, as whom its own tables are written.
Oid extension_owner();

// The extension as it is installed; InvalidOid where it is not (any more). Holds AccessShareLock on it to
// the end of the transaction, so that DROP EXTENSION waits for at most one batch.
Oid lock_extension();

// This database of this cluster: "7301.../16384".
const char *home();

}  // namespace scout::extension
