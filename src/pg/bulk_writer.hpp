// The native write path: rows go in by the page instead of one by one.
//
// A plain table gets them as COPY would write them, without COPY's format in between (multi_insert.hpp).
// Any other goes through PostgreSQL's own COPY, fed inside the server: BeginCopyFrom()/CopyFrom() with a
// callback that hands out rows in COPY's binary format, so that triggers, foreign keys, defaults, generated
// columns and partitions work as in any COPY. What neither must write is named by bulk_refusal(); such a
// table is written by INSERT instead.
//
// A row that the table refuses raises as in COPY; call it in a subtransaction to go on after that.
#pragma once

#include "core/decimal.hpp"
#include "pg/memory.hpp"

namespace scout::pg {

// The columns that rows bring, in their order. The table's other columns get their defaults.
struct BulkColumn {
    const char *name;
    Oid type;  // the wire format; a column of another type (domains over it aside) is refused
};

// Where rows go: begin_row(), then a value for each column.
class BulkRows {
public:
    virtual void begin_row() = 0;
    virtual void text(std::string_view value) = 0;
    virtual void int4(int32 value) = 0;
    virtual void int8(int64 value) = 0;
    virtual void timestamp(TimestampTz value) = 0;
    virtual void decimal(core::Decimal value) = 0;  // numeric of scale 4
    virtual void null() = 0;

protected:
    ~BulkRows() = default;  // trivial: a longjmp may pass over it
};

// Why the native path must not write this relation, nullptr where it may; a static text. Locks the
// relation against changes of its definition until the transaction ends, so that the answer holds.
const char *bulk_refusal(Oid relation, const BulkColumn *columns, size_t count);

// Appends rows as the current role and returns how many were written: fewer than given where a
// trigger dropped some. `next` appends one row to BulkRows, or returns false at the end; it is
// called from inside the server and must neither throw nor own anything with a destructor.
uint64 bulk_write(Oid relation, const BulkColumn *columns, size_t count, bool (*next)(void *, BulkRows &),
                  void *argument);

template <typename Next>
uint64 bulk_write(Oid relation, const BulkColumn *columns, size_t count, Next next) {
    return bulk_write(
        relation, columns, count,
        [](void *argument, BulkRows &rows) { return (*static_cast<Next *>(argument))(rows); }, &next);
}

}  // namespace scout::pg
