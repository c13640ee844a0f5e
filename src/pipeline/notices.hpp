// What a recovery step tells its caller beside its result.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pipeline {

// Recovery runs while paused, and says so: a NOTICE naming the pause, if one is in force.
void mention_pause(const char *what);

// A WARNING where transactions are open that began before `end`: what they insert belongs to a
// window that ends there (ingested_at is the start of their transaction) and is not seen yet.
void warn_open_writers(TimestampTz end);

}  // namespace scout::pipeline
