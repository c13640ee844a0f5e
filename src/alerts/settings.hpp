// Settings of alerts.
#pragma once

namespace scout::alerts {

// scout_ir.alert_interval, in seconds: how often the supervisor calls check_alerts() in a database that has a
// pipeline; 0: never.
extern int alert_interval;

// scout_ir.keep_firing_for, in seconds: how long an alert stays open after its condition was last seen.
extern int keep_firing_for;

void define_settings();

}  // namespace scout::alerts
