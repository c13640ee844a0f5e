// register_gold() and unregister_gold(): which materialized views are gold beside the pipeline's own.
//
// checked_gold() (sql/gold/views.sql) says what is wrong with the arguments. A registered view is refreshed
// as its owner; who registers it must have the owner's rights, so that nobody has code of a stranger run by
// another. The row and its entry in the timeline are written in one transaction; abort and crash leave what
// was.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/sessions.hpp"
#include "pg/spi.hpp"

SCOUT_ACTION(scout_register_gold, 4) {
    using namespace scout;
    static pg::Statement check(
        "SELECT c.view_schema::text, c.view_name::text, c.view_owner::text, c.details,"
        " format('%I.%I', c.view_schema, c.view_name), l.warn::text, l.error::text, l.warn, l.error"
        " FROM (SELECT coalesce($2, f.warn_after) AS warn, coalesce($3, f.error_after) AS error"
        "  FROM scout_internal.freshness_limits('gold'::text) f) l,"
        " scout_internal.checked_gold($1, l.warn, l.error, $4) c");
    static pg::Statement put(
        "INSERT INTO scout_internal.registered_gold AS r (view_schema, view_name,"
        " view_owner, warn_after, error_after,"
        " enabled, registered_by) VALUES ($1::text::name, $2::text::name, $3::text::name, $4, $5, $6, $7)"
        " ON CONFLICT (view_schema, view_name) DO UPDATE SET view_owner = excluded.view_owner, warn_after ="
        " excluded.warn_after, error_after = excluded.error_after, enabled = excluded.enabled,"
        " registered_at = excluded.registered_at, registered_by = excluded.registered_by RETURNING xmax = 0");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const pg::Param enabled = pg::argument(fcinfo, 3, BOOLOID);
    pg::Rows rows = check.run({pg::argument(fcinfo, 0, REGCLASSOID), pg::argument(fcinfo, 1, INTERVALOID),
                               pg::argument(fcinfo, 2, INTERVALOID), enabled});
    bool no_warn, no_error;
    const pg::Param warn = pg::datum(INTERVALOID, rows.value(0, 8, no_warn)),
                    error = pg::datum(INTERVALOID, rows.value(0, 9, no_error));
    if (no_warn || no_error) elog(ERROR, "gold has no limits of freshness");
    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows written = put.run({pg::text(rows.text(0, 1)), pg::text(rows.text(0, 2)),
                                pg::text(rows.text(0, 3)), warn, error, enabled, pg::text(actor)});
    owner.end();
    const char *status = written.boolean(0, 1) ? "registered" : "replaced";
    audit::Json arguments, counts;
    arguments.add("relation", rows.text(0, 5))
        .add("warn_after", rows.text(0, 6))
        .add("error_after", rows.text(0, 7))
        .add_bool("enabled", DatumGetBool(enabled.value));
    audit::record("register_gold", role, arguments, status, counts);
    result.text(rows.text(0, 5)).text(status);
    rows.is_null(0, 4) ? result.null() : result.text(rows.text(0, 4));
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_unregister_gold, 1) {
    using namespace scout;
    static pg::Statement named(
        "DELETE FROM scout_internal.registered_gold r USING (SELECT parse_ident($1) AS parts) p"
        " WHERE cardinality(p.parts) <= 2 AND r.view_name = p.parts[cardinality(p.parts)]::name"
        " AND r.view_schema = (CASE cardinality(p.parts) WHEN 1 THEN 'scout' ELSE p.parts[1] END)::name"
        " RETURNING format('%I.%I', r.view_schema, r.view_name)");
    pg::refuse_null(
        fcinfo, 0, "relation",
        "SELECT materialized_view FROM scout.v_gold_freshness shows gold views, registered ones included.");
    const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = named.run({pg::text(name)});
    owner.end();
    if (rows.count() == 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("\"%s\" is not registered", name),
                errhint("SELECT materialized_view FROM scout.v_gold_freshness shows gold views; the "
                        "pipeline's own are gold without a registration. To keep one from being refreshed: "
                        "register_gold(..., enabled => false)."));
    audit::Json arguments, counts;
    arguments.add("relation", rows.text(0, 1));
    audit::record("unregister_gold", role, arguments, "unregistered", counts);
    result.text(rows.text(0, 1)).text("unregistered");
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_FUNCTION(scout_writes_unreported, 2) {
    if (PG_ARGISNULL(0)) return BoolGetDatum(true);
    return BoolGetDatum(scout::pg::writes_may_be_unreported(
        PG_GETARG_TIMESTAMPTZ(0), PG_ARGISNULL(1) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(1)));
}
