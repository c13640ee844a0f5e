// What intake tells an ingest call about each event; see intake.cpp.
#pragma once

#include "intake/event_hash.hpp"
#include "pg/memory.hpp"

namespace scout::intake {

struct IntakeOutcome {
    int64 event_id;  // as inserted
    int64 known_as;  // 0: accepted; otherwise the event that already has this content
    EventHash hash;
};

// While set, the row trigger reports every row here. ingest.cpp sets it around one statement and
// clears it also where that fails.
struct IntakeObserver {
    pg::Array<IntakeOutcome> outcomes{CurrentMemoryContext};  // the caller's, not the trigger's per-row one
};
void observe_intake(IntakeObserver *observer);

}  // namespace scout::intake
