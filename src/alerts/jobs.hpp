// The check of all alerts as a job of the supervisor.
#pragma once

namespace scout::alerts {

void register_check_job();

}  // namespace scout::alerts
