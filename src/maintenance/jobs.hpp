// Maintenance as a job.
#pragma once

#include "jobs/kind.hpp"

namespace scout::maintenance {

extern const jobs::Kind maintain_kind;

}  // namespace scout::maintenance
