// refresh_gold_platinum(): the gold materialized views, in the order of their dependencies.
//
// Every refresh runs in a subtransaction as the pipeline's owner: one that fails is rolled back and
// reported, what reads from it is passed over, the rest goes on. Cancel, shutdown and lock timeouts
// end the whole call (guard.hpp). Commit publishes all refreshed views together; abort and crash
// leave all of them, and their history, as they were.
//
// The session is not a security-restricted one: REFRESH CONCURRENTLY makes a temporary table, which
// the server refuses there. REFRESH itself restricts the part that runs the view's query.

#include "audit/caller.hpp"
#include "pg/guard.hpp"
#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pipeline/notices.hpp"

namespace scout::gold {

namespace {

enum class Outcome : uint8 { waiting, refreshed, failed, skipped };

struct View {
    Oid oid;
    const char *name;         // without schema
    const char *relation;     // quoted and qualified
    const char *other_owner;  // NULL: the pipeline's owner has it
    bool populated, concurrently;
    const int64 *reads;  // OIDs of the relations that it reads from, also through other views
    int read_count;
    Outcome outcome;
};

const int64 *oids_of(const pg::Rows &rows, uint64 row, int column, int &count) {
    bool null;
    ArrayType *array = DatumGetArrayTypePCopy(rows.value(row, column, null));
    count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    return reinterpret_cast<const int64 *>(ARR_DATA_PTR(array));
}

// A view's own reads are a proper part of those of any view above it: ordering by their number is an
// order of dependency.
void find_views(Oid owner, pg::Array<View> &views) {
    static pg::Statement in_order(
        "WITH RECURSIVE gold AS ("
        " SELECT c.oid, c.relname, c.relowner, c.relispopulated FROM pg_class c"
        " WHERE c.relkind = 'm' AND c.relnamespace = 'scout'::regnamespace),"
        " reads(view, relation) AS ("
        " SELECT g.oid, g.oid FROM gold g"
        " UNION"
        " SELECT s.view, d.refobjid FROM reads s"
        " JOIN pg_rewrite r ON r.ev_class = s.relation AND r.ev_type = '1'"
        " JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
        "  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class)"
        " SELECT g.oid::bigint, g.relname::text, g.relispopulated,"
        " CASE WHEN g.relowner <> $1::bigint::oid THEN pg_get_userbyid(g.relowner)::text END,"
        " EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = g.oid AND i.indisunique AND i.indimmediate"
        "  AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL),"
        " s.relations"
        " FROM gold g CROSS JOIN LATERAL ("
        "  SELECT coalesce(array_agg(DISTINCT r.relation::bigint), '{}') AS relations"
        "  FROM reads r WHERE r.view = g.oid AND r.relation <> g.oid) s"
        " ORDER BY cardinality(s.relations), g.relname");
    pg::Rows rows = in_order.run({pg::int8(owner)});
    for (uint64 i = 0; i < rows.count(); i++) {
        View v{};
        v.oid = static_cast<Oid>(rows.int8(i, 1));
        v.name = pg::c_string(rows.text(i, 2));
        v.relation = quote_qualified_identifier(pg::schema_name, v.name);
        v.populated = rows.boolean(i, 3);
        v.other_owner = rows.is_null(i, 4) ? nullptr : pg::c_string(rows.text(i, 4));
        v.concurrently = v.populated && rows.boolean(i, 5);  // both are what the server asks for
        v.reads = oids_of(rows, i, 6, v.read_count);
        views.push(v);
    }
    rows.free();
}

// The view whose failure keeps `v` from being refreshed: data of mixed age must not look fresh.
const View *failed_below(const pg::Array<View> &views, const View &v) {
    for (const View &other : views)
        if (other.outcome == Outcome::failed &&
            std::find(v.reads, v.reads + v.read_count, static_cast<int64>(other.oid)) !=
                v.reads + v.read_count)
            return &other;
    return nullptr;
}

int64 count_rows(const View &v) {
    pg::Rows rows = pg::run_text(psprintf("SELECT count(*) FROM %s", v.relation), true);
    int64 count = rows.int8(0, 1);
    rows.free();
    return count;
}

void record(const View &v, TimestampTz started, TimestampTz finished, const char *status, bool counted_before,
            int64 before, int64 after) {
    static pg::Statement insert(
        "INSERT INTO scout.gold_refreshes"
        " (view_schema, view_name, started_at, finished_at, duration_ms, status, rows_before, rows_after)"
        " VALUES ($1::text::name, $2::text::name, $3, $4, $5, $6, $7, $8)");
    pg::AsRole owner(pg::extension_owner());
    insert.run({pg::text(pg::schema_name), pg::text(v.name), pg::timestamp(started), pg::timestamp(finished),
                pg::datum(NUMERICOID, pg::numeric_milliseconds(finished - started)), pg::text(status),
                counted_before ? pg::int8(before) : pg::null_of(INT8OID),
                v.outcome == Outcome::refreshed ? pg::int8(after) : pg::null_of(INT8OID)});
    owner.end();
}

void skip(pg::Result &result, View &v, const char *operation, const char *reason) {
    v.outcome = Outcome::skipped;
    result.text(operation).null().text(psprintf("skipped: %s", reason)).null().null();
    result.end_row();
}

void refresh(pg::Result &result, View &v, const char *operation) {
    int64 before = 0, after = 0;
    bool counted = false;
    const TimestampTz started = GetCurrentTimestamp();
    ErrorData *error = pg::attempt([&] {
        if (v.populated) {
            before = count_rows(v);
            counted = true;
        }
        (void)pg::run_text(operation);
        PushActiveSnapshot(GetLatestSnapshot());
        after = count_rows(v);
        PopActiveSnapshot();
    });
    const TimestampTz finished = GetCurrentTimestamp();
    v.outcome = error == nullptr ? Outcome::refreshed : Outcome::failed;
    const char *status = error == nullptr ? "refreshed" : psprintf("failed: %s", error->message);
    if (error != nullptr)
        ereport(WARNING, errcode(error->sqlerrcode),
                errmsg("could not refresh %s: %s", v.relation, error->message),
                error->detail != nullptr ? errdetail_internal("%s", error->detail) : 0,
                error->hint != nullptr ? errhint("%s", error->hint) : 0);
    record(v, started, finished, status, counted, before, after);
    result.text(operation).milliseconds(finished - started).text(status);
    if (counted)
        result.int8(before);
    else
        result.null();
    if (error == nullptr)
        result.int8(after);
    else
        result.null();
    result.end_row();
}

}  // namespace

}  // namespace scout::gold

