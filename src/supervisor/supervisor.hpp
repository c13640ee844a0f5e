// What the launcher tells a tick (launcher.cpp, tick.cpp).
#pragma once

#include "pg/worker.hpp"

namespace scout::supervisor {

struct TickStart {
    Oid database;
    dsm_handle feedback;
};

}  // namespace scout::supervisor
