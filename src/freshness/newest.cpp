// dataset_looks(): the newest time in each dataset, and in each of its sources; freshness() judges them.
//
// Each dataset is a look of its own (pg/deadline.hpp): what fails is its row's `problem`, and the others
// go on. Reads with the snapshot of the calling query and writes nothing.
//
// How the newest row is found, the cheapest way that there is:
//   - no sources: from the end of the index on the column;
//   - sources, index on (source, column): one step per source and one look each;
//   - sources otherwise: the newest rows, up to `most_rows` and not older than the lookback.

#include "freshness/dataset.hpp"
#include "pg/deadline.hpp"
#include "pg/plan_cache.hpp"
#include "pg/result.hpp"

namespace scout::freshness {

namespace {

constexpr int64 most_rows = 100000;
constexpr int most_sources = 1000;
constexpr int newest_of_bronze = 1000;  // ids follow ingested_at, but not to the last one

struct Found {
    const char *source;
    bool has_latest;
    TimestampTz latest;
    bool empty;  // there is nothing at all, rather than nothing of late
    const char *note;
};

class Look {
public:
    Look(const Dataset &d, TimestampTz at, pg::Array<Found> &found)
        : d_(d), clock_(clock_of(d, at)), found_(found), keep_(CurrentMemoryContext) {}

    void run() {
        const bool gold = d_.column == nullptr && strcmp(d_.layer, "gold") == 0;
        const bool silver = d_.column == nullptr && strcmp(d_.relation, "silver_transactions") == 0;
        s_ = subject_of(d_, gold || silver);
        pg::Session session(s_.role);
        if (gold)
            look_at_gold();
        else if (silver)
            look_at_silver();
        else if (s_.source == nullptr)
            look_at_all();
        else
            look_at_sources();
        session.end();
    }

private:
    pg::Rows read(const char *sql) {
        return pg::read_cached(sql, {pg::timestamp(clock_.at), clock_.zone, clock_.lookback});
    }
    const char *kept(std::string_view text) {
        MemoryContext outer = MemoryContextSwitchTo(keep_);
        const char *copy = pg::c_string(text);
        MemoryContextSwitchTo(outer);
        return copy;
    }
    void add(const char *source, const pg::Rows &rows, uint64 row, int column, const char *note = nullptr) {
        Found f{};
        f.source = source;
        f.has_latest = rows.count() > row && !rows.is_null(row, column);
        if (f.has_latest) f.latest = rows.timestamp(row, column);
        f.note = note;
        found_.push(f);
    }
    void add_silent(const char *source, const char *note) {
        Found f{};
        f.source = source;
        f.note = note;
        found_.push(f);
    }
    void look_at_all();
    void look_at_sources();
    void step_through_sources();
    void group_newest_rows();
    void add_expected(bool all_rows_seen);
    void look_at_silver();
    void look_at_gold();
    void explain_absence(Found &f);
    TimestampTz earliest();

    const Dataset &d_;
    Clock clock_;
    pg::Array<Found> &found_;
    MemoryContext keep_;
    Subject s_{};
};

TimestampTz Look::earliest() {
    return DatumGetTimestampTz(
        DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(clock_.at), clock_.lookback.value));
}

// Only where the newest time will not do: are there rows with a time to come, or none at all?
void Look::explain_absence(Found &f) {
    if (f.has_latest) {
        const Datum limit =
            DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(clock_.at), d_.warn_after);
        if (f.latest >= DatumGetTimestampTz(limit)) return;
    }
    pg::Rows rows = read(psprintf("SELECT max(%s) FROM %s WHERE %s > %s%s", s_.read, s_.name, s_.column,
                                  as_column(s_, "$1"), s_.filter));
    if (!rows.is_null(0, 1)) {
        const char *moment =
            DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(rows.timestamp(0, 1))));
        f.note = kept(psprintf("times in the future do not count: up to %s", moment));
    } else if (!f.has_latest) {
        f.empty = true;
        f.note = kept(
            psprintf("no row%s has a time", d_.filter != nullptr ? " that the filter lets through" : ""));
    }
}

void Look::look_at_all() {
    pg::Rows rows = read(
        s_.is_bronze
            ? psprintf("SELECT max(n.t) FROM (SELECT %s AS t FROM %s WHERE %s ORDER BY %s DESC LIMIT %d) n",
                       s_.read, s_.name, s_.condition, s_.order, newest_of_bronze)
            : psprintf("SELECT %s FROM %s WHERE %s ORDER BY %s DESC LIMIT 1", s_.read, s_.name, s_.condition,
                       s_.order));
    add(nullptr, rows, 0, 1);
    explain_absence(found_[found_.size() - 1]);
}

