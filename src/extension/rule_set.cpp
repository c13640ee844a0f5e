#include "extension/rule_set.hpp"

#include "extension/installed.hpp"
#include "pg/spi.hpp"

namespace scout::extension {

core::RuleSet current_rules() {
    static pg::Statement overrides(
        "SELECT code, enabled, severity, (threshold * 10000)::bigint FROM scout_internal.rule_overrides");
    core::RuleSet rules = core::RuleSet::defaults();
    pg::AsRole owner(extension_owner());
    pg::Rows rows = overrides.read({});
    owner.end();
    for (uint64 i = 0; i < rows.count(); i++) {
        const core::RuleInfo *info = core::find_rule(rows.text(i, 1));
        if (info == nullptr || info->rule < core::first_tunable_rule) continue;
        core::RuleSetting &setting = rules[info->rule];
        if (!rows.is_null(i, 2)) setting.enabled = rows.boolean(i, 2);
        if (!rows.is_null(i, 3))
            setting.severity =
                rows.text(i, 3) == "critical" ? core::Severity::critical : core::Severity::warning;
        if (!rows.is_null(i, 4)) setting.threshold = core::Decimal{rows.int8(i, 4)};
    }
    rows.free();
    return rules;
}

const char *filled(std::string_view text, const core::RuleSetting &setting, core::SilverTerms terms) {
    char threshold[core::decimal_text_size];
    terms.threshold = core::format_decimal(setting.threshold, threshold);
    StringInfoData out;
    initStringInfo(&out);
    core::fill_in(text, terms, [&out](std::string_view piece) {
        appendBinaryStringInfo(&out, piece.data(), static_cast<int>(piece.size()));
    });
    return out.data;
}

const char *silver_condition(const core::RuleInfo &info, const core::RuleSet &rules,
                             std::string_view received) {
    core::SilverTerms terms;
    terms.received = received;
    if (received.empty())  // silver written by hand has no event
        terms.received =
            "coalesce((SELECT b.ingested_at FROM scout.bronze_events b WHERE b.event_id = t.source_event_id),"
            " t.processed_at)";
    terms.line_sum =
        "(SELECT sum(i.line_amount) FROM scout.silver_line_items i"
        " WHERE i.transaction_id = t.transaction_id)";
    return filled(info.silver.condition, rules[info.rule], terms);
}

}  // namespace scout::extension
