// The capabilities of this process, and what they do for each other without knowing each other.
#pragma once

#include "extension/capability.hpp"

namespace scout::extension {

// In the order of capabilities.cpp; what another library registered comes last.
const pg::Array<const Capability *> &capabilities();

// At load time, once: makes the list, defines all settings, then registers all callbacks.
void load_capabilities();

// Another library's capability (scout_register_capability()): refused once anybody has read the list.
void add_capability(const Capability *capability);

const char *tier_name(Tier tier);

// Calls visit(capability, item) for all items of a list.
template <typename T, typename Visit>
void for_each(List<T> Capability::*list, Visit visit) {
    for (const Capability *c : capabilities())
        for (const T &item : c->*list) visit(*c, item);
}

// Alerts (alerts/alert.hpp). Both need a Session and write as the extension's owner. Whoever raises or
// resolves several in one transaction does it in the byte order of their keys, so that two do not deadlock.
void raise_alert(const AlertCondition &condition);
void resolve_alert(std::string_view dedup_key);

// Pauses (pause/control.hpp). Both need a Session that may read them.
bool all_loading_is_paused();
void mention_pause(const char *what);  // a NOTICE that `what` is done although loading is paused, if it is

// Tells all that a pause of this source (nullptr: of all loading) was lifted or had expired, in the
// transaction that removes it. Needs a Session.
void pause_lifted(const char *source, const char *holder);

// Loads this event now, whatever waits and whatever is paused, as the pipeline's owner. Needs a Session.
void load_event(int64 event_id);

// Runs what is rolled back at its end: what capabilities count in memory is afterwards as it was. Where an
// error leaves `trial`, so does it leave this.
void keep_counts_in(void (*trial)(void *), void *argument);

template <typename Trial>
void keep_counts_in(Trial trial) {
    keep_counts_in([](void *t) { (*static_cast<Trial *>(t))(); }, &trial);
}

}  // namespace scout::extension
