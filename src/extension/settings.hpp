// Settings of the product as a whole; those of a capability are in its room. The prefix scout_ir is reserved.
#pragma once

namespace scout::extension {

// scout_ir.history_retention, in seconds: how long ended jobs, runs and the timeline are kept; 0: for ever.
extern int history_retention;

void define_settings();

}  // namespace scout::extension
