// What a wait of ours is called in pg_stat_activity.wait_event: from PostgreSQL 17 on each has its name,
// before that all extensions share one.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "pgstat.h"
}

namespace scout::pg {

// Of static lifetime; registered with the server at its first use.
class WaitEvent {
public:
    constexpr explicit WaitEvent(const char *name) : name_(name) {}

    uint32 id() {
#if PG_VERSION_NUM >= 170000
        if (id_ == 0) id_ = WaitEventExtensionNew(name_);
        return id_;
#else
        return PG_WAIT_EXTENSION;
#endif
    }

private:
    [[maybe_unused]] const char *name_;
    [[maybe_unused]] uint32 id_ = 0;
};

}  // namespace scout::pg
