#include "extension/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::extension {

int history_retention = 90 * 86400;

void define_settings() {
    DefineCustomIntVariable(
        "scout_ir.history_retention", "How long ended jobs, runs and the timeline are kept.", "0 keeps them.",
        &history_retention, 90 * 86400, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
}

}  // namespace scout::extension
