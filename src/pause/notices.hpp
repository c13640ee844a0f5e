// What a step tells its caller about the pauses in force, beside its result.
#pragma once

#include "pause/control.hpp"

namespace scout::pause {

// Recovery runs while paused, and says so: a NOTICE naming the pause, if one is in force.
void mention_pause(const char *what);

// A WARNING that names the pause and the call that lifts it.
void warn_paused(const Pause &pause);

}  // namespace scout::pause
