// Loading as a job.
#pragma once

#include "jobs/kind.hpp"
#include "load/batch.hpp"

namespace scout::load {

extern const jobs::Kind backlog_kind;

// Is there anything to load that no pause holds back? Needs a Session.
bool loadable_events_wait();

inline jobs::Progress progress_of(const BatchCounts &c) {
    return {c.processed, c.created, c.updated, c.removed, c.lines, c.dead_lettered, c.resolved, 0};
}

}  // namespace scout::load
