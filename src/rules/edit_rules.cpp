// add_quality_rule(), set_quality_rule(), drop_quality_rule(), quality_rule_list().
//
// A rule is planned, and its privileges are looked at, as its owner: what he may not read now is refused now.
// That is the caller; a superuser's rule gets another one (extension::registrant()). Commit publishes the
// rule together with its entry in the timeline; abort and crash leave the rules as they were.

#include "audit/caller.hpp"
#include "core/text.hpp"
#include "extension/installed.hpp"
#include "extension/sight.hpp"
#include "pg/arguments.hpp"
#include "pg/condition.hpp"
#include "pg/deadline.hpp"
#include "pg/free_sql.hpp"
#include "pg/result.hpp"
#include "rules/evaluate.hpp"

extern "C" {
#include "utils/acl.h"
#include "utils/regproc.h"
#include "utils/varlena.h"
}

namespace scout::rules {

namespace {

constexpr int64 planning_limit_ms = 10'000;

const char *name_argument(FunctionCallInfo fcinfo) {
    return pg::c_string(
        pg::required_text(fcinfo, 0, "name", "SELECT name FROM scout.quality_rules shows the names."));
}

// dbt's words, and what people write for them.
const char *severity_argument(FunctionCallInfo fcinfo, int number) {
    const char *given = pg::unblank_text(fcinfo, number, "severity");
    if (given == nullptr) return nullptr;
    if (pg_strcasecmp(given, error_severity) == 0) return error_severity;
    if (pg_strcasecmp(given, warn_severity) == 0 || pg_strcasecmp(given, "warning") == 0)
        return warn_severity;
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown severity \"%s\"", given),
            errhint("Valid severities are error, and warn: such a rule never does more than warn."));
    pg_unreachable();
}

bool threshold_argument(FunctionCallInfo fcinfo, int number, const char *name, core::Threshold &out) {
    const char *given = pg::unblank_text(fcinfo, number, name);
    if (given == nullptr) return false;
    if (!core::parse_threshold(given, out))
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s \"%s\" is no threshold", name, given),
            errhint("Give a comparison (>, >=, =, !=, <, <=) with a count or a percentage up to 100, such as "
                    "'> 0' or '> 5%%', or 'never'."));
    return true;
}

// The relation with its schema, found by the caller's search_path.
const char *qualified(const char *given) {
    Oid relation = InvalidOid;
    ErrorData *error = pg::attempt([&] {
        relation = RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(given))),
                                    NoLock, true);
    });
    if (error != nullptr) ereport(ERROR, errcode(error->sqlerrcode), errmsg("%s", error->message));
    if (!OidIsValid(relation))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation \"%s\" does not exist", given),
                errhint("Give a table or view, with its schema where it is not in your search_path."));
    return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
                                      get_rel_name(relation));
}

Rule read_rule(FunctionCallInfo fcinfo) {
    Rule rule{};
    rule.name = name_argument(fcinfo);
    if (strspn(rule.name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(rule.name) ||
        strlen(rule.name) > 100)
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("\"%s\" is no name for a rule", rule.name),
            errhint("Use up to 100 lower-case letters, digits and underscores, such as missing_customer."));
    rule.category = pg::unblank_text(fcinfo, 1, "category");
    if (rule.category == nullptr) rule.category = "custom";
    rule.severity = severity_argument(fcinfo, 2);
    if (rule.severity == nullptr) rule.severity = error_severity;
    const char *relation = pg::unblank_text(fcinfo, 3, "relation");
    if (relation != nullptr) rule.relation = qualified(relation);
    rule.predicate = pg::unblank_text(fcinfo, 4, "predicate");
    rule.query = pg::unblank_text(fcinfo, 5, "query");
    if ((rule.predicate == nullptr) == (rule.query == nullptr))
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("give either predicate or query"),
            errhint(
                "A predicate is true for a row of relation that fails; a query returns the failing rows."));
    if (rule.predicate != nullptr && rule.relation == nullptr)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a predicate needs a relation"),
                errhint("Name the table or view whose rows are looked at."));
    const bool warns = threshold_argument(fcinfo, 6, "warn_if", rule.warn);
    const bool fails = threshold_argument(fcinfo, 7, "error_if", rule.error);
    if (!warns && !fails)
        (void)core::parse_threshold("> 0", rule.severity == error_severity ? rule.error : rule.warn);
    rule.window_column = pg::unblank_text(fcinfo, 8, "window_column");
    if (rule.window_column != nullptr) {
        if (rule.relation == nullptr)
            ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("window_column needs a relation"),
                    errhint("A query uses $1, the start of the window, where it wants."));
        rule.window = psprintf("t.%s >= $1", quote_identifier(rule.window_column));
    }
    rule.description = pg::unblank_text(fcinfo, 9, "description");
    pg::refuse_null(fcinfo, 10, "enabled", "Valid values are true and false.");
    rule.enabled = PG_GETARG_BOOL(10);
    check_thresholds(rule);
    return rule;
}

