// The check of all alerts as a job of the supervisor.
#pragma once

#include "jobs/kind.hpp"

namespace scout::alerts {

extern const jobs::Kind check_kind;

}  // namespace scout::alerts
