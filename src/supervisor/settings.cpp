#include "supervisor/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::supervisor {

int supervisor_naptime = 5;

void define_settings() {
    DefineCustomIntVariable("scout_ir.supervisor_naptime", "How often the supervisor looks at each database.",
                            "Needs shared_preload_libraries = 'scout_ir'.", &supervisor_naptime, 5, 1, 3600,
                            PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
}

}  // namespace scout::supervisor
