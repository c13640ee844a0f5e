// Rows into a plain table, by the page: what COPY does below its format.
//
// COPY reads each value from its wire format and checks its encoding; rows that come from this server need
// neither. Constraints and unique keys are checked as ever, by the executor's own calls. What else COPY looks
// after (triggers, foreign keys, partitions, generated columns, defaults) is left to COPY.
#pragma once

#include "pg/bulk_writer.hpp"

namespace scout::pg {

// Whether these rows can go in without COPY. The caller holds a lock on the table, so that the answer holds.
bool takes_multi_insert(Relation table, const BulkColumn *columns, size_t count);

// Appends rows and returns how many. A row that the table refuses raises as in COPY.
uint64 multi_insert(Relation table, const BulkColumn *columns, size_t count, bool (*next)(void *, BulkRows &),
                    void *argument);

}  // namespace scout::pg
