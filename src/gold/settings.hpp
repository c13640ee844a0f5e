// Settings of gold.
#pragma once

namespace scout::gold {

// scout_ir.refresh_interval, in seconds: how often the supervisor refreshes gold of this database; 0: never.
extern int refresh_interval;

void define_settings();

}  // namespace scout::gold
