#include "extension/capability.hpp"

namespace scout::rules {

namespace {

using extension::Tier;

constexpr extension::Function functions[] = {
    {"built_in_rules", Tier::reader},       {"quality_alerts", Tier::reader},
    {"quality_history", Tier::reader},      {"data_quality_report", Tier::reader},
    {"run_quality_rules", Tier::operator_}, {"set_rule", Tier::admin},
    {"add_quality_rule", Tier::admin},      {"set_quality_rule", Tier::admin},
    {"drop_quality_rule", Tier::admin},
};

constexpr extension::Function helpers[] = {
    {"report_of_silver", Tier::reader},   {"report_of_dead_letters", Tier::reader},
    {"report_of_warnings", Tier::reader}, {"report_of_rules", Tier::reader},
    {"report_of_backlog", Tier::reader},  {"data_quality_report", Tier::reader},
    {"quality_alerts", Tier::reader},     {"rule_conditions", Tier::reader},
    {"silver_counts", Tier::reader},      {"quality_rule_list", Tier::reader},
    {"failed_rules", Tier::reader},       {"rule_alerts", Tier::reader},
    {"judged_result", Tier::nobody}};

constexpr extension::Relation views[] = {
    {"quality_rules", Tier::reader}, {"v_quality_alerts", Tier::reader}, {"quality_warnings", Tier::reader}};

constexpr extension::Relation state[] = {{"rule_overrides", Tier::reader},
                                         {"quality_warnings", Tier::reader},
                                         {"quality_rule_records", Tier::reader},
                                         {"quality_rule_overrides", Tier::reader},
                                         {"quality_results", Tier::reader}};

// Warnings belong to their events and stay with them.
constexpr extension::History histories[] = {{"quality_results", "result_id", "window_end"}};

constexpr extension::AlertSource alert_sources[] = {{"rule", "rule_alerts"}};

constexpr extension::Capability describe() {
    extension::Capability c;
    c.name = "rules";
    c.functions = functions;
    c.helpers = helpers;
    c.views = views;
    c.state = state;
    c.histories = histories;
    c.alert_sources = alert_sources;
    return c;
}

}  // namespace

extern const extension::Capability capability = describe();

}  // namespace scout::rules
