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

}  // namespace scout::extension
