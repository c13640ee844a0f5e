#include "gold/views.hpp"

#include "extension/installed.hpp"
#include "pg/spi.hpp"

namespace scout::gold {

namespace {

const int64 *oids_of(const pg::Rows &rows, uint64 row, int column, int &count) {
    bool null;
    const Datum value = rows.value(row, column, null);
    count = 0;
    if (null) return nullptr;
    ArrayType *array = DatumGetArrayTypePCopy(value);
    if (ARR_HASNULL(array)) elog(ERROR, "a gold view reads from no relation");
    count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    return reinterpret_cast<const int64 *>(ARR_DATA_PTR(array));
}

}  // namespace

// A view's own reads are a proper part of those of any view above it: ordering by their number is an
// order of dependency. As the extension's owner: the pipeline's may not call its functions.
pg::Array<View> find_views() {
    static pg::Statement in_order(
        "SELECT coalesce(v.view_id, 0)::bigint, coalesce(c.relowner, 0)::bigint, v.view_schema::text,"
        " v.view_name::text, v.relation, v.refusal, coalesce(c.relispopulated, false),"
        " EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = v.view_id AND i.indisunique AND i.indimmediate"
        "  AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL),"
        " coalesce(s.relations, '{}')"
        " FROM scout_internal.gold_views() v LEFT JOIN pg_class c ON c.oid = v.view_id"
        " LEFT JOIN (SELECT r.view_id, array_agg(r.source_id::bigint) AS relations FROM scout_internal.gold_reads() r"
        "  GROUP BY 1) s ON s.view_id = v.view_id"
        " ORDER BY coalesce(cardinality(s.relations), 0), v.view_schema <> 'scout', v.relation");
    pg::AsRole extension(extension::extension_owner());
    pg::Rows rows = in_order.run();
    extension.end();
    pg::Array<View> views;
    for (uint64 i = 0; i < rows.count(); i++) {
        View v{};
        v.oid = static_cast<Oid>(rows.int8(i, 1));
        v.owner = static_cast<Oid>(rows.int8(i, 2));
        v.schema = pg::c_string(rows.text(i, 3));
        v.name = pg::c_string(rows.text(i, 4));
        v.relation = pg::c_string(rows.text(i, 5));
        v.refusal = rows.is_null(i, 6) ? nullptr : pg::c_string(rows.text(i, 6));
        v.populated = rows.boolean(i, 7);
        v.concurrently = v.populated && rows.boolean(i, 8);  // both are what the server asks for
        v.operation =
            psprintf("REFRESH MATERIALIZED VIEW %s%s", v.concurrently ? "CONCURRENTLY " : "", v.relation);
        v.reads = oids_of(rows, i, 9, v.read_count);
        views.push(v);
    }
    rows.free();
    return views;
}

pg::Array<View> judge_views() {
    static pg::Statement judge(
        "SELECT v.relation, g.state = 'fresh', g.curable FROM scout.gold_freshness() g"
        " JOIN scout_internal.gold_views() v ON g.materialized_view = CASE v.view_schema WHEN 'scout' THEN '' ELSE"
        "  quote_ident(v.view_schema) || '.' END || quote_ident(v.view_name)");
    pg::Array<View> views = find_views();
    pg::AsRole extension(extension::extension_owner());
    pg::Rows rows = judge.run();
    extension.end();
    for (uint64 i = 0; i < rows.count(); i++)
        for (View &v : views)
            if (rows.text(i, 1) == v.relation) {
                v.fresh = rows.boolean(i, 2);
                v.curable = rows.boolean(i, 3);
            }
    rows.free();
    return views;
}

bool reads_from(const View &v, const View &other) {
    const int64 *end = v.reads + v.read_count;
    return std::find(v.reads, end, static_cast<int64>(other.oid)) != end;
}

}  // namespace scout::gold
