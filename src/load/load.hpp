// One batch of pending events, as every loader does it.
#pragma once

#include "load/batch.hpp"

namespace scout::load {

struct Loaded {
    enum Outcome {
        batch,    // some events, or none because none waits
        paused,   // everything is
        pausing,  // another session is about to pause
    } outcome;
    int64 claimed;  // ids taken from the queue, also those of events that are settled or gone
};

// Enters FLIGHT, honours pauses unless forced (control.hpp), claims and processes up to `batch_size`
// events and records the run. Needs a Session as the pipeline's owner. `told` suppresses the WARNING
// for each pause.
Loaded load_batch(int batch_size, bool force, bool told, BatchCounts &counts);

// Loads this event now, whatever waits and whatever is paused, as the pipeline's owner. Needs a Session.
void load_event(int64 event_id);

}  // namespace scout::load
