// The refresh of gold as a job.
#pragma once

namespace scout::gold {

void register_refresh_job();

}  // namespace scout::gold
