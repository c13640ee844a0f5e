// An index that maintain(relation, 'index', columns, is_unique) makes.
#pragma once

#include "maintenance/target.hpp"
#include "pg/memory.hpp"

namespace scout::maintenance {

struct NewIndex {
    const char *name;     // in the schema of its table, not quoted
    const char *columns;  // "a, b", quoted
    bool unique;
};

// Arguments `first` (the columns) and `first` + 1 (is_unique). 22023, 22004 and 42703 for what are no columns
// of the table; 42710 where a valid index has them already; 42501 for a unique index of the pipeline by who
// is no admin, because it refuses rows from then on. Needs a Session. `chosen` is the name that an earlier
// request of the same index has (nullptr: there is none): that its index is there is no error then.
NewIndex new_index_argument(FunctionCallInfo fcinfo, int first, const Target &target, const char *chosen);

const char *create_statement(const Target &target, const NewIndex &index);

}  // namespace scout::maintenance
