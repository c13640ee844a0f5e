// register_dataset() and unregister_dataset(): which relations freshness() and volume() look at.
//
// checked_dataset() (sql/freshness/datasets.sql) says what is wrong with the arguments; the filter is planned
// here, as whom it will run: extension::registrant(). The row and its entry in the timeline are written in
// one transaction: a commit makes both seen by the next look, abort and crash leave what was.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/sight.hpp"
#include "pg/arguments.hpp"
#include "pg/condition.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

SCOUT_ACTION(scout_register_dataset, 15) {
    using namespace scout;
    static pg::Statement check(
        "SELECT c::text, c->>'name', c->>'filter', quote_ident(c->>'relation_schema') || '.' ||"
        " quote_ident(c->>'relation_name'), c->>'details' FROM scout_internal.checked_dataset("
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) c");
    static pg::Statement forget("DELETE FROM scout_internal.registered_datasets WHERE name = $1");
    static pg::Statement insert(
        "INSERT INTO scout_internal.registered_datasets SELECT r.* FROM jsonb_populate_record("
        "NULL::scout_internal.registered_datasets, "
        "$1::jsonb || jsonb_build_object('registered_at', clock_timestamp(),"
        " 'registered_by', $2::text, 'registrant', $3::text)) r");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::Rows rows = check.run({pg::argument(fcinfo, 0, TEXTOID), pg::argument(fcinfo, 1, REGCLASSOID),
                               pg::argument(fcinfo, 2, NAMEOID), pg::argument(fcinfo, 3, INTERVALOID),
                               pg::argument(fcinfo, 4, INTERVALOID), pg::argument(fcinfo, 5, TEXTOID),
                               pg::argument(fcinfo, 6, NAMEOID), pg::argument(fcinfo, 7, TEXTARRAYOID),
                               pg::argument(fcinfo, 8, TEXTOID), pg::argument(fcinfo, 9, TIMEOID),
                               pg::argument(fcinfo, 10, TIMEOID), pg::argument(fcinfo, 11, INT4ARRAYOID),
                               pg::argument(fcinfo, 12, TEXTOID), pg::argument(fcinfo, 13, INTERVALOID),
                               pg::argument(fcinfo, 14, TEXTOID)});
    const char *definition = pg::c_string(rows.text(0, 1)), *name = pg::c_string(rows.text(0, 2));
    const char *relation = pg::c_string(rows.text(0, 4));
    const char *details = rows.is_null(0, 5) ? nullptr : pg::c_string(rows.text(0, 5));
    const Oid registrant = rows.is_null(0, 3)
                               ? role
                               : pg::require_condition(pg::c_string(rows.text(0, 3)), relation,
                                                       "register_dataset: filter", extension::registrant);

    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows old = forget.run({pg::text(name)});
    insert.run({pg::text(definition), pg::text(actor), pg::text(GetUserNameFromId(registrant, false))});
    owner.end();
    const char *status = old.count() > 0 ? "replaced" : "registered";
    audit::Json counts;
    audit::record("register_dataset", role, definition, status, counts);
    result.text(name).text(relation).text(status).text_or_null(details);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_unregister_dataset, 1) {
    using namespace scout;
    static pg::Statement forget(
        "DELETE FROM scout_internal.registered_datasets d WHERE d.name = $1"
        " RETURNING quote_ident(d.relation_schema) || '.' || quote_ident(d.relation_name)");
    pg::refuse_null(fcinfo, 0, "name",
                    "SELECT dataset FROM scout.datasets WHERE NOT built_in shows what is registered.");
    const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = forget.run({pg::text(name)});
    owner.end();
    if (rows.count() == 0)
        ereport(
            ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("no dataset \"%s\" is registered", name),
            errhint(
                "SELECT dataset FROM scout.datasets WHERE NOT built_in shows what is registered; built-in "
                "datasets cannot be taken away."));
    audit::Json arguments, counts;
    arguments.add("name", name);
    audit::record("unregister_dataset", role, arguments, "unregistered", counts);
    result.text(name).text(rows.text(0, 1)).text("unregistered");
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
