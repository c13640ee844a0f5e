#include "extension/capability.hpp"

namespace scout::layout {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"create_pipeline", Tier::admin}};

constexpr extension::Function helpers[] = {
    {"pipeline_layout", Tier::admin},     {"adoption_problems", Tier::admin},
    {"adoption_notes", Tier::admin},      {"make_relations", Tier::nobody},
    {"make_triggers", Tier::nobody},      {"reset_privileges", Tier::nobody},
    {"drop_other_trigger", Tier::nobody}, {"code_of_others", Tier::nobody},
    {"seed_queue", Tier::admin},
};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "layout";
    c.functions = functions;
    c.helpers = helpers;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::layout