const char *hint_for(const ErrorData *error, const char *owner) {
    if (error->hint != nullptr) return error->hint;
    switch (error->sqlerrcode) {
        case ERRCODE_INSUFFICIENT_PRIVILEGE:
            return psprintf("The rule would run with the rights of its owner, \"%s\".", owner);
        case ERRCODE_UNDEFINED_TABLE:
        case ERRCODE_UNDEFINED_FUNCTION:
        case ERRCODE_UNDEFINED_OBJECT:
            return "Give names with their schema: rules run with search_path = pg_catalog, pg_temp.";
        default: return "A predicate is a boolean expression over one row, t; a query is one SELECT.";
    }
}

// Of one statement that names all that the rule does.
Oid owner_of(const Rule &rule, const char *query) {
    const Rule *alone = &rule;
    const char *statement = query == nullptr ? statement_of(&alone, 1, "1")
                            : rule.relation == nullptr
                                ? query
                                : psprintf("SELECT FROM (%s\n) q, %s", query, rule.relation);
    pg::Session session;
    const Oid owner = extension::registrant(statement);
    session.end();
    return owner;
}

// Plans the rule as its owner, without running it.
void validate(Rule &rule) {
    Oid owner = GetUserId();
    pg::Span part{0, 0};
    const pg::Attempt attempt = pg::attempt_within(planning_limit_ms, [&] {
        if (rule.query != nullptr)
            part = pg::single_query(rule.query);
        else
            pg::require_expression(rule.predicate);
        const char *query = rule.query == nullptr
                                ? nullptr
                                : pnstrdup(rule.query + part.start, static_cast<Size>(part.length));
        owner = owner_of(rule, query);
        pg::FreeSql sql(owner);
        if (query != nullptr) {
            sql.check(query);
            if (rule.relation != nullptr) sql.check(psprintf("SELECT count(*) FROM %s", rows_of(rule)));
        } else {
            const Rule *alone = &rule;
            sql.check(statement_of(&alone, 1, key_columns(rule)));
        }
        sql.end();
    });
    if (attempt.error != nullptr)
        ereport(ERROR, errcode(attempt.error->sqlerrcode),
                attempt.timed_out ? errmsg("planning the rule takes too long")
                                  : errmsg("%s", attempt.error->message),
                attempt.error->detail != nullptr ? errdetail_internal("%s", attempt.error->detail) : 0,
                errhint("%s", hint_for(attempt.error, GetUserNameFromId(owner, false))));
    rule.owner = GetUserNameFromId(owner, false);
    if (rule.query != nullptr) rule.query = pnstrdup(rule.query + part.start, static_cast<Size>(part.length));
}

void insert(const Rule &rule) {
    static pg::Statement add(
        "INSERT INTO scout_internal.quality_rule_records (name, category, severity, relation,"
        " predicate, query, warn_if,"
        " error_if, window_column, description, enabled, owner, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::name, clock_timestamp(), $13)"
        " ON CONFLICT (name) DO NOTHING");
    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = is_shipped(rule.name)
                        ? pg::Rows()
                        : add.run({pg::text(rule.name), pg::text(rule.category), pg::text(rule.severity),
                                   pg::text_or_null(rule.relation), pg::text_or_null(rule.predicate),
                                   pg::text_or_null(rule.query), pg::text(threshold_text(rule.warn)),
                                   pg::text(threshold_text(rule.error)), pg::text_or_null(rule.window_column),
                                   pg::text_or_null(rule.description), pg::boolean(rule.enabled),
                                   pg::text(rule.owner), pg::text(actor)});
    owner.end();
    if (rows.count() == 0)
        ereport(ERROR, errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("there is a rule \"%s\" already", rule.name),
                is_shipped(rule.name)
                    ? errhint("It ships with scout_ir; set_quality_rule() changes it.")
                    : errhint("Choose another name, or drop it first: SELECT scout.drop_quality_rule(%s)",
                              quote_literal_cstr(rule.name)));
}

void emit(pg::Result &result, const Rule &rule) {
    result.text(rule.name)
        .text(rule.severity)
        .text(threshold_text(rule.warn))
        .text(threshold_text(rule.error));
    result.boolean(rule.enabled).text_or_null(rule.owner);
    result.end_row();
}

void record(const char *action, Oid role, const Rule &rule, const char *outcome) {
    audit::Json arguments, counts;
    arguments.add("name", rule.name)
        .add("severity", rule.severity)
        .add("warn_if", threshold_text(rule.warn))
        .add("error_if", threshold_text(rule.error))
        .add_bool("enabled", rule.enabled)
        .add_or_null("relation", rule.relation)
        .add_or_null("predicate", rule.predicate)
        .add_or_null("query", rule.query);
    counts.add("rules", static_cast<int64>(1));
    audit::record(action, role, arguments, outcome, counts);
}

Rule required_rule(const char *name) {
    const pg::Array<Rule> rules = all_rules();
    const Rule *rule = find(rules, name);
    if (rule == nullptr)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no rule \"%s\"", name),
                errhint("There are: %s.", names_of(rules)));
    return *rule;
}