SCOUT_ACTION(scout_refresh_gold_platinum) {
    using namespace scout;
    const Oid acting_role = GetUserId();
    pg::Result result(fcinfo);
    const Oid owner = pg::require_pipeline();
    pg::Session session(owner, pg::Session::Restriction::local_user_change);
    pipeline::mention_pause("gold is refreshed");
    pg::Array<gold::View> views;
    gold::find_views(owner, views);

    int64 refreshed = 0, failed = 0, skipped = 0;
    for (gold::View &v : views) {
        CHECK_FOR_INTERRUPTS();
        const char *operation =
            psprintf("REFRESH MATERIALIZED VIEW %s%s", v.concurrently ? "CONCURRENTLY " : "", v.relation);
        const gold::View *failure = gold::failed_below(views, v);
        if (v.other_owner != nullptr)
            gold::skip(
                result, v, operation,
                psprintf("owned by %s, the pipeline by %s", v.other_owner, GetUserNameFromId(owner, false)));
        else if (failure != nullptr)
            gold::skip(result, v, operation, psprintf("depends on %s", failure->relation));
        else
            gold::refresh(result, v, operation);
        refreshed += v.outcome == gold::Outcome::refreshed;
        failed += v.outcome == gold::Outcome::failed;
        skipped += v.outcome == gold::Outcome::skipped;
    }

    audit::Json arguments, counts;
    counts.add("refreshed", refreshed).add("failed", failed).add("skipped", skipped);
    audit::record("refresh_gold_platinum", acting_role, arguments,
                  failed == 0 ? "refreshed" : "failed in part", counts);
    session.end();
    return static_cast<Datum>(0);
}
