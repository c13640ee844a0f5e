#include "extension/capability.hpp"

#include "alerts/alert.hpp"
#include "alerts/jobs.hpp"
#include "alerts/settings.hpp"

namespace scout::alerts {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {{"alert_list", Tier::reader},
                                             {"check_alerts", Tier::operator_},
                                             {"acknowledge_alerts", Tier::operator_},
                                             {"silence", Tier::operator_},
                                             {"unsilence", Tier::operator_}};

constexpr extension::Function helpers[] = {{"alert_list", Tier::reader},
                                           {"system_alert_list_body", Tier::reader},
                                           {"silence_list", Tier::reader},
                                           {"etl_alert_list", Tier::reader},
                                           {"system_alert_list", Tier::reader}};

// The older runbook acknowledges by UPDATE of etl_alerts.
constexpr extension::Relation views[] = {{"v_alerts", Tier::reader},
                                         {"v_silences", Tier::reader},
                                         {"etl_alerts", Tier::reader},
                                         {"etl_alerts", Tier::operator_, "UPDATE"},
                                         {"system_alerts", Tier::reader}};

constexpr extension::Relation state[] = {
    {"alerts", Tier::reader}, {"silences", Tier::reader}, {"alert_checks", Tier::reader}};

constexpr const jobs::Kind *kinds[] = {&check_kind};

const char *cron_statement(int) {
    return "SELECT scout.check_alerts(skip_if_running => true)";
}

constexpr extension::Schedule schedules[] = {
    {"alerts", "check_alerts", "{}", &alert_interval, nullptr, cron_statement, "alert_interval"}};

constexpr extension::History histories[] = {
    {"alerts", "alert_id", "resolved_at", " AND x.state = 'resolved'"},
    {"silences", "silence_id", "ends_at"}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "alerts";
    c.settings = define_settings;
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    c.kinds = kinds;
    c.schedules = schedules;
    c.histories = histories;
    c.raise_alert = [](const extension::AlertCondition &condition) { (void)raise(condition); };
    c.resolve_alert = [](std::string_view dedup_key) { (void)resolve(dedup_key); };
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::alerts
