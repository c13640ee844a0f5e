#include "alerts/settings.hpp"

#include "pg/postgres.hpp"

namespace scout::alerts {

int alert_interval = 60;
int keep_firing_for = 300;

void define_settings() {
    DefineCustomIntVariable("scout_ir.alert_interval",
                            "How often the supervisor looks for alerts in this database.",
                            "0 turns it off. Needs shared_preload_libraries = 'scout_ir'.", &alert_interval,
                            60, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("scout_ir.keep_firing_for",
                            "How long an alert stays open after its condition was last seen.",
                            "So that a condition that comes and goes is one alert.", &keep_firing_for, 300, 0,
                            7 * 86400, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr, nullptr);
}

}  // namespace scout::alerts
