// The native write path: PostgreSQL's own COPY, fed inside the server.
//
// BeginCopyFrom()/CopyFrom() with a callback that hands out rows in COPY's binary format: triggers,
// foreign keys, checks, defaults, generated columns and partitions work as in any COPY, and rows go
// in by the page instead of one by one. What it must not write is named by bulk_refusal(); such a
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

// The bytes of rows in COPY's binary format.
class BulkRows {
public:
    BulkRows();
    void begin_row(int columns) { int2(static_cast<int16>(columns)); }
    void text(std::string_view value);
    void int4(int32 value);
    void int8(int64 value);
    void timestamp(TimestampTz value) { int8(value); }
    void decimal(core::Decimal value);  // numeric of scale 4
    void null();

    // For the reader: takes up to `wanted` bytes out, and how many are there.
    int take(void *out, int wanted);
    size_t available() const { return bytes_.size() - taken_; }

private:
    void int2(int16 value);
    char *extend(size_t bytes);
    Array<char> bytes_;
    size_t taken_ = 0;
};

// Why the native path must not write this relation, nullptr where it may; a static text. Locks the
// relation against changes of its definition until the transaction ends, so that the answer holds.
const char *bulk_refusal(const char *relation, const BulkColumn *columns, size_t count);

// Appends rows as the current role and returns how many were written: fewer than given where a
// trigger dropped some. `next` appends one row to BulkRows, or returns false at the end; it is
// called from inside the server and must neither throw nor own anything with a destructor.
uint64 bulk_write(const char *relation, const BulkColumn *columns, size_t count,
                  bool (*next)(void *, BulkRows &), void *argument);

template <typename Next>
uint64 bulk_write(const char *relation, const BulkColumn *columns, size_t count, Next next) {
    return bulk_write(
        relation, columns, count,
        [](void *argument, BulkRows &rows) { return (*static_cast<Next *>(argument))(rows); }, &next);
}

}  // namespace scout::pg
