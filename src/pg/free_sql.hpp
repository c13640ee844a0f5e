// SQL that a user wrote, run for them: as a role, in a security-restricted operation, read-only.
//
// To be used inside attempt_within() (deadline.hpp), whose subtransaction is rolled back: what a
// read-only transaction still lets through (temporary tables, large objects, notifications) goes with
// it, and so do the role, the settings and the read-only mode after an error. A function that is called
// cannot leave the read-only mode: inside a subtransaction the server refuses to.
#pragma once

#include "pg/spi.hpp"

namespace scout::pg {

// Where in `text` the one query stands that it must consist of, without semicolon. 42601 or 25006 otherwise.
struct Span {
    int start, length;
};
Span single_query(const char *text);

class FreeSql {
public:
    explicit FreeSql(Oid owner);
    void end();

    // Plans, and begins without running: unknown names, types, privileges. $1 is a timestamptz.
    void check(const char *sql);

    // Hands out the rows, as Statement::each() does.
    template <typename Visit>
    uint64 each(const char *sql, TimestampTz since, Visit visit) {
        return stream_plan(
            prepare(sql), {timestamp(since)},
            [](void *t, const Row &row) { (*static_cast<Visit *>(t))(row); }, &visit);
    }

private:
    SPIPlanPtr prepare(const char *sql);
    Session session_;
};

// The first `columns` columns of a row as a JSON object; long values are cut.
const char *row_json(const Row &row, int columns);

}  // namespace scout::pg
