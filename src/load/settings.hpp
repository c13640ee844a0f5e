// Settings of loading.
#pragma once

namespace scout::load {

enum DuplicateWinner { winner_lowest, winner_highest };

// scout_ir.duplicate_winner: which of two valid events of one transaction_id stays in silver.
// Superuser-set (ALTER DATABASE), because all sessions must agree.
extern int duplicate_winner;

// scout_ir.write_path: how new silver rows are written. `native` raises where a table must not be
// written so; a batch that meets a conflict is done on the general path under any setting.
enum WritePathSetting { write_auto, write_native, write_general };
extern int write_path;

// scout_ir.load_interval, in seconds: how often the supervisor drains the backlog of this database; 0: never.
extern int load_interval;

// scout_ir.circuit_breaker and its threshold, in percent, and minimum, in events (circuit_breaker.hpp).
extern bool circuit_breaker;
extern int circuit_breaker_threshold, circuit_breaker_minimum;

void define_settings();

}  // namespace scout::load
