// What a recovery step tells its caller beside its result.
#pragma once

#include "pipeline/control.hpp"

namespace scout::pipeline {

// Recovery runs while paused, and says so: a NOTICE naming the pause, if one is in force.
void mention_pause(const char *what);

// A WARNING that names the pause and the call that lifts it.
void warn_paused(const Pause &pause);

// The same for every pause of the circuit breaker, where everything else has been loaded.
void warn_open_breakers();

// A WARNING where transactions are open that began before `end`: what they insert belongs to a
// window that ends there (ingested_at is the start of their transaction) and is not seen yet.
void warn_open_writers(TimestampTz end);

}  // namespace scout::pipeline
