#include "pg/free_sql.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "utils/json.h"
#include "utils/plancache.h"
}

namespace scout::pg {

namespace {

RawStmt *only_statement(const char *text) {
    List *statements = raw_parser(text, RAW_PARSE_DEFAULT);
    if (list_length(statements) != 1)
        ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR),
                statements == NIL ? errmsg("the text holds no statement")
                                  : errmsg("the text holds %d statements", list_length(statements)),
                errhint("Give exactly one."));
    return linitial_node(RawStmt, statements);
}

[[noreturn]] void refuse_writing(const char *what) {
    ereport(ERROR, errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
            errmsg("%s is not allowed: it only reads", what), errhint("Give a SELECT without side effects."));
    pg_unreachable();
}

}  // namespace

Span single_query(const char *text) {
    RawStmt *statement = only_statement(text);
    switch (nodeTag(statement->stmt)) {
        case T_SelectStmt: break;
        case T_InsertStmt:
        case T_UpdateStmt:
        case T_DeleteStmt:
        case T_MergeStmt: refuse_writing("a statement that changes data");
        default:
            ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR), errmsg("the text is no query"),
                    errhint("Give a SELECT that returns the failing rows."));
    }
    if (castNode(SelectStmt, statement->stmt)->intoClause != nullptr) refuse_writing("SELECT INTO");
    const int length = statement->stmt_len > 0 ? statement->stmt_len
                                               : static_cast<int>(strlen(text)) - statement->stmt_location;
    return {statement->stmt_location, length};
}

FreeSql::FreeSql(Oid owner) : session_(owner) {
    // As SET TRANSACTION READ ONLY does; the end of the subtransaction restores it.
    XactReadOnly = true;
    // Compiling costs more than a window is worth.
    set_for_now("jit", "off");
}

void FreeSql::end() {
    session_.end();
}

SPIPlanPtr FreeSql::prepare(const char *sql) {
    Oid types[] = {TIMESTAMPTZOID};
    SPIPlanPtr plan = SPI_prepare(sql, 1, types);
    if (plan == nullptr) elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
    return plan;
}

void FreeSql::check(const char *sql) {
    SPIPlanPtr plan = prepare(sql);
    ListCell *cell;
    foreach (cell, SPI_plan_get_plan_sources(plan)) {
        auto *source = static_cast<CachedPlanSource *>(lfirst(cell));
        ListCell *inner;
        foreach (inner, source->query_list) {
            const Query *query = lfirst_node(Query, inner);
            if (query->hasModifyingCTE || query->commandType != CMD_SELECT)
                refuse_writing("a statement that changes data");
            if (query->rowMarks != NIL) refuse_writing("a row lock");
        }
        foreach (inner, source->relationOids)
            if (get_rel_persistence(lfirst_oid(inner)) == RELPERSISTENCE_TEMP)
                ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("\"%s\" is a temporary relation", get_rel_name(lfirst_oid(inner))),
                        errdetail("Other sessions do not see it."));
    }
    // The executor checks privileges when it starts.
    Datum since[] = {TimestampTzGetDatum(GetCurrentTimestamp())};
    SPI_cursor_close(SPI_cursor_open(nullptr, plan, since, nullptr, true));
}

namespace {

void append_value(StringInfo out, Oid type, Datum value) {
    constexpr int longest = 200;
    Oid function;
    bool is_varlena;
    getTypeOutputInfo(type, &function, &is_varlena);
    char *text = OidOutputFunctionCall(function, value);
    const int length = static_cast<int>(strlen(text));
    if (length > longest) text[pg_mbcliplen(text, length, longest)] = '\0';
    if (type == INT2OID || type == INT4OID || type == INT8OID)
        appendStringInfoString(out, text);
    else
        escape_json(out, text);
}

}  // namespace

const char *row_json(const Row &row, int columns) {
    StringInfoData out;
    initStringInfo(&out);
    for (int i = 1; i <= columns; i++) {
        bool null;
        Datum value = row.value(i, null);
        appendStringInfoChar(&out, i == 1 ? '{' : ',');
        escape_json(&out, NameStr(*row.name(i)));
        appendStringInfoChar(&out, ':');
        null ? appendStringInfoString(&out, "null") : append_value(&out, row.type(i), value);
    }
    appendStringInfoString(&out, columns > 0 ? "}" : "{}");
    return out.data;
}

}  // namespace scout::pg
