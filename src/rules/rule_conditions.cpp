// rule_conditions(): the rules of the contract as data_quality_report() asks them. Its one scan has what they
// need as columns of its row `t`.
#include "extension/rule_set.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

SCOUT_FUNCTION(scout_rule_conditions, 0) {
    using namespace scout;
    constexpr core::SilverTerms columns{{}, "t.received", "t.line_sum"};
    pg::Result result(fcinfo);
    pg::Session session;
    const core::RuleSet rules = extension::current_rules();
    for (int i = 0; i < core::rule_count; i++) {
        const core::RuleInfo &info = core::rule_info(static_cast<core::Rule>(i));
        const core::SilverCheck &silver = info.silver;
        if (silver.rows == core::SilverCheck::Rows::none) continue;
        result.int4(silver.report_place).text(info.code).text(info.category).text(silver.report_check);
        result.boolean(silver.rows == core::SilverCheck::Rows::lines);
        result.text(extension::filled(silver.condition, rules[info.rule], columns));
        result.text(extension::filled(silver.report_details, rules[info.rule]));
        result.end_row();
    }
    session.end();
    return static_cast<Datum>(0);
}
