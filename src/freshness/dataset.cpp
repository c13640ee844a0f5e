#include "freshness/dataset.hpp"

#include "extension/sight.hpp"
#include "pg/reads.hpp"

extern "C" {
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
}

namespace scout::freshness {

namespace {

const char *text_of(const pg::Rows &rows, uint64 row, int column) {
    return rows.is_null(row, column) ? nullptr : pg::c_string(rows.text(row, column));
}

void refuse_unknown(pg::Param names) {
    static pg::Statement unknown(
        "SELECT coalesce(u.name, 'NULL') FROM unnest($1::text[]) u(name)"
        " WHERE NOT EXISTS (SELECT FROM scout_internal.dataset_list() d WHERE d.dataset = u.name) LIMIT 1");
    pg::Rows rows = unknown.read({names});
    if (rows.count() > 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("there is no dataset \"%s\"", text_of(rows, 0, 1)),
                errhint("Valid names are in scout.datasets; leave names out for all."));
}

bool is_index_on(Oid index, AttrNumber first, AttrNumber second) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(tuple)) return false;
    auto *form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    const bool fits = form->indisvalid && form->indnkeyatts >= 2 && form->indkey.values[0] == first &&
                      form->indkey.values[1] == second &&
                      heap_attisnull(tuple, Anum_pg_index_indpred, nullptr);
    ReleaseSysCache(tuple);
    if (!fits) return false;
    HeapTuple relation = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(relation)) return false;
    const bool btree = reinterpret_cast<Form_pg_class>(GETSTRUCT(relation))->relam == BTREE_AM_OID;
    ReleaseSysCache(relation);
    return btree;
}

bool has_index_on(Oid oid, AttrNumber first, AttrNumber second) {
    Relation relation = table_open(oid, NoLock);
    List *indexes = relation->rd_rel->relhasindex ? RelationGetIndexList(relation) : NIL;
    bool found = false;
    ListCell *cell;
    foreach (cell, indexes) found = found || is_index_on(lfirst_oid(cell), first, second);
    table_close(relation, NoLock);
    return found;
}

AttrNumber column_of(Oid relation, const Dataset &d, const char *column) {
    const AttrNumber number = get_attnum(relation, column);
    if (number == InvalidAttrNumber)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
                errmsg("column \"%s\" of \"%s.%s\" does not exist", column, d.schema, d.relation));
    return number;
}

// A filter is the registrant's SQL and runs as he, for those only who may see all that it looks at: what
// grants and policies hide from the caller would show in the result otherwise.
Oid filterer(const Dataset &d, Oid relation) {
    const Oid registrant = extension::role_of_registrant(d.registrant), caller = GetUserId();
    if (registrant == caller) return caller;
    if (!pg::sees_all(relation, caller))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("\"%s\" does not see all of %s, and the filter runs as \"%s\"",
                       GetUserNameFromId(caller, false), quote_qualified_identifier(d.schema, d.relation),
                       d.registrant));
    return registrant;
}

}  // namespace

void require_arguments(FunctionCallInfo fcinfo) {
    for (int i = 1; i < PG_NARGS(); i++)
        if (PG_ARGISNULL(i))
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("only names may be NULL"),
                    errhint("Call scout.freshness() or scout.volume(), which have defaults."));
    for (int i = 2; i < PG_NARGS(); i++)
        if (PG_GETARG_INT32(i) < 1)
            ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("numbers must be positive, not %d", PG_GETARG_INT32(i)),
                    errhint("Call scout.freshness() or scout.volume(), which have defaults."));
}

