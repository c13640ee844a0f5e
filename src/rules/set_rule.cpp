// built_in_rules() and set_rule(): the validation rules in force, and an admin's overrides.
//
// Defaults are code; rule_overrides holds only what differs, one row per rule, NULL for what stays at
// its default. A loader reads the overrides at the start of each batch: a change takes effect with
// the first batch that starts after its commit; abort and crash leave the rules as they were.

#include "audit/caller.hpp"
#include "core/rules.hpp"
#include "extension/installed.hpp"
#include "extension/rule_set.hpp"
#include "pg/guard.hpp"
#include "pg/jsonb_reader.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::rules {

namespace {

bool tunable(const core::RuleInfo &info) {
    return info.rule >= core::first_tunable_rule;
}

const char *severity_text(core::Severity severity) {
    return severity == core::Severity::critical ? "critical" : "warning";
}

// "A, B, C" of the rules that set_rule() takes.
const char *tunable_codes() {
    StringInfoData out;
    initStringInfo(&out);
    for (int i = static_cast<int>(core::first_tunable_rule); i < core::rule_count; i++) {
        const core::RuleInfo &info = core::rule_info(static_cast<core::Rule>(i));
        appendStringInfo(&out, "%s%.*s", out.len > 0 ? ", " : "", static_cast<int>(info.code.size()),
                         info.code.data());
    }
    return out.data;
}

struct Request {
    const core::RuleInfo *rule;
    const char *code;
    bool has_enabled, enabled;
    const char *severity;  // NULL: not given
    bool has_threshold;
    core::Decimal threshold;
};

const core::RuleInfo *read_rule(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("code must not be NULL"),
                errhint("Valid codes are %s.", tunable_codes()));
    const char *given = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const core::RuleInfo *info = core::find_rule(given);
    if (info == nullptr)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown rule \"%s\"", given),
                errhint("Valid codes are %s.", tunable_codes()));
    if (!tunable(*info))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("rule %s cannot be changed", pg::c_string(info->code)),
                errdetail("An event that breaks it cannot be read; it is always on and always critical."),
                errhint("Valid codes are %s.", tunable_codes()));
    return info;
}

const char *read_severity(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(2)) return nullptr;
    const char *given = text_to_cstring(PG_GETARG_TEXT_PP(2));
    for (const char *valid : {"critical", "warning"})
        if (pg_strcasecmp(given, valid) == 0) return valid;
    ereport(
        ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown severity \"%s\"", given),
        errhint("Valid severities are critical (dead-letters the event) and warning (loads it and alerts)."));
    pg_unreachable();
}

void read_threshold(FunctionCallInfo fcinfo, Request &r) {
    if (PG_ARGISNULL(3)) return;
    if (!r.rule->has_threshold)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("rule %s has no threshold", r.code),
                errhint("Leave threshold out; enabled and severity can be set."));
    Numeric given = PG_GETARG_NUMERIC(3);
    const bool finite = !numeric_is_nan(given) && !numeric_is_inf(given);
    const bool any_sign = r.rule->threshold_sign == core::Sign::any;
    if (!finite || pg::decimal_of(given, r.threshold) != core::ParseStatus::ok ||
        (!any_sign && r.threshold < core::Decimal{}))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s is no threshold of rule %s",
                       DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(given))), r.code),
                errhint("Valid thresholds are numbers %s 100000000000000, in %s.",
                        any_sign ? "between -100000000000000 and" : "from 0 to less than",
                        pg::c_string(r.rule->threshold_unit)));
    r.has_threshold = true;
}

Request read_request(FunctionCallInfo fcinfo) {
    Request r{};
    r.rule = read_rule(fcinfo);
    r.code = pg::c_string(r.rule->code);
    r.has_enabled = !PG_ARGISNULL(1);
    r.enabled = r.has_enabled && PG_GETARG_BOOL(1);
    r.severity = read_severity(fcinfo);
    read_threshold(fcinfo, r);
    return r;
}

