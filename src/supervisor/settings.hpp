// Settings of the supervisor.
#pragma once

namespace scout::supervisor {

// scout_ir.supervisor_naptime, in seconds: how often the supervisor looks at each database.
extern int supervisor_naptime;

void define_settings();

}  // namespace scout::supervisor
