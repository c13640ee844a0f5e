// Arguments that say which alerts are meant.
#pragma once

#include "pg/postgres.hpp"

namespace scout::alerts {

// All return nullptr where the argument is NULL, and refuse what names nothing with one error and a hint.
const char *source_argument(FunctionCallInfo fcinfo, int number);
const char *severity_argument(FunctionCallInfo fcinfo, int number);

}  // namespace scout::alerts