// Returns the number of overrides removed (all arguments NULL) or written.
int64 write_override(const Request &r, bool remove) {
    static pg::Statement forget("DELETE FROM scout_internal.rule_overrides WHERE code = $1");
    static pg::Statement override_rule(
        "INSERT INTO scout_internal.rule_overrides AS o (code, enabled, severity, threshold, set_at, set_by)"
        " VALUES ($1, $2, $3, $4, clock_timestamp(), $5)"
        " ON CONFLICT (code) DO UPDATE SET enabled = coalesce(excluded.enabled, o.enabled),"
        " severity = coalesce(excluded.severity, o.severity),"
        " threshold = coalesce(excluded.threshold, o.threshold),"
        " set_at = excluded.set_at, set_by = excluded.set_by");
    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows =
        remove ? forget.run({pg::text(r.code)})
               : override_rule.run({pg::text(r.code),
                                    r.has_enabled ? pg::boolean(r.enabled) : pg::null_of(BOOLOID),
                                    pg::text_or_null(r.severity),
                                    r.has_threshold ? pg::datum(NUMERICOID, pg::numeric_of(r.threshold))
                                                    : pg::null_of(NUMERICOID),
                                    pg::text(actor)});
    owner.end();
    return static_cast<int64>(rows.count());
}

void emit_threshold(pg::Result &result, const core::RuleInfo &info, const core::RuleSetting &setting) {
    if (info.has_threshold)
        result.decimal(setting.threshold);
    else
        result.null();
}

}  // namespace

}  // namespace scout::rules

SCOUT_FUNCTION(scout_built_in_rules, 0) {
    using namespace scout;
    static pg::Statement overridden("SELECT o.code FROM scout_internal.rule_overrides o");
    pg::Result result(fcinfo);
    pg::Session session;
    const core::RuleSet rules = extension::current_rules();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = overridden.read();
    owner.end();
    for (int i = 0; i < core::rule_count; i++) {
        const core::RuleInfo &info = core::rule_info(static_cast<core::Rule>(i));
        const core::RuleSetting &setting = rules[info.rule];
        bool changed = false;
        for (uint64 row = 0; row < rows.count(); row++) changed = changed || rows.text(row, 1) == info.code;
        result.text(info.code).text(info.category).text(rules::severity_text(setting.severity));
        result.boolean(setting.enabled);
        rules::emit_threshold(result, info, setting);
        if (info.has_threshold)
            result.text(info.threshold_unit);
        else
            result.null();
        result.boolean(changed).boolean(rules::tunable(info)).text(info.description);
        result.end_row();
    }
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_set_rule, 4) {
    using namespace scout;
    const rules::Request r = rules::read_request(fcinfo);
    const Oid acting_role = GetUserId();
    const bool remove = !r.has_enabled && r.severity == nullptr && !r.has_threshold;
    pg::Result result(fcinfo);
    pg::Session session;
    const int64 changed = rules::write_override(r, remove);

    // current_rules() reads with the active snapshot; the one of the calling query is older.
    PushActiveSnapshot(GetLatestSnapshot());
    const core::RuleSet rules = extension::current_rules();
    PopActiveSnapshot();
    const core::RuleSetting &setting = rules[r.rule->rule];

    audit::Json arguments, counts;
    arguments.add("code", r.code).add_or_null("severity", r.severity);
    if (r.has_enabled)
        arguments.add_bool("enabled", r.enabled);
    else
        arguments.add_or_null("enabled", nullptr);
    char text[core::decimal_text_size];
    arguments.add_or_null("threshold",
                          r.has_threshold ? pg::c_string(core::format_decimal(r.threshold, text)) : nullptr);
    counts.add(remove ? "overrides_removed" : "overrides_set", changed);
    audit::record("set_rule", acting_role, arguments, remove ? "default" : "overridden", counts);

    result.text(r.code).text(rules::severity_text(setting.severity)).boolean(setting.enabled);
    rules::emit_threshold(result, *r.rule, setting);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
