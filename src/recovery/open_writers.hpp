// Transactions that a recovery step cannot have seen.
#pragma once

#include "pg/postgres.hpp"

namespace scout::recovery {

// A WARNING where transactions are open that began before `end`: what they insert belongs to a
// window that ends there (ingested_at is the start of their transaction) and is not seen yet.
void warn_open_writers(TimestampTz end);

}  // namespace scout::recovery