pg::Array<Dataset> read_datasets(FunctionCallInfo fcinfo, int argument) {
    static pg::Statement list(
        "SELECT d.dataset, d.relation_schema::text, d.relation_name::text, d.layer, d.loaded_at_column::text,"
        " d.source_column::text, d.filter, d.time_zone, d.lookback, d.warn_after,"
        " d.expected_sources, r.registrant::text"
        " FROM scout_internal.dataset_list() d LEFT JOIN scout_internal.registered_datasets r"
        " ON r.name = d.dataset"
        " WHERE $1::text[] IS NULL OR d.dataset = ANY ($1)");
    const pg::Param names = pg::argument(fcinfo, argument, TEXTARRAYOID);
    if (!names.null) {
        // No rows would look like all well.
        if (ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(names.value)),
                           ARR_DIMS(DatumGetArrayTypeP(names.value))) == 0)
            ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("names must not be empty"),
                    errhint("Leave names out for all datasets."));
        refuse_unknown(names);
    }
    pg::Rows rows = list.read({names});
    pg::Array<Dataset> out;
    for (uint64 i = 0; i < rows.count(); i++) {
        const auto required = [&rows, i](int column, const char *name) {
            bool null;
            const Datum value = rows.value(i, column, null);
            if (null) elog(ERROR, "a dataset has no %s", name);
            return value;
        };
        bool none;
        Dataset d{};
        d.name = text_of(rows, i, 1);
        d.schema = text_of(rows, i, 2);
        d.relation = text_of(rows, i, 3);
        d.layer = text_of(rows, i, 4);
        d.column = text_of(rows, i, 5);
        d.source = text_of(rows, i, 6);
        d.filter = text_of(rows, i, 7);
        d.zone = text_of(rows, i, 8);
        d.lookback = required(9, "lookback");
        d.warn_after = required(10, "warn_after");
        d.expected = rows.value(i, 11, none);
        if (none) d.expected = static_cast<Datum>(0);
        d.registrant = text_of(rows, i, 12);
        out.push(d);
    }
    return out;
}

Clock clock_of(const Dataset &d, TimestampTz at) {
    return {at, pg::text(d.zone), pg::datum(INTERVALOID, d.lookback)};
}

Subject subject_of(const Dataset &d, bool own_look) {
    Subject s{};
    RangeVar *name = makeRangeVar(pstrdup(d.schema), pstrdup(d.relation), -1);
    s.oid = RangeVarGetRelidExtended(name, AccessShareLock, RVR_NOWAIT, nullptr, nullptr);
    s.name = quote_qualified_identifier(d.schema, d.relation);
    s.role = own_look              ? extension::pipeline_reader()
             : d.filter != nullptr ? filterer(d, s.oid)
                                   : extension::reader_of_registered(s.oid);
    if (own_look) return s;

    const char *column = d.column != nullptr ? d.column : "ingested_at";
    const AttrNumber number = column_of(s.oid, d, column);
    s.type = getBaseType(get_atttype(s.oid, number));
    if (s.type != TIMESTAMPTZOID && s.type != TIMESTAMPOID && s.type != DATEOID)
        ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                errmsg("column \"%s\" of \"%s.%s\" is no longer a time but %s", column, d.schema, d.relation,
                       format_type_be(get_atttype(s.oid, number))));
    s.column = quote_identifier(column);
    s.read = s.type == TIMESTAMPTZOID ? s.column
             : s.type == TIMESTAMPOID ? psprintf("(%s AT TIME ZONE $2)", s.column)
                                      : psprintf("(%s::timestamp AT TIME ZONE $2)", s.column);
    s.filter = d.filter == nullptr ? "" : psprintf(" AND (%s\n)", d.filter);
    s.condition =
        psprintf("%s <= %s AND %s > '-infinity'%s", s.column, as_column(s, "$1"), s.column, s.filter);
    // Bronze has no B-tree on ingested_at: its ids grow with it.
    s.is_bronze = strcmp(d.schema, "scout") == 0 && strcmp(d.relation, "bronze_events") == 0 &&
                  strcmp(column, "ingested_at") == 0;
    s.order = s.is_bronze ? "event_id" : s.column;
    if (d.source != nullptr) {
        s.source_indexed = has_index_on(s.oid, column_of(s.oid, d, d.source), number);
        s.source = quote_identifier(d.source);
    }
    return s;
}

const char *as_column(const Subject &s, const char *moment) {
    if (s.type == TIMESTAMPTZOID) return psprintf("(%s)", moment);
    if (s.type == TIMESTAMPOID) return psprintf("((%s) AT TIME ZONE $2)", moment);
    return psprintf("((%s) AT TIME ZONE $2)::date", moment);
}

}  // namespace scout::freshness
