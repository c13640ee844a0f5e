// Settings of jobs.
#pragma once

namespace scout::jobs {

// scout_ir.max_workers: workers of jobs at a time in a database; further jobs stay queued.
extern int max_workers;

// scout_ir.progress_interval, in seconds: how often a call that waits for a job says how far it is; 0: never.
extern int progress_interval;

void define_settings();

}  // namespace scout::jobs
