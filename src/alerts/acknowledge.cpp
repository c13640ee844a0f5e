// acknowledge_alerts(), and UPDATE etl_alerts SET acknowledged = true: somebody knows.
//
// Rows are locked in the order of their keys, as raisers do, and written after that: an alert that was
// resolved meanwhile is left alone. Commit: alerts and their entry in the timeline. Abort, cancel, crash: the
// alerts fire as before.

#include "alerts/alert.hpp"
#include "alerts/arguments.hpp"
#include "audit/caller.hpp"
#include "core/text.hpp"
#include "extension/installed.hpp"
#include "extension/pipeline.hpp"
#include "extension/tiers.hpp"
#include "extension/trigger.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/datum.h"
#include "utils/fmgroids.h"
}

namespace scout::alerts {

namespace {

struct Filter {
    pg::Param before, severity, source, key, ids;
};

constexpr int filter_count = 5;

Filter read_filter(FunctionCallInfo fcinfo) {
    bool given = false;
    for (int i = 0; i < filter_count; i++) given = given || !PG_ARGISNULL(i);
    if (!given)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("acknowledge_alerts needs a filter"),
                errhint("Give before, severity, source, dedup_key or alert_ids; before => now() means all."));
    return {pg::argument(fcinfo, 0, TIMESTAMPTZOID), pg::text_or_null(severity_argument(fcinfo, 1)),
            pg::text_or_null(source_argument(fcinfo, 2)),
            pg::text_or_null(pg::pattern_argument(fcinfo, 3, "dedup_key", "bronze%")),
            pg::argument(fcinfo, 4, INT8ARRAYOID)};
}

// One that became critical after `before` is not the one that was seen.
pg::Array<int64> lock(const Filter &f) {
    static pg::Statement firing(
        "SELECT a.alert_id FROM scout_internal.alerts a WHERE a.state = 'firing'"
        " AND ($1 IS NULL OR greatest(a.first_seen, a.escalated_at) < $1)"
        " AND ($2 IS NULL OR a.severity = $2) AND ($3 IS NULL OR a.source = $3)"
        " AND ($4 IS NULL OR a.dedup_key LIKE $4) AND ($5 IS NULL OR a.alert_id = ANY ($5))"
        " ORDER BY a.dedup_key FOR UPDATE");
    pg::Array<int64> ids;
    pg::Rows rows = firing.run({f.before, f.severity, f.source, f.key, f.ids});
    for (uint64 i = 0; i < rows.count(); i++) ids.push(rows.int8(i, 1));
    rows.free();
    return ids;
}

pg::Rows acknowledge(const pg::Array<int64> &ids, const char *note, const char *actor) {
    static pg::Statement set(
        "WITH done AS (UPDATE scout_internal.alerts a"
        " SET state = 'acknowledged', acknowledged_at = clock_timestamp(),"
        "  acknowledged_by = $2, acknowledged_note = $3 WHERE a.alert_id = ANY ($1) AND a.state = 'firing'"
        "  RETURNING a.*)"
        " SELECT d.alert_id, d.severity, d.source, d.subject, d.summary, d.first_seen,"
        " d.count, d.acknowledged_at,"
        " d.acknowledged_by FROM done d ORDER BY d.severity, d.first_seen, d.alert_id");
    return set.run({pg::int8_array(ids.begin(), ids.size()), pg::text(actor), pg::text_or_null(note)});
}

const char *note_argument(FunctionCallInfo fcinfo, int number) {
    const char *note = pg::optional_text(fcinfo, number);
    return note == nullptr || core::trim(note).empty() ? nullptr : note;
}

// Only `acknowledged` may differ, and only towards true.
bool asks_for_it(const TriggerData *trigger) {
    TupleDesc desc = RelationGetDescr(trigger->tg_relation);
    const int wanted = extension::column(desc, "acknowledged", BOOLOID);
    for (int i = 1; i <= desc->natts; i++) {
        const Form_pg_attribute column = TupleDescAttr(desc, i - 1);
        bool old_null, new_null;
        const Datum before = heap_getattr(trigger->tg_trigtuple, i, desc, &old_null);
        const Datum after = heap_getattr(trigger->tg_newtuple, i, desc, &new_null);
        const bool same = old_null == new_null &&
                          (old_null || datum_image_eq(before, after, column->attbyval, column->attlen));
        if (same) continue;
        if (i == wanted && !new_null && DatumGetBool(after)) return true;
        ereport(
            ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            i == wanted ? errmsg("an alert cannot be un-acknowledged")
                        : errmsg("column \"%s\" of etl_alerts cannot be set", NameStr(column->attname)),
            errhint(
                "UPDATE scout.etl_alerts SET acknowledged = true WHERE ... is all that it takes; an alert "
                "is resolved when its condition has ended."));
    }
    return false;
}

}  // namespace

}  // namespace scout::alerts

SCOUT_ACTION(scout_acknowledge_alerts, 6) {
    using namespace scout;
    using namespace scout::alerts;
    const Filter filter = read_filter(fcinfo);
    const char *note = note_argument(fcinfo, filter_count);
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = acknowledge(lock(filter), note, actor);
    owner.end();
    constexpr int columns = 9;
    for (uint64 i = 0; i < rows.count(); i++) {
        for (int column = 1; column <= columns; column++) {
            bool null;
            const Datum value = rows.value(i, column, null);
            null ? result.null() : result.datum(value);
        }
        result.end_row();
    }
    audit::Json arguments, counts;
    if (!filter.before.null) arguments.add_time("before", DatumGetTimestampTz(filter.before.value));
    auto add = [&arguments](const char *name, const pg::Param &p) {
        if (!p.null) arguments.add(name, TextDatumGetCString(p.value));
    };
    add("severity", filter.severity);
    add("source", filter.source);
    add("dedup_key", filter.key);
    if (!filter.ids.null) arguments.add("alert_ids", OidOutputFunctionCall(F_ARRAY_OUT, filter.ids.value));
    arguments.add_or_null("note", note);
    counts.add("acknowledged", static_cast<int64>(rows.count()));
    audit::record("acknowledge_alerts", role, arguments, "done", counts);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_TRIGGER(scout_acknowledge_etl_alert) {
    using namespace scout;
    using namespace scout::alerts;
    extension::require_trigger(fcinfo, "acknowledge_etl_alert");
    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    extension::require_fired_on(trigger, "etl_alerts");
    extension::require_operator("UPDATE of etl_alerts");
    if (asks_for_it(trigger)) {
        TupleDesc desc = RelationGetDescr(trigger->tg_relation);
        const int64 id = DatumGetInt64(extension::field(
            trigger->tg_trigtuple, desc, extension::column(desc, "alert_id", INT8OID), "alert_id"));
        const Oid role = GetUserId();
        pg::Session session;
        const char *actor = audit::actor();
        pg::Array<int64> ids;
        ids.push(id);
        pg::AsRole owner(extension::extension_owner());
        pg::Rows rows = acknowledge(ids, nullptr, actor);
        owner.end();
        if (rows.count() > 0) {
            audit::Json arguments, counts;
            arguments.add("alert_id", id).add("through", "etl_alerts");
            counts.add("acknowledged", int64{1});
            audit::record("acknowledge_alerts", role, arguments, "done", counts);
        }
        session.end();
    }
    return PointerGetDatum(trigger->tg_newtuple);
}
