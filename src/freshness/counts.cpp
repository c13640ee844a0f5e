// dataset_counts(): how many rows came to each dataset, and to each of its sources, in a window and in the
// same hours of the weeks before; volume() judges them.
//
// Each dataset is a look of its own, as in newest.cpp. Week 0 is the window that ends now. "The same hours"
// are those of the clock on the wall in the dataset's time zone: a change to summer time does not move them.

#include "freshness/dataset.hpp"
#include "pg/deadline.hpp"
#include "pg/plan_cache.hpp"
#include "pg/result.hpp"

namespace scout::freshness {

namespace {

struct Count {
    const char *source;
    int week;
    int64 rows;
};

// Silver and gold: by the time at which the event was ingested.
const char *counts_of_silver(const char *windows) {
    return psprintf(
        "WITH scout_window AS (%s) SELECT NULL::text, scout_window.week, count(*) FROM scout_window CROSS "
        "JOIN LATERAL (SELECT e.event_id"
        " FROM scout.bronze_events e WHERE e.ingested_at > scout_window.since AND e.ingested_at <= "
        "scout_window.until OFFSET 0) b"
        " WHERE EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id)"
        " GROUP BY 2",
        windows);
}

void look_at(const Dataset &d, TimestampTz at, int hours, int weeks, pg::Array<Count> &counts,
             TimestampTz *first, bool *has_first) {
    MemoryContext keep = CurrentMemoryContext;
    const bool silver = d.column == nullptr && strcmp(d.relation, "silver_transactions") == 0;
    Subject s = subject_of(d, silver);
    if (!silver && s.type == DATEOID && hours % 24 != 0)
        ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                errmsg("column %s is a date: it has no hours", s.column),
                errhint("Ask for whole days: hours => 24."));
    pg::Session session(s.role);
    const char *windows =
        "SELECT g.week, (($1 AT TIME ZONE $2) - g.week * interval '7 days' - $3 * interval '1 hour') AT TIME"
        " ZONE $2 AS since, (($1 AT TIME ZONE $2) - g.week * interval '7 days') AT TIME ZONE $2 AS until"
        " FROM generate_series(0, $4) g(week)";
    const char *sql =
        silver ? counts_of_silver(windows)
               : psprintf(
                     "WITH scout_window AS (%s) SELECT b.source, scout_window.week, b.rows"
                     " FROM scout_window CROSS JOIN LATERAL"
                     " (SELECT %s AS source, count(*) AS rows FROM %s WHERE %s > %s AND %s <= %s%s"
                     " GROUP BY 1 LIMIT 1001) b",
                     windows,
                     s.source == nullptr ? "NULL::text" : psprintf("coalesce(%s::text, '(null)')", s.source),
                     s.name, s.column, as_column(s, "scout_window.since"), s.column,
                     as_column(s, "scout_window.until"), s.filter);
    pg::Rows rows =
        pg::read_cached(sql, {pg::timestamp(at), pg::text(d.zone), pg::int4(hours), pg::int4(weeks)});
    if (rows.count() > 50000)
        ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many sources"));
    for (uint64 i = 0; i < rows.count(); i++) {
        Count c{};
        MemoryContext inner = MemoryContextSwitchTo(keep);
        if (!rows.is_null(i, 1)) c.source = pg::c_string(rows.text(i, 1));
        MemoryContextSwitchTo(inner);
        c.week = rows.int4(i, 2);
        c.rows = rows.int8(i, 3);
        counts.push(c);
    }
    // Weeks before the first row are no samples.
    pg::Rows oldest =
        pg::read_cached(silver || s.is_bronze ? "SELECT ingested_at FROM scout.bronze_events WHERE $1 IS NOT "
                                                "NULL AND $2 IS NOT NULL ORDER BY event_id LIMIT 1"
                                              : psprintf("SELECT %s FROM %s WHERE %s%s ORDER BY %s LIMIT 1",
                                                         s.read, s.name, s.condition, "", s.column),
                        {pg::timestamp(at), pg::text(d.zone)});
    *has_first = oldest.count() > 0 && !oldest.is_null(0, 1);
    if (*has_first) *first = oldest.timestamp(0, 1);
    session.end();
}

}  // namespace

}  // namespace scout::freshness

SCOUT_FUNCTION(scout_dataset_counts, 5) {
    using namespace scout;
    using namespace scout::freshness;
    require_arguments(fcinfo);
    pg::Result result(fcinfo);
    pg::Session session;
    const TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);
    const int hours = PG_GETARG_INT32(2), weeks = PG_GETARG_INT32(3), milliseconds = PG_GETARG_INT32(4);
    pg::Array<Dataset> datasets = read_datasets(fcinfo, 0);
    pg::Workspace workspace("scout_ir look");
    for (const Dataset &d : datasets) {
        if (d.column == nullptr && strcmp(d.layer, "gold") == 0)
            continue;  // a view is rebuilt, it gets no rows
        pg::Array<Count> counts(workspace.context());
        TimestampTz first = 0;
        bool has_first = false;
        ErrorData *error =
            pg::look([&] { look_at(d, at, hours, weeks, counts, &first, &has_first); }, milliseconds);
        if (error != nullptr) counts.truncate(0);
        if (counts.empty()) counts.push(Count{});
        for (const Count &c : counts) {
            result.text(d.name).text_or_null(c.source).int4(c.week).int8(c.rows);
            if (has_first && error == nullptr)
                result.timestamp(first);
            else
                result.null();
            result.text_or_null(error == nullptr ? nullptr : error->message);
            result.text_or_null(error == nullptr ? nullptr : unpack_sql_state(error->sqlerrcode));
            result.end_row();
        }
        workspace.clear();
        CHECK_FOR_INTERRUPTS();
    }
    workspace.leave();
    session.end();
    return static_cast<Datum>(0);
}
