// What somebody made of a table that matters to whoever writes it: rules, row security, children,
// triggers, deferrable constraints. Whoever adopts a table looks at the same; this is
// for what was altered since.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "storage/lockdefs.h"
}

namespace scout::pg {

struct TableTraits {
    const char *refusal;  // why its rows cannot be written or seen for certain, nullptr where they can
    bool triggers;        // of the user's, on INSERT or UPDATE: a row may end otherwise than it was written
    bool deferrable;      // a constraint may be left to the end of the transaction
    bool referenced;      // by foreign keys
};

// As the current role, which must be the table's owner. Takes `lock` until the transaction ends: from
// AccessShareLock on the refusal holds that long, from RowExclusiveLock on the rest too.
TableTraits table_traits(Oid table, LOCKMODE lock);

}  // namespace scout::pg
