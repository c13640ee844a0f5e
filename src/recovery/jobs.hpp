// Recovery as jobs.
#pragma once

namespace scout::recovery {

void register_reprocess_job();
void register_redrive_job();

}  // namespace scout::recovery
