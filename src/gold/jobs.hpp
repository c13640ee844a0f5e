// The refresh of gold as a job.
#pragma once

namespace scout::gold {

void register_refresh_job();

// Is any view stale for certain, so that a refresh can help? Needs a Session.
bool anything_to_refresh();

}  // namespace scout::gold
