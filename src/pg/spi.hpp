// SQL from C++: statements prepared once per backend, typed parameters, typed results.
//
// Every statement text is schema-qualified and runs inside a Session, which sets search_path to
// pg_catalog, pg_temp. Nothing here has a destructor: after an error the server itself unwinds
// SPI, the role and the settings at the end of the (sub)transaction.
#pragma once

#include "pg/memory.hpp"
#include "pg/numeric.hpp"
#include "pg/postgres.hpp"

extern "C" {
#include "executor/tuptable.h"
#include "tcop/dest.h"
}

namespace scout::pg {

// A parameter. The Datum is borrowed until the statement has run.
struct Param {
    Oid type;
    Datum value;
    bool null;
};

// Parameters as SPI takes them.
struct ParamArrays {
    explicit ParamArrays(std::initializer_list<Param> params);
    static constexpr size_t max_params = 24;
    int count = 0;
    Oid types[max_params];
    Datum values[max_params];
    char nulls[max_params];
};

Param text(std::string_view value);
Param text_or_null(const char *value);
Param int8(int64 value);
Param int4(int32 value);
Param boolean(bool value);
Param timestamp(TimestampTz value);
Param null_of(Oid type);
Param datum(Oid type, Datum value);
Param argument(FunctionCallInfo fcinfo, int number, Oid type);  // an SQL argument handed on, NULL or not
Param int8_array(const int64 *values, size_t count);
Param text_array(const std::string_view *values, size_t count);

// A column of values for unnest(): one-dimensional array with NULLs.
class Column {
public:
    Column(Oid type, size_t capacity);
    void add(Datum value);
    void add_text(std::string_view value);
    void add_null();
    Param param() const;

private:
    Oid type_;
    Datum *values_;
    bool *nulls_;
    size_t size_ = 0;
};

// The rows of a statement; valid until the Session ends (or `free`).
class Rows {
public:
    Rows() = default;
    Rows(SPITupleTable *table, uint64 count) : table_(table), count_(count) {}
    uint64 count() const { return count_; }
    Datum value(uint64 row, int column, bool &null) const;
    bool is_null(uint64 row, int column) const;
    int64 int8(uint64 row, int column) const;  // NULL reads as 0
    int32 int4(uint64 row, int column) const;
    bool boolean(uint64 row, int column) const;
    TimestampTz timestamp(uint64 row, int column) const;
    std::string_view text(uint64 row, int column) const;     // a view into the row where it is not toasted
    const char *text_or_null(uint64 row, int column) const;  // a copy; nullptr where NULL
    void free();

private:
    SPITupleTable *table_ = nullptr;
    uint64 count_ = 0;
};

// One row as the executor hands it out; valid during the call that gets it.
class Row {
public:
    explicit Row(TupleTableSlot *slot) : slot_(slot) {}
    int columns() const { return slot_->tts_tupleDescriptor->natts; }
    Oid type(int column) const { return TupleDescAttr(slot_->tts_tupleDescriptor, column - 1)->atttypid; }
    Name name(int column) const { return &TupleDescAttr(slot_->tts_tupleDescriptor, column - 1)->attname; }
    Datum value(int column, bool &null) const { return slot_getattr(slot_, column, &null); }
    bool is_null(int column) const;
    int64 int8(int column) const;  // NULL reads as 0
    int32 int4(int column) const;
    bool boolean(int column) const;  // NULL reads as false
    TimestampTz timestamp(int column) const;
    std::string_view text(int column) const;            // a view into the row where it is not toasted
    bool holds(int column, core::Decimal value) const;  // is that very number

private:
    TupleTableSlot *slot_;
};

// How a statement may be planned. `by_index`: look-ups by key in tables that grow without end. A plan
// that was made while a table was small, or before it had statistics, must not scan it for ever after.
// `in_order`: the first rows of an index, of which most are never read: no plan that reads all of them
// first, to sort them, whatever the statistics say. Those of a queue that was just empty say one row.
enum class Plan { any, by_index, in_order };

// A statement of static lifetime. The plan is made at first use and kept for the backend's life;
// the server's plan cache replans it after DDL.
class Statement {
public:
    constexpr explicit Statement(const char *sql, Plan plan = Plan::any) : sql_(sql), planning_(plan) {}
    // Returns the result rows (or those of RETURNING); Rows::count() is the number processed.
    Rows run(std::initializer_list<Param> params = {});
    // Reads with the newest snapshot, also where the transaction keeps an older one.
    Rows read_latest(std::initializer_list<Param> params = {});
    // Reads with the snapshot of the calling query: for STABLE functions.
    Rows read(std::initializer_list<Param> params = {});

    // Hands out the rows one by one instead of keeping them; returns how many there were. `visit` is
    // called from inside the server and must neither throw nor own anything with a destructor; what
    // it allocates belongs to the context that is current now.
    template <typename Visit>
    uint64 each(std::initializer_list<Param> params, Visit visit) {
        return stream(
            params, false, [](void *t, const Row &row) { (*static_cast<Visit *>(t))(row); }, &visit);
    }
    template <typename Visit>
    uint64 each_latest(std::initializer_list<Param> params, Visit visit) {
        PushActiveSnapshot(GetLatestSnapshot());
        const uint64 count = stream(
            params, true, [](void *t, const Row &row) { (*static_cast<Visit *>(t))(row); }, &visit);
        PopActiveSnapshot();
        return count;
    }

private:
    Rows execute(std::initializer_list<Param> params, bool read_only, DestReceiver *receiver = nullptr);
    uint64 stream(std::initializer_list<Param> params, bool read_only, void (*visit)(void *, const Row &),
                  void *argument);
    const char *sql_;
    Plan planning_;
    SPIPlanPtr plan_ = nullptr;
};

// Rows of a one-off statement, some at a time: what is read may be more than fits into memory, and it may be
// written between two fetches. It closes with its (sub)transaction at the latest.
class Cursor {
public:
    // `read_only`: with the snapshot of the calling query.
    Cursor(const char *sql, std::initializer_list<Param> params, bool read_only = false);
    Rows fetch(int64 most);  // none: the end
    void close();

private:
    Portal portal_;
};

// Hands out the rows of a plan with these parameters, read-only, as Statement::each() does.
uint64 stream_plan(SPIPlanPtr plan, std::initializer_list<Param> params, void (*visit)(void *, const Row &),
                   void *argument);

// A setting until the end of the Session (or of another level of settings).
void set_for_now(const char *name, const char *value);
void limit_lock_waits(int64 ms);  // lock_timeout, at least 1 ms

// One-off text: DDL, identifiers built with quote_identifier. Not cached.
Rows run_text(const char *sql, bool read_only = false);

// SPI plus the role and search_path that statements run under. `run_as` InvalidOid keeps the
// caller's role (reports).
//
// The role is switched the way REFRESH MATERIALIZED VIEW does it: a security-restricted operation,
// so that a trigger or function that somebody attached to a user table runs with the rights of the
// table's owner and can neither SET ROLE nor leave temporary objects behind.
class Session {
public:
    enum class Restriction { restricted, local_user_change };
    explicit Session(Oid run_as = InvalidOid, Restriction restriction = Restriction::restricted);
    void end();

private:
    Oid outer_user_ = InvalidOid;
    int outer_context_ = 0;
    int settings_level_ = 0;
    bool switched_ = false;
};

// Switches the role inside a session: to write the extension's own tables as its owner.
class AsRole {
public:
    explicit AsRole(Oid role, Session::Restriction restriction = Session::Restriction::restricted);
    void end();

private:
    Oid outer_user_;
    int outer_context_;
};

}  // namespace scout::pg
