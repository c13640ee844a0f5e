// Column names only, and never an expression: the statement runs as the extension's owner where nobody else
// may create, and an expression could call a function of somebody else's.
#include "maintenance/new_index.hpp"

#include "extension/tiers.hpp"
#include "pg/arguments.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "commands/defrem.h"
}

namespace scout::maintenance {

namespace {

constexpr int most_columns = 16;

// What a build of the same index has left behind: the worker drops it before it builds under its name.
bool is_leftover(const Target &target, Oid index, const pg::Param &numbers) {
    static pg::Statement find(
        "SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam"
        " WHERE m.amname = 'btree' AND i.indexrelid = $1::bigint::oid AND i.indrelid = $2::bigint::oid"
        " AND NOT i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"
        " AND (i.indkey::int2[])[0:i.indnkeyatts - 1]::bigint[] = $3");
    pg::Rows rows = find.read_latest({pg::int8(index), pg::int8(target.table), numbers});
    const bool found = rows.count() > 0;
    rows.free();
    return found;
}

// As PostgreSQL names one, so that the same request has the same name.
const char *free_name(const Target &target, const char *columns, const pg::Param &numbers) {
    const Oid schema = get_rel_namespace(target.table);
    const char *table = get_rel_name(target.table);
    const char *name = makeObjectName(table, columns, "idx");
    for (int n = 1;; n++) {
        CHECK_FOR_INTERRUPTS();
        const Oid taken = get_relname_relid(name, schema);
        if (!OidIsValid(taken) || is_leftover(target, taken, numbers)) return name;
        name = makeObjectName(table, columns, psprintf("idx%d", n));
    }
}

// A valid index that serves: the same columns in the same order, unique if it has to be; nullptr: none.
const char *existing(const Target &target, const pg::Param &numbers, bool unique) {
    static pg::Statement find(
        "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'"
        " WHERE i.indrelid = $1::bigint::oid AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"
        " AND (i.indisunique OR NOT $3) AND (i.indkey::int2[])[0:i.indnkeyatts - 1]::bigint[] = $2 LIMIT 1");
    pg::Rows rows = find.read_latest({pg::int8(target.table), numbers, pg::boolean(unique)});
    return rows.count() == 0 ? nullptr : pg::c_string(rows.text(0, 1));
}

AttrNumber column_number(const Target &target, const char *name) {
    const AttrNumber number = get_attnum(target.table, name);
    if (number <= 0)
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
                errmsg("column \"%s\" of relation %s does not exist", name, target.name),
                errhint("columns takes names of columns, without quotes and expressions."));
    return number;
}

}  // namespace

NewIndex new_index_argument(FunctionCallInfo fcinfo, int first, const Target &target, const char *chosen) {
    if (PG_ARGISNULL(first))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("an index needs columns"),
                errhint("Give their names: columns => '{store_id,ts}'"));
    Datum *values;
    bool *nulls;
    int count;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(first), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
                      &count);
    if (count < 1 || count > most_columns)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("an index needs 1 to %d columns, not %d", most_columns, count),
                errhint("Give their names: columns => '{store_id,ts}'"));
    StringInfoData names, quoted;
    initStringInfo(&names);
    initStringInfo(&quoted);
    pg::Array<int64> numbers;
    for (int i = 0; i < count; i++) {
        if (nulls[i])
            ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("columns must not contain NULL"),
                    errhint("Give the names of columns: columns => '{store_id,ts}'"));
        const char *name = TextDatumGetCString(values[i]);
        const AttrNumber number = column_number(target, name);
        for (int64 other : numbers)
            if (other == number)
                ereport(ERROR, errcode(ERRCODE_DUPLICATE_COLUMN),
                        errmsg("column \"%s\" is given more than once", name),
                        errhint("Name each column once."));
        numbers.push(number);
        appendStringInfo(&names, "%s%s", i > 0 ? "_" : "", name);
        appendStringInfo(&quoted, "%s%s", i > 0 ? ", " : "", quote_identifier(name));
    }
    const bool unique = pg::flag(fcinfo, first + 1, "is_unique");
    if (unique && target.of_pipeline && get_rel_relkind(target.table) != RELKIND_MATVIEW &&
        !extension::is_admin())
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied for a unique index of %s", target.name),
                errdetail("It refuses rows from then on, so that it is for admins."),
                errhint("Ask for it without is_unique, or an admin for it."));
    if (chosen != nullptr) return {chosen, quoted.data, unique};
    const pg::Param key = pg::int8_array(numbers.begin(), numbers.size());
    const char *same = existing(target, key, unique);
    if (same != nullptr)
        ereport(
            ERROR, errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("%s has such an index", target.name),
            errdetail("It is %s.", same),
            errhint("If it is slow, SELECT * FROM scout.maintain(%s, 'reindex').", quote_literal_cstr(same)));
    return {free_name(target, names.data, key), quoted.data, unique};
}

const char *create_statement(const Target &target, const NewIndex &index) {
    return psprintf("CREATE %sINDEX CONCURRENTLY %s ON %s (%s)", index.unique ? "UNIQUE " : "",
                    quote_identifier(index.name), target.name, index.columns);
}

}  // namespace scout::maintenance
