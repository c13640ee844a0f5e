// Recovery as jobs.
#pragma once

#include "jobs/kind.hpp"

namespace scout::recovery {

extern const jobs::Kind redrive_kind, reprocess_kind;

}  // namespace scout::recovery
