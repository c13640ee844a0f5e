// What of this room itself is seen in SQL.
#include "extension/capability.hpp"

#include "extension/settings.hpp"

namespace scout::extension {

namespace {

constexpr Function helpers[] = {{"require_pipeline", Tier::reader}, {"catalogue_version", Tier::nobody},
                                {"revoke_defaults", Tier::nobody},  {"hours_ago", Tier::reader},
                                {"schema_findings", Tier::reader},  {"tiers", Tier::reader},
                                {"relation_tiers", Tier::reader},   {"alert_sources", Tier::reader}};

constexpr Relation state[] = {{"our_locks", Tier::reader}};

constexpr Capability describe() {
    Capability c;
    c.name = "extension";
    c.settings = define_settings;
    c.helpers = helpers;
    c.state = state;
    return c;
}

}  // namespace

extern const Capability capability = describe();

}  // namespace scout::extension
