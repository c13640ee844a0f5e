// Loading as a job.
#pragma once

#include "jobs/kind.hpp"
#include "load/batch.hpp"

namespace scout::load {

void register_load_job();

inline jobs::Progress progress_of(const BatchCounts &c) {
    return {c.processed, c.created, c.updated, c.removed, c.lines, c.dead_lettered, c.resolved, 0};
}

}  // namespace scout::load
