// Does this library fit the catalogue of this database?
//
// A library is replaced for all databases at once, a catalogue by ALTER EXTENSION UPDATE in each: for a while
// one is newer than the other, and in the session of the update the old library stays loaded. Each catalogue
// has a version, scout_internal.catalogue_version(), which every update script replaces (docs/updates.md),
// and each library the version that it works with, CATALOGUE in the Makefile. The catalogue's is looked at
// with the first call of a session, and again after an invalidation of that function.
//
// What does not fit is one clear error of every function but those of intake (triggers and the ingest calls): what somebody writes into bronze is
// taken in under the catalogue before the library's and after it.
//
// The version also stands for the types of arguments and of single results. A call checks the number of its
// arguments (pg/wrapper.hpp), and the number and types of the columns that it returns (pg/result.hpp), but
// not these: the same C function declared by hand with others is not noticed.
#pragma once

#include "pg/postgres.hpp"

namespace scout::extension {

bool library_fits();

// 55000 unless it does: update, or reconnect.
void require_fit();

}  // namespace scout::extension
