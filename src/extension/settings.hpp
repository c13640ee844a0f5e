// Settings (GUCs) of the extension; the prefix scout_ir is reserved.
#pragma once

namespace scout::extension {

enum DuplicateWinner { winner_lowest, winner_highest };

// scout_ir.duplicate_winner: which of two valid events of one transaction_id stays in silver.
// Superuser-set (ALTER DATABASE), because all sessions must agree.
extern int duplicate_winner;

// scout_ir.external_pause_ttl, in seconds: the expiry of a pause that comes through REST without one.
extern int external_pause_ttl;

// scout_ir.write_path: how new silver rows are written. `native` raises where a table must not be
// written so; a batch that meets a conflict is done on the general path under any setting.
enum WritePathSetting { write_auto, write_native, write_general };
extern int write_path;

// scout_ir.max_workers: workers of jobs at a time in a database; further jobs stay queued.
extern int max_workers;

// scout_ir.history_retention, in seconds: how long ended jobs, runs and the timeline are kept; 0: for ever.
extern int history_retention;

// scout_ir.load_interval and scout_ir.refresh_interval, in seconds: how often the supervisor drains the
// backlog and refreshes gold in this database; 0: never.
extern int load_interval, refresh_interval;

// scout_ir.alert_interval, in seconds: how often the supervisor calls check_alerts() in a database that has a
// pipeline; 0: never.
extern int alert_interval;

// scout_ir.keep_firing_for, in seconds: how long an alert stays open after its condition was last seen.
extern int keep_firing_for;

// scout_ir.progress_interval, in seconds: how often a call that waits for a job says how far it is; 0: never.
extern int progress_interval;

// scout_ir.supervisor_naptime, in seconds: how often the supervisor looks at each database.
extern int supervisor_naptime;

// scout_ir.circuit_breaker and its threshold, in percent, and minimum, in events
// (pipeline/circuit_breaker.hpp).
extern bool circuit_breaker;
extern int circuit_breaker_threshold, circuit_breaker_minimum;

void define_settings();

}  // namespace scout::extension
