// run_quality_rules(): asks the rules and keeps what they say.
//
// All rules read the snapshot of the calling query. The results are rows of this transaction: commit
// publishes them with their entry in the timeline, abort and crash leave none.

#include "audit/caller.hpp"
#include "audit/retention.hpp"
#include "extension/installed.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/numeric.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "rules/evaluate.hpp"

#include <cstdlib>

namespace scout::rules {

namespace {

struct Request {
    Datum hours;
    const char *hours_text;
    TimestampTz now;
    Limits limits;
    pg::Array<Rule> rules;
};

int64 timeout_argument(FunctionCallInfo fcinfo) {
    pg::refuse_null(fcinfo, 3, "timeout");
    const core::int128 ms = pg::microseconds_of(PG_GETARG_INTERVAL_P(3)) / 1000;
    if (ms < 1 || ms > pg::hour_ms)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("timeout must be from 1 millisecond to 1 hour"),
                errhint("It is the time limit of each scan, for example '10 seconds'."));
    return static_cast<int64>(ms);
}

// The rules named, also such as are switched off; without names all that are on.
pg::Array<Rule> chosen(FunctionCallInfo fcinfo) {
    const pg::Array<Rule> all = all_rules();
    pg::Array<Rule> out;
    if (PG_ARGISNULL(1)) {
        for (const Rule &rule : all)
            if (rule.enabled) out.push(rule);
        return out;
    }
    Datum *values;
    bool *nulls;
    int count;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
    if (count == 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("names must not be empty"),
                errhint("Leave names out to run all rules that are switched on."));
    for (int i = 0; i < count; i++) {
        if (nulls[i])
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("names must not contain NULL"),
                    errhint("There are: %s.", names_of(all)));
        const char *name = TextDatumGetCString(values[i]);
        const Rule *rule = find(all, name);
        if (rule == nullptr)
            ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no rule \"%s\"", name),
                    errhint("There are: %s.", names_of(all)));
        if (find(out, name) == nullptr) out.push(*rule);
    }
    return out;
}

Request read_request(FunctionCallInfo fcinfo) {
    // hours_ago() refuses what is no length of a window.
    static pg::Statement window(
        "SELECT scout_internal.hours_ago($1), $1 > 0, statement_timestamp(), $1::text");
    Request r{};
    pg::Rows rows = window.read({pg::argument(fcinfo, 0, NUMERICOID)});
    if (!rows.boolean(0, 2))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("hours must be greater than 0"),
                errdetail("Nothing is in an empty window, and every rule would pass."),
                errhint("Give a number up to 87600 (ten years), such as hours => 24."));
    r.hours = PG_GETARG_DATUM(0);
    r.hours_text = pg::c_string(rows.text(0, 4));
    r.limits.since = rows.timestamp(0, 1);
    r.now = rows.timestamp(0, 3);
    r.limits.sample = pg::count_argument(fcinfo, 2, "sample", 1000, 0);
    r.limits.timeout_ms = timeout_argument(fcinfo);
    r.rules = chosen(fcinfo);
    return r;
}

int64 next_run() {
    static pg::Statement next("SELECT nextval('scout_internal.quality_results_result_id_seq')");
    return next.run().int8(0, 1);
}

void store(const Request &r, int64 run, const Rule &rule, const Outcome &out, const char *actor) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.quality_results (run_id, rule, category, severity, relation, status,"
        " failures, scanned, percentage, warn_if, error_if, hours, window_start, window_end, duration_ms,"
        " rules_in_scan, sample, error_sqlstate, message, run_by, mean, deviation, runs_compared, anomalous)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8, j.percentage, $9, $10, $11, $12, $13, $14, $15,"
        "  $16::text::jsonb, $17, $18, $19, j.mean, j.deviation, j.runs_compared, j.anomalous"
        " FROM scout_internal.judged_result($2, $6, $7, $8, $11, $12, $20) j");
    const bool known = out.sqlstate == nullptr;
    const pg::Param failures = known ? pg::int8(out.failures) : pg::null_of(INT8OID);
    const pg::Param scanned = known && out.scanned >= 0 ? pg::int8(out.scanned) : pg::null_of(INT8OID);
    insert.run({pg::int8(run),
                pg::text(rule.name),
                pg::text(rule.category),
                pg::text(rule.severity),
                pg::text_or_null(rule.relation),
                pg::text(out.status(rule)),
                failures,
                scanned,
                pg::text(threshold_text(rule.warn)),
                pg::text(threshold_text(rule.error)),
                pg::datum(NUMERICOID, r.hours),
                pg::timestamp(r.limits.since),
                pg::timestamp(r.now),
                pg::datum(NUMERICOID, pg::numeric_milliseconds(out.microseconds)),
                pg::int4(out.rules_in_scan),
                pg::text_or_null(out.sample),
                pg::text_or_null(out.sqlstate),
                pg::text_or_null(out.message),
                pg::text(actor),
                pg::timestamp(rule.shipped() ? DT_NOBEGIN : rule.created_at)});
}

// Worst first.
void emit(pg::Result &result, int64 run) {
    static pg::Statement results(
        "SELECT q.rule, q.category, q.severity, q.relation, q.status, q.failures, q.scanned, q.percentage,"
        " q.anomalous, q.duration_ms, q.sample, q.message, q.run_id FROM scout_internal.quality_results q"
        " WHERE q.run_id = $1"
        " ORDER BY array_position(ARRAY['runtime error', 'error', 'warn', 'pass'], q.status), q.rule",
        pg::Plan::by_index);
    constexpr int columns = 13;
    pg::Rows rows = results.read_latest({pg::int8(run)});
    for (uint64 i = 0; i < rows.count(); i++) {
        for (int column = 1; column <= columns; column++) {
            bool null;
            Datum value = rows.value(i, column, null);
            null ? result.null() : result.datum(value);
        }
        result.end_row();
    }
    rows.free();
}

void record(const Request &r, Oid role, const pg::Array<Outcome> &outcomes) {
    audit::Json arguments, counts;
    arguments.add("hours", r.hours_text).add("timeout_ms", r.limits.timeout_ms);
    const char *worst = "pass";
    for (const char *status : {"pass", warn_severity, error_severity, "runtime error"}) {
        int64 count = 0;
        for (size_t i = 0; i < outcomes.size(); i++)
            count += strcmp(outcomes[i].status(r.rules[i]), status) == 0;
        counts.add(status, count);
        if (count > 0) worst = status;
    }
    audit::record("run_quality_rules", role, arguments, worst, counts);
}

}  // namespace

}  // namespace scout::rules

SCOUT_ACTION(scout_run_quality_rules, 4) {
    using namespace scout;
    PreventCommandIfReadOnly("run_quality_rules()");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const rules::Request request = rules::read_request(fcinfo);
    const pg::Array<rules::Outcome> outcomes = rules::evaluate(request.rules, request.limits);

    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    const int64 run = rules::next_run();
    for (size_t i = 0; i < outcomes.size(); i++)
        rules::store(request, run, request.rules[i], outcomes[i], actor);
    rules::emit(result, run);
    owner.end();
    (void)audit::forget_old();
    rules::record(request, role, outcomes);
    session.end();
    return static_cast<Datum>(0);
}
