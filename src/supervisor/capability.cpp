#include "extension/capability.hpp"

#include "supervisor/settings.hpp"
#include "supervisor/supervisor.hpp"
#include "supervisor/tasks.hpp"

namespace scout::supervisor {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"supervise", Tier::admin},
                                             {"schedule_jobs", Tier::admin},
                                             {"unschedule_jobs", Tier::admin},
                                             {"apply_retention", Tier::operator_}};

constexpr extension::Task own_tasks[] = {{"restart", restart_jobs}, {"retention", retain}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "supervisor";
    c.settings = define_settings;
    c.loaded = register_launcher;
    c.functions = functions;
    c.tasks = own_tasks;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::supervisor
