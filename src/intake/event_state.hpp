// What has become of an event: at every commit it is pending, processed, dead-lettered or discarded, and
// never two of them. Intake names the state when it refuses known content.
#pragma once

#include "intake/event_hash.hpp"

namespace scout::intake {

// Static text for the reason of a refusal: "pending", "processed", "dead-lettered (QUARANTINE)", ...
// Empty if nothing holds the content under this id: the event is neither in bronze, nor in silver, nor
// in the dead-letter queue, or bronze has another content under the id. Then the key was left by an
// insert that did not happen (ON CONFLICT, another trigger). Needs a Session as the owner.
const char *event_state(int64 event_id, const EventHash &hash);

}  // namespace scout::intake
