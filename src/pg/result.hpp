// Results of set-returning functions: a tuplestore, so that RETURNS TABLE functions work both as
// SELECT f() and SELECT * FROM f(). A row of more or fewer columns than the function has, or of
// other types, raises 55000.
#pragma once

#include "pg/postgres.hpp"

#include "pg/numeric.hpp"

namespace scout::pg {

class Result {
public:
    explicit Result(FunctionCallInfo fcinfo);  // before any SPI Session: the store belongs to the query

    Result &text(std::string_view value);
    Result &text_or_null(const char *value);
    Result &int8(int64 value);
    Result &int4(int32 value);
    Result &boolean(bool value);
    Result &timestamp(TimestampTz value);
    Result &decimal(core::Decimal value);
    Result &milliseconds(int64 microseconds);  // numeric with three decimals
    Result &datum(Datum value);                // of the type that the column has
    Result &null();
    void end_row();

private:
    Result &put(Datum value, bool null);
    Result &put_typed(Oid type, Datum value);
    [[noreturn]] void refuse() const;
    [[noreturn]] void refuse_type(Oid type) const;

    static constexpr int max_columns = 32;
    Oid function_;
    Tuplestorestate *store_;
    TupleDesc columns_;
    MemoryContext query_context_;
    Datum values_[max_columns];
    bool nulls_[max_columns];
    int count_ = 0;
};

}  // namespace scout::pg