void write_tuning(const Rule &rule, bool forget) {
    static pg::Statement tune(
        "UPDATE scout_internal.quality_rule_records"
        " SET enabled = $2, severity = $3, warn_if = $4, error_if = $5 WHERE name = $1");
    static pg::Statement override_rule(
        "INSERT INTO scout_internal.quality_rule_overrides AS o (name, enabled, severity, warn_if,"
        " error_if, set_at, set_by)"
        " VALUES ($1, $2, $3, $4, $5, clock_timestamp(), $6) ON CONFLICT (name) DO UPDATE SET"
        " enabled = excluded.enabled, severity = excluded.severity, warn_if = excluded.warn_if,"
        " error_if = excluded.error_if, set_at = excluded.set_at, set_by = excluded.set_by");
    static pg::Statement reset("DELETE FROM scout_internal.quality_rule_overrides WHERE name = $1");
    const char *actor = audit::actor();
    const pg::Param name = pg::text(rule.name), enabled = pg::boolean(rule.enabled),
                    severity = pg::text(rule.severity), warn = pg::text(threshold_text(rule.warn)),
                    error = pg::text(threshold_text(rule.error));
    pg::AsRole owner(extension::extension_owner());
    if (forget)
        (void)reset.run({name});
    else if (rule.shipped())
        (void)override_rule.run({name, enabled, severity, warn, error, pg::text(actor)});
    else
        (void)tune.run({name, enabled, severity, warn, error});
    owner.end();
}

}  // namespace

}  // namespace scout::rules

SCOUT_ACTION(scout_add_quality_rule, 11) {
    using namespace scout;
    PreventCommandIfReadOnly("add_quality_rule()");
    const Oid role = GetUserId();
    rules::Rule rule = rules::read_rule(fcinfo);
    pg::Result result(fcinfo);
    pg::Session session;
    rules::validate(rule);
    rules::insert(rule);
    rules::record("add_quality_rule", role, rule, "added");
    rules::emit(result, rule);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_set_quality_rule, 5) {
    using namespace scout;
    constexpr const char *function = "set_quality_rule";
    const Oid role = GetUserId();
    const char *name = rules::name_argument(fcinfo);
    const char *severity = rules::severity_argument(fcinfo, 2);
    core::Threshold warn, error;
    const bool warns = rules::threshold_argument(fcinfo, 3, "warn_if", warn);
    const bool fails = rules::threshold_argument(fcinfo, 4, "error_if", error);
    const bool nothing = PG_ARGISNULL(1) && severity == nullptr && !warns && !fails;
    pg::Result result(fcinfo);
    pg::Session session;
    rules::Rule rule = rules::required_rule(name);
    if (nothing && !rule.shipped())
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("nothing to set"),
                errhint("Give enabled, severity, warn_if or error_if; "
                        "a rule that ships returns to its defaults so."));
    if (!PG_ARGISNULL(1)) rule.enabled = PG_GETARG_BOOL(1);
    if (severity != nullptr) rule.severity = severity;
    if (warns) rule.warn = warn;
    if (fails) rule.error = error;
    rules::check_thresholds(rule);
    rules::write_tuning(rule, nothing);
    if (nothing) {
        PushActiveSnapshot(GetLatestSnapshot());
        rule = rules::required_rule(name);
        PopActiveSnapshot();
    }
    rules::record(function, role, rule, nothing ? "default" : "changed");
    rules::emit(result, rule);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_drop_quality_rule, 1) {
    using namespace scout;
    static pg::Statement drop("DELETE FROM scout_internal.quality_rule_records WHERE name = $1");
    constexpr const char *function = "drop_quality_rule";
    const Oid role = GetUserId();
    const char *name = rules::name_argument(fcinfo);
    pg::Result result(fcinfo);
    pg::Session session;
    const rules::Rule rule = rules::required_rule(name);
    if (rule.shipped())
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("rule \"%s\" ships with scout_ir", name),
                errhint("Switch it off: SELECT scout.set_quality_rule(%s, enabled => false)",
                        quote_literal_cstr(name)));
    pg::AsRole owner(extension::extension_owner());
    (void)drop.run({pg::text(name)});
    owner.end();
    rules::record(function, role, rule, "dropped");
    rules::emit(result, rule);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_FUNCTION(scout_quality_rule_list, 0) {
    using namespace scout;
    pg::Result result(fcinfo);
    pg::Session session;
    for (const rules::Rule &rule : rules::all_rules()) {
        result.text(rule.name).text(rule.category).text(rule.severity).text_or_null(rule.relation);
        result.text_or_null(rule.predicate).text_or_null(rule.query);
        result.text(rules::threshold_text(rule.warn)).text(rules::threshold_text(rule.error));
        result.text_or_null(rule.window_column).boolean(rule.enabled).boolean(rule.shipped());
        result.boolean(rule.overridden).text_or_null(rule.owner).text_or_null(rule.description);
        result.end_row();
    }
    session.end();
    return static_cast<Datum>(0);
}
