// Helpers of row triggers.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "commands/trigger.h"
}

namespace scout::extension {

inline void require_trigger(FunctionCallInfo fcinfo, const char *name) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                errmsg("%s() can only be called as a trigger", name));
}

// Number of a column of the relation that fired.
inline int column(TupleDesc desc, const char *name) {
    int number = SPI_fnumber(desc, name);
    if (number <= 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" is missing", name),
                errhint("SELECT * FROM scout.create_pipeline() names what is missing."));
    return number;
}

// The same, of this type (or a domain over it): what follows takes the value for one.
inline int column(TupleDesc desc, const char *name, Oid type) {
    const int number = column(desc, name);
    if (getBaseType(TupleDescAttr(desc, number - 1)->atttypid) != type)
        ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                errmsg("column \"%s\" must be of type %s", name, format_type_be(type)),
                errhint("ALTER it back; SELECT * FROM scout.create_pipeline() names what does not fit."));
    return number;
}

// Value of a column that must not be NULL.
inline Datum field(HeapTuple row, TupleDesc desc, int number, const char *name) {
    bool null;
    Datum d = heap_getattr(row, number, desc, &null);
    if (null)
        ereport(ERROR, errcode(ERRCODE_NOT_NULL_VIOLATION), errmsg("null value in column \"%s\"", name));
    return d;
}

}  // namespace scout::extension
