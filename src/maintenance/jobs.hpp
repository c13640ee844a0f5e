// Maintenance as a job.
#pragma once

namespace scout::maintenance {

void register_maintain_job();

}  // namespace scout::maintenance