void Look::step_through_sources() {
    StringInfoData sql;
    initStringInfo(&sql);
    const auto append_newest = [&](const char *of_source) {
        appendStringInfo(&sql, "SELECT %s FROM %s WHERE %s AND %s%s ORDER BY %s DESC LIMIT 1", s_.read,
                         s_.name, s_.condition, s_.source, of_source, s_.order);
    };
    appendStringInfo(
        &sql,
        "WITH RECURSIVE scout_sources (scout_source) AS ("
        "(SELECT %1$s FROM %2$s WHERE %1$s IS NOT NULL ORDER BY %1$s LIMIT 1)"
        " UNION ALL SELECT (SELECT %1$s FROM %2$s WHERE %1$s > scout_source ORDER BY %1$s LIMIT 1)"
        " FROM scout_sources WHERE scout_source IS NOT NULL)"
        " SELECT scout_source::text, (",
        s_.source, s_.name);
    append_newest(" = scout_source");
    appendStringInfoString(
        &sql, ") FROM scout_sources WHERE scout_source IS NOT NULL UNION ALL SELECT '(null)', (");
    append_newest(" IS NULL");
    appendStringInfo(&sql, ") LIMIT %d", most_sources + 2);
    pg::Rows rows = read(sql.data);
    const TimestampTz since = earliest();
    for (uint64 i = 0; i < rows.count(); i++)
        if (!rows.is_null(i, 2) && rows.timestamp(i, 2) >= since) add(kept(rows.text(i, 1)), rows, i, 2);
    add_expected(true);
}

void Look::group_newest_rows() {
    pg::Rows rows = read(psprintf(
        "SELECT coalesce(n.s, '(null)'), max(n.t), count(*) FROM (SELECT %s::text AS s, %s AS t FROM %s"
        " WHERE %s AND %s > %s ORDER BY %s DESC LIMIT " INT64_FORMAT ") n GROUP BY 1 ORDER BY 1 LIMIT %d",
        s_.source, s_.read, s_.name, s_.condition, s_.column, as_column(s_, "$1 - $3::interval"), s_.order,
        most_rows, most_sources + 1));
    int64 seen = 0;
    for (uint64 i = 0; i < rows.count(); i++) {
        add(kept(rows.text(i, 1)), rows, i, 2);
        seen += rows.int8(i, 3);
    }
    add_expected(seen < most_rows);
}

// Sources that fell silent: those that are expected and were not met.
void Look::add_expected(bool all_rows_seen) {
    if (d_.expected == static_cast<Datum>(0)) return;
    Datum *names;
    int count;
    deconstruct_array(DatumGetArrayTypeP(d_.expected), TEXTOID, -1, false, TYPALIGN_INT, &names, nullptr,
                      &count);
    const size_t met = found_.size();
    for (int n = 0; n < count; n++) {
        const char *name = kept(TextDatumGetCString(names[n]));
        bool found = false;
        for (size_t i = 0; i < met && !found; i++)
            found = found_[i].source != nullptr && strcmp(found_[i].source, name) == 0;
        if (found) continue;
        if (all_rows_seen && !s_.source_indexed) {
            add_silent(name, "expected, but without a row within the lookback");
            continue;
        }
        // With the index however old, otherwise within the lookback.
        pg::Rows rows = read(psprintf(
            "SELECT max(n.t) FROM (SELECT %s AS t FROM %s WHERE %s AND %s::text = %s%s"
            " ORDER BY %s DESC LIMIT 1) n",
            s_.read, s_.name, s_.condition, s_.source, quote_literal_cstr(name),
            s_.source_indexed ? "" : psprintf(" AND %s > %s", s_.column, as_column(s_, "$1 - $3::interval")),
            s_.order));
        add(name, rows, 0, 1);
        Found &f = found_[found_.size() - 1];
        if (!f.has_latest)
            f.note = s_.source_indexed ? "expected, but without a row"
                                       : "expected, but without a row within the lookback";
    }
}

