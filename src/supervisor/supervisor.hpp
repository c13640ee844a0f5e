// The launcher (launcher.cpp), and what it tells a tick (tick.cpp).
#pragma once

#include "pg/worker.hpp"

namespace scout::supervisor {

// In _PG_init: where the library is preloaded.
void register_launcher();

struct TickStart {
    Oid database;
    dsm_handle feedback;
};

}  // namespace scout::supervisor
