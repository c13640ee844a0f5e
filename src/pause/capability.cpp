#include "extension/capability.hpp"

#include "pause/control.hpp"
#include "pause/notices.hpp"
#include "pause/settings.hpp"

namespace scout::pause {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"control_ingestion", Tier::reader},
                                             {"ingestion_status", Tier::reader}};

constexpr extension::Relation tables[] = {{"pipeline_pauses", Tier::reader}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "pause";
    c.settings = define_settings;
    c.functions = functions;
    c.tables = tables;
    c.all_loading_is_paused = all_loading_is_paused;
    c.mention_pause = mention_pause;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::pause
