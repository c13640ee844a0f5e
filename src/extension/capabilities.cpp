// All capabilities: the one place that names them. Each defines its `capability` in
// src/<name>/capability.cpp.
//
// The order is that of what the supervisor does, of apply_retention() and of check_alerts().
#include "extension/capabilities.hpp"

#define SCOUT_CAPABILITIES(_) \
    _(extension)              \
    _(layout)                 \
    _(tiers)                  \
    _(supervisor)             \
    _(jobs)                   \
    _(audit)                  \
    _(intake)                 \
    _(pause)                  \
    _(load)                   \
    _(recovery)               \
    _(gold)                   \
    _(rules)                  \
    _(proof)                  \
    _(freshness)              \
    _(linking)                \
    _(verification)           \
    _(alerts)                 \
    _(sessions)               \
    _(maintenance)

namespace scout {

#define DECLARE(room)                              \
    namespace room {                               \
    extern const extension::Capability capability; \
    }
SCOUT_CAPABILITIES(DECLARE)

namespace extension {

namespace {

#define ADDRESS(room) &room::capability,
constexpr const Capability *listed[] = {SCOUT_CAPABILITIES(ADDRESS)};

}  // namespace

List<const Capability *> listed_capabilities() {
    return listed;
}

}  // namespace extension

}  // namespace scout
