// The quality rules in force: the shipped ones with an admin's overrides, then users' own. Rows are read as
// the extension's owner, with the snapshot of the caller, and never written here (edit_rules.cpp does).
#include "extension/installed.hpp"
#include "pg/spi.hpp"
#include "rules/rules.hpp"

namespace scout::rules {

namespace {

void add_shipped(pg::Array<Rule> &rules) {
    static pg::Statement overrides(
        "SELECT o.name, o.enabled, o.severity, o.warn_if, o.error_if"
        " FROM scout_internal.quality_rule_overrides o");
    pg::Rows changes = overrides.read();
    for (Rule rule : shipped_rules()) {
        for (uint64 row = 0; row < changes.count(); row++) {
            if (changes.text(row, 1) != rule.name) continue;
            rule.overridden = true;
            if (!changes.is_null(row, 2)) rule.enabled = changes.boolean(row, 2);
            if (!changes.is_null(row, 3)) rule.severity = changes.text_or_null(row, 3);
            if (!changes.is_null(row, 4)) rule.warn = stored_threshold(changes.text(row, 4));
            if (!changes.is_null(row, 5)) rule.error = stored_threshold(changes.text(row, 5));
        }
        rules.push(rule);
    }
    changes.free();
}

void add_own(pg::Array<Rule> &rules) {
    static pg::Statement records(
        "SELECT r.name, r.category, r.severity, r.description, r.relation,"
        " r.window_column, r.predicate, r.query,"
        " r.owner::text, r.warn_if, r.error_if, r.enabled, r.created_at"
        " FROM scout_internal.quality_rule_records r ORDER BY r.name");
    pg::Rows rows = records.read();
    for (uint64 i = 0; i < rows.count(); i++) {
        Rule rule{};
        rule.name = rows.text_or_null(i, 1);
        rule.category = rows.text_or_null(i, 2);
        rule.severity = rows.text_or_null(i, 3);
        rule.description = rows.text_or_null(i, 4);
        rule.relation = rows.text_or_null(i, 5);
        rule.window_column = rows.text_or_null(i, 6);
        if (rule.window_column != nullptr)
            rule.window = psprintf("t.%s >= $1", quote_identifier(rule.window_column));
        rule.predicate = rows.text_or_null(i, 7);
        rule.query = rows.text_or_null(i, 8);
        rule.owner = rows.text_or_null(i, 9);
        rule.warn = stored_threshold(rows.text(i, 10));
        rule.error = stored_threshold(rows.text(i, 11));
        rule.enabled = rows.boolean(i, 12);
        rule.created_at = rows.timestamp(i, 13);
        rules.push(rule);
    }
    rows.free();
}

}  // namespace

core::Threshold stored_threshold(std::string_view text) {
    core::Threshold out;
    if (!core::parse_threshold(text, out))
        ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("\"%s\" is no threshold", pg::c_string(text)));
    return out;
}

pg::Array<Rule> all_rules() {
    pg::Array<Rule> rules;
    pg::AsRole owner(extension::extension_owner());
    add_shipped(rules);
    add_own(rules);
    owner.end();
    return rules;
}

const Rule *find(const pg::Array<Rule> &rules, const char *name) {
    for (const Rule &rule : rules)
        if (strcmp(rule.name, name) == 0) return &rule;
    return nullptr;
}

const char *names_of(const pg::Array<Rule> &rules) {
    StringInfoData out;
    initStringInfo(&out);
    for (const Rule &rule : rules) appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", rule.name);
    return out.data;
}

const char *threshold_text(const core::Threshold &threshold) {
    char buffer[core::threshold_text_size];
    return pg::c_string(core::format_threshold(threshold, buffer));
}

void check_thresholds(const Rule &rule) {
    if (core::hides_warning(rule.warn, rule.error))
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("warn_if \"%s\" is never seen beside error_if \"%s\"", threshold_text(rule.warn),
                   threshold_text(rule.error)),
            errhint("What warns must come before what is an error, such as warn_if '> 0', error_if '> 10'."));
    if (rule.relation == nullptr && (rule.warn.percent || rule.error.percent))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a percentage needs a relation"),
                errdetail("The rows of the relation are what the failures are a share of."),
                errhint("Give relation (and window_column), or a threshold without %%."));
}

const char *rows_of(const Rule &rule) {
    const char *from = rule.source != nullptr ? rule.source : psprintf("%s AS t", rule.relation);
    return rule.window == nullptr ? from : psprintf("%s WHERE %s", from, rule.window);
}

}  // namespace scout::rules
