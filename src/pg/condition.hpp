// A condition that somebody wrote, before it goes into a statement of ours.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

// 42601 unless `text` is one expression with nothing before or after it, also no parenthesis that would close
// the one that it will stand in.
void require_expression(const char *text);

// `condition` is one SQL expression and nothing else (no second statement or clause), works as a WHERE clause
// of the relation ("schema.name", quoted), only reads, and who plans it may read what it reads. Otherwise one
// error that begins with `what`. `planner` says who plans a statement, and its answer is returned. Needs a
// Session.
Oid require_condition(const char *condition, const char *relation, const char *what,
                      Oid (*planner)(const char *statement));

}  // namespace scout::pg
