// What has become of an event: the states of invariant 1, and the refusals of intake.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pipeline {

// Static text for the reason of a refusal: "pending", "processed", "dead-lettered (QUARANTINE)", ...
// Empty if nothing holds the event: it is neither in bronze, nor in silver, nor in the queue of dead
// letters, so that its key was left by an insert that did not happen. Needs a Session as the owner.
const char *event_state(int64 event_id);

}  // namespace scout::pipeline
