// A report is a pair: scout.f, in C, is what users call; scout_internal.f, of the same name, arguments and
// columns, is its body in SQL. scout.f decides as whom the body is planned and run (sight.hpp), which a
// function in SQL could not: it would be planned already.
//
// The body runs in place of the call: with its arguments, in its snapshot, into its result. It is found by
// its exact signature and must be a member of the extension. Nothing is written: commit, abort and crash
// have nothing to do.
#pragma once

#include "pg/postgres.hpp"

namespace scout::extension {

// Runs the body of the function that is being called as `role`.
Datum run_body(FunctionCallInfo fcinfo, Oid role);

}  // namespace scout::extension
