#include "gold/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::gold {

int refresh_interval = 0;

void define_settings() {
    DefineCustomIntVariable("scout_ir.refresh_interval",
                            "How often the supervisor refreshes gold of this database.",
                            "0 turns it off. Needs shared_preload_libraries = 'scout_ir'.", &refresh_interval,
                            0, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
}

}  // namespace scout::gold
