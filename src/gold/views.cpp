#include "gold/views.hpp"

#include "pg/relation.hpp"
#include "pg/spi.hpp"

namespace scout::gold {

namespace {

const int64 *oids_of(const pg::Rows &rows, uint64 row, int column, int &count) {
    bool null;
    ArrayType *array = DatumGetArrayTypePCopy(rows.value(row, column, null));
    count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    return reinterpret_cast<const int64 *>(ARR_DATA_PTR(array));
}

}  // namespace

// A view's own reads are a proper part of those of any view above it: ordering by their number is an
// order of dependency.
pg::Array<View> find_views(Oid owner) {
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
    pg::Array<View> views;
    for (uint64 i = 0; i < rows.count(); i++) {
        View v{};
        v.oid = static_cast<Oid>(rows.int8(i, 1));
        v.name = pg::c_string(rows.text(i, 2));
        v.relation = quote_qualified_identifier(pg::schema_name, v.name);
        v.populated = rows.boolean(i, 3);
        v.other_owner = rows.is_null(i, 4) ? nullptr : pg::c_string(rows.text(i, 4));
        v.concurrently = v.populated && rows.boolean(i, 5);  // both are what the server asks for
        v.operation =
            psprintf("REFRESH MATERIALIZED VIEW %s%s", v.concurrently ? "CONCURRENTLY " : "", v.relation);
        v.reads = oids_of(rows, i, 6, v.read_count);
        views.push(v);
    }
    rows.free();
    return views;
}

bool reads_from(const View &v, const View &other) {
    const int64 *end = v.reads + v.read_count;
    return std::find(v.reads, end, static_cast<int64>(other.oid)) != end;
}

}  // namespace scout::gold
