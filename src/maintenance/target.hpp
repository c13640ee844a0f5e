// What maintain() may be done to, by whom, as whom.
#pragma once

#include "pg/postgres.hpp"

namespace scout::maintenance {

enum class Action : uint8 { vacuum, analyze, vacuum_analyze, reindex, index };

// 22023 where `name` is none of them; nullptr is none.
Action action_of(const char *name);
const char *name_of(Action action);

struct Target {
    Oid relation, table;  // the same, but for an index
    const char *name;     // quoted and qualified
    bool is_index;
    bool of_pipeline;
    Oid run_as;
};

// Looks the relation up and raises where it has gone, cannot be maintained in this way, or the current
// role must not: what is the pipeline's is open to operators, all else only to its own owner. It is done as
// the relation's owner; an index in schema scout as the extension's, who alone may create there. Needs a
// Session with the caller's own role; takes no lock.
Target find_target(Oid relation, Action action);

// The statement, with the name as it is now; not of Action::index (new_index.hpp).
const char *statement(const Target &target, Action action);

}  // namespace scout::maintenance