void Look::look_at_sources() {
    if (s_.source_indexed)
        step_through_sources();
    else
        group_newest_rows();
    if (found_.size() > most_sources)
        ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                errmsg("more than %d sources in column %s", most_sources, s_.source));
    // A dataset never vanishes: without any source of late it is looked at as a whole.
    bool any = false;
    for (const Found &f : found_) any = any || f.has_latest;
    if (any) return;
    const size_t silent = found_.size();
    look_at_all();
    const Found whole = found_[silent];
    if (silent == 0 || !whole.empty) return;
    found_.truncate(silent);  // an empty table: the expected sources say it
    for (Found &f : found_) {
        f.empty = true;
        f.note = whole.note;
    }
}

// The newest event that is in silver, by the time at which it was ingested: a reprocess does not renew it.
void Look::look_at_silver() {
    pg::Rows rows = read(
        "SELECT max(b.ingested_at), count(*) FROM (SELECT s.source_event_id FROM scout.silver_transactions s"
        "  WHERE s.source_event_id IS NOT NULL ORDER BY s.source_event_id DESC LIMIT 1000) n"
        " CROSS JOIN LATERAL (SELECT e.ingested_at FROM scout.bronze_events e"
        "  WHERE e.event_id = n.source_event_id AND e.ingested_at <= $1 OFFSET 0) b");
    add(nullptr, rows, 0, 1);
    Found &f = found_[found_.size() - 1];
    f.empty = !f.has_latest;
    if (f.empty) f.note = "no transaction of an event in bronze";
}

// A gold view holds what silver held when its newest refresh began.
void Look::look_at_gold() {
    look_at_silver();
    Found &f = found_[found_.size() - 1];
    f.note = nullptr;
    pg::Rows rows = pg::read_cached(
        "SELECT replace(g.state, 'unsure', 'fresh'), g.seconds_behind > 0"
        " AND g.state <> 'fresh', r.started_at, g.seconds_behind::bigint"
        " FROM scout.gold_freshness() g LEFT JOIN LATERAL (SELECT x.started_at FROM "
        "scout_internal.gold_refreshes x"
        "  WHERE x.view_schema = $1::text::name AND x.view_name = $2::text::name AND x.status = 'refreshed'"
        "  ORDER BY x.refresh_id DESC LIMIT 1) r ON true"
        " WHERE g.materialized_view = CASE $1 WHEN 'scout' THEN ''"
        " ELSE quote_ident($1) || '.' END || quote_ident($2)",
        {pg::text(d_.schema), pg::text(d_.relation)});
    if (rows.count() == 0) return;
    const char *status = kept(rows.text(0, 1));
    const bool lacks_all = strcmp(status, "never refreshed") == 0 || strcmp(status, "not populated") == 0;
    const bool behind = strcmp(status, "stale") == 0 || rows.boolean(0, 2);
    if (strcmp(status, "fresh") != 0)
        f.note = behind ? kept(psprintf("%s: a change of silver has waited for " INT64_FORMAT " seconds",
                                        status, rows.int8(0, 4)))
                        : status;
    if (!f.has_latest || !(behind || lacks_all)) return;
    f.has_latest = !lacks_all && !rows.is_null(0, 3);
    if (f.has_latest) f.latest = Min(f.latest, rows.timestamp(0, 3));
}

void emit(pg::Result &result, const Dataset &d, const Found &f, const ErrorData *error) {
    result.text(d.name).text_or_null(f.source);
    if (f.has_latest)
        result.timestamp(f.latest);
    else
        result.null();
    result.boolean(f.empty).text_or_null(f.note).text_or_null(error == nullptr ? nullptr : error->message);
    result.text_or_null(error == nullptr ? nullptr : unpack_sql_state(error->sqlerrcode));
    result.end_row();
}

}  // namespace

}  // namespace scout::freshness

SCOUT_FUNCTION(scout_dataset_looks, 3) {
    using namespace scout;
    using namespace scout::freshness;
    require_arguments(fcinfo);
    pg::Result result(fcinfo);
    pg::Session session;
    const TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);
    const int milliseconds = PG_GETARG_INT32(2);
    pg::Array<Dataset> datasets = read_datasets(fcinfo, 0);
    pg::Workspace workspace("scout_ir look");
    for (const Dataset &d : datasets) {
        pg::Array<Found> found(workspace.context());
        ErrorData *error = pg::look([&] { Look(d, at, found).run(); }, milliseconds);
        if (error != nullptr)
            emit(result, d, Found{}, error);
        else
            for (const Found &f : found) emit(result, d, f, nullptr);
        workspace.clear();
        CHECK_FOR_INTERRUPTS();
    }
    workspace.leave();
    session.end();
    return static_cast<Datum>(0);
}
