// The privilege tiers of the current role: nothing but EXECUTE, so that PostgreSQL's own privileges stay the
// only truth.
#pragma once

#include "pg/postgres.hpp"

namespace scout::extension {

bool is_operator();
bool is_admin();

// "42501: ... is for operators" unless is_operator().
void require_operator(const char *what);

}  // namespace scout::extension
