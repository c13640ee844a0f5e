#include "extension/registry.hpp"

#include "extension/capabilities.hpp"

namespace scout::extension {

namespace {

pg::Array<const Capability *> known;  // of the process: in TopMemoryContext
bool read_already = false;

// The one that does this for the others. That there is one is a matter of this library's own list.
template <typename Offer>
Offer offered(Offer Capability::*offer) {
    for (const Capability *c : capabilities())
        if (c->*offer != nullptr) return c->*offer;
    elog(ERROR, "no capability offers this");
    pg_unreachable();
}

}  // namespace

const pg::Array<const Capability *> &capabilities() {
    read_already = true;
    return known;
}

void load_capabilities() {
    known = pg::Array<const Capability *>(TopMemoryContext);
    for (const Capability *c : listed_capabilities()) known.push(c);
    for (const Capability *c : known)
        if (c->settings != nullptr) c->settings();
    MarkGUCPrefixReserved("scout_ir");
    for (const Capability *c : known)
        if (c->loaded != nullptr) c->loaded();
}

void add_capability(const Capability *capability) {
    if (read_already)
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("capability \"%s\" comes too late", capability->name),
                errdetail("scout_ir has been used in this session already."),
                errhint("Have its library loaded at the start: shared_preload_libraries."));
    for (const Capability *c : known)
        if (strcmp(c->name, capability->name) == 0)
            ereport(ERROR, errcode(ERRCODE_DUPLICATE_OBJECT),
                    errmsg("there is a capability \"%s\" already", capability->name));
    if (capability->settings != nullptr) capability->settings();
    known.push(capability);
    if (capability->loaded != nullptr) capability->loaded();
}

const char *tier_name(Tier tier) {
    switch (tier) {
        case Tier::reader: return "reader";
        case Tier::operator_: return "operator";
        case Tier::admin: return "admin";
        case Tier::nobody: break;
    }
    return "none";
}

void raise_alert(const AlertCondition &condition) {
    offered (&Capability::raise_alert)(condition);
}

void resolve_alert(std::string_view dedup_key) {
    offered (&Capability::resolve_alert)(dedup_key);
}

bool all_loading_is_paused() {
    return offered(&Capability::all_loading_is_paused)();
}

void mention_pause(const char *what) {
    offered (&Capability::mention_pause)(what);
}

void load_event(int64 event_id) {
    offered (&Capability::load_event)(event_id);
}

void pause_lifted(const char *source, const char *holder) {
    for (const Capability *c : capabilities())
        if (c->pause_lifted != nullptr) c->pause_lifted(source, holder);
}

void keep_counts_in(void (*trial)(void *), void *argument) {
    offered (&Capability::keep_counts_in)(trial, argument);
}

}  // namespace scout::extension
