// Settings of pauses.
#pragma once

namespace scout::pause {

// scout_ir.external_pause_ttl, in seconds: the expiry of a pause that comes through REST without one.
extern int external_pause_ttl;

void define_settings();

}  // namespace scout::pause
