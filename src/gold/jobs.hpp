// The refresh of gold as a job.
#pragma once

#include "jobs/kind.hpp"

namespace scout::gold {

extern const jobs::Kind refresh_kind;

// Is any view stale for certain, so that a refresh can help? Needs a Session.
bool anything_to_refresh();

}  // namespace scout::gold
