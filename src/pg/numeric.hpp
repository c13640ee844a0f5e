// The server's numeric and the core's Decimal, without going through text.
#pragma once

#include "core/decimal.hpp"
#include "pg/postgres.hpp"

namespace scout::pg {

core::ParseStatus decimal_of(Numeric numeric, core::Decimal &out);

// True if the two are the same number, to the last digit.
bool is_decimal(Numeric numeric, core::Decimal value);

Datum numeric_of(core::Decimal value);           // scale 4
Datum numeric_milliseconds(int64 microseconds);  // scale 3

}  // namespace scout::pg
