// Settings (GUCs) of the extension; the prefix scout_ir is reserved.
#pragma once

namespace scout::pg {

enum DuplicateWinner { winner_lowest, winner_highest };

// scout_ir.duplicate_winner: which of two valid events of one transaction_id stays in silver.
// Superuser-set (ALTER DATABASE), because all sessions must agree.
extern int duplicate_winner;

// scout_ir.external_pause_ttl, in seconds: the expiry of a pause that comes through REST without one.
extern int external_pause_ttl;

void define_settings();

}  // namespace scout::pg
