#include "pause/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::pause {

int external_pause_ttl = 3600;

void define_settings() {
    DefineCustomIntVariable(
        "scout_ir.external_pause_ttl", "Expiry of a pause requested through REST without expires_after.",
        nullptr, &external_pause_ttl, 3600, 1, 30 * 86400, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
}

}  // namespace scout::pause
