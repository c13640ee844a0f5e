// The pipeline's work as jobs.
#pragma once

#include "jobs/kind.hpp"
#include "pipeline/batch.hpp"

namespace scout::pipeline {

void register_reprocess_job();
void register_load_job();
void register_redrive_job();

inline jobs::Progress progress_of(const BatchCounts &c) {
    return {c.processed, c.created, c.updated, c.removed, c.lines, c.dead_lettered, c.resolved, 0};
}

}  // namespace scout::pipeline
