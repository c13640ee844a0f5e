// set_verification_threshold(): an admin's own limits for the checks of verify_recovery().
//
// Commit: holds from the next call that starts after it. Abort, crash: as before.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::verification {

namespace {

// Of an infinite number or NaN, or a negative one, no value could be said to be beyond.
pg::Statement problem(
    "SELECT CASE WHEN NOT EXISTS (SELECT FROM scout_internal.verification_checks() c WHERE c.check_name = $1)"
    "  THEN 'there is no check ' || quote_literal($1)"
    " WHEN $2 IN ('NaN', 'Infinity') OR $2 < 0 THEN 'warning must be a number from 0, not ' || $2"
    " WHEN $3 IN ('NaN', 'Infinity') OR $3 < 0 THEN 'critical must be a number from 0, not ' || $3 END,"
    " (SELECT string_agg(c.check_name, ', ' ORDER BY c.ordinal) FROM scout_internal.verification_checks() c)");

pg::Statement forget("DELETE FROM scout_internal.verification_thresholds t WHERE t.check_name = $1");

pg::Statement set(
    "INSERT INTO scout_internal.verification_thresholds (check_name, warning, critical, set_by)"
    " SELECT $1, $2, $3, $4 WHERE $2 IS NOT NULL OR $3 IS NOT NULL");

pg::Statement in_force(
    "SELECT c.warning, c.critical, c.overridden, c.low_is_bad,"
    " CASE WHEN c.low_is_bad THEN c.warning < c.critical ELSE c.warning > c.critical END"
    " FROM scout_internal.verification_checks() c WHERE c.check_name = $1");

}  // namespace

}  // namespace scout::verification

SCOUT_ACTION(scout_set_verification_threshold, 3) {
    using namespace scout;
    using namespace scout::verification;
    const char *hint = "SELECT check_name FROM scout.verify_recovery() names the checks.";
    const std::string_view check = pg::required_text(fcinfo, 0, "check_name", hint);
    const pg::Param warning = pg::argument(fcinfo, 1, NUMERICOID),
                    critical = pg::argument(fcinfo, 2, NUMERICOID);
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = problem.run({pg::text(check), warning, critical});
    if (!rows.is_null(0, 1))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", pg::c_string(rows.text(0, 1))),
                errhint("The checks are %s.", pg::c_string(rows.text(0, 2))));
    forget.run({pg::text(check)});
    set.run({pg::text(check), warning, critical, pg::text(actor)});
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    rows = in_force.run({pg::text(check)});
    PopActiveSnapshot();
    if (rows.boolean(0, 5))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("%s: a value would be critical before it is a warning", pg::c_string(check)),
                errhint("%s; give both where the default of the other does not fit.",
                        rows.boolean(0, 4) ? "A low value is bad here: warning must not be below critical"
                                           : "warning must not be above critical"));
    owner.end();
    audit::Json arguments, counts;
    auto number = [](const pg::Param &p) {
        return p.null ? nullptr : DatumGetCString(DirectFunctionCall1(numeric_out, p.value));
    };
    arguments.add("check_name", check)
        .add_or_null("warning", number(warning))
        .add_or_null("critical", number(critical));
    audit::record("set_verification_threshold", role, arguments, "done", counts);
    result.text(check);
    for (int column : {1, 2}) {
        bool null;
        const Datum value = rows.value(0, column, null);
        if (null)
            result.null();
        else
            result.datum(value);
    }
    result.boolean(rows.boolean(0, 3));
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
