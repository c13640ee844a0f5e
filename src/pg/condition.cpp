#include "pg/condition.hpp"

#include "pg/guard.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parser.h"
#include "utils/plancache.h"
}

namespace scout::pg {

void require_expression(const char *text) {
    // Without parentheses around it. The line break ends a comment that the text may close with.
    List *statements = raw_parser(psprintf("SELECT %s\n", text), RAW_PARSE_DEFAULT);
    const SelectStmt *select = nullptr;
    if (list_length(statements) == 1) {
        Node *only = linitial_node(RawStmt, statements)->stmt;
        if (IsA(only, SelectStmt)) select = reinterpret_cast<SelectStmt *>(only);
    }
    const bool one_expression =
        select != nullptr && select->op == SETOP_NONE && list_length(select->targetList) == 1 &&
        select->distinctClause == NIL && select->intoClause == nullptr && select->fromClause == NIL &&
        select->whereClause == nullptr && select->groupClause == NIL && select->havingClause == nullptr &&
        select->windowClause == NIL && select->valuesLists == NIL && select->sortClause == NIL &&
        select->limitOffset == nullptr && select->limitCount == nullptr && select->lockingClause == NIL &&
        select->withClause == nullptr && linitial_node(ResTarget, select->targetList)->name == nullptr;
    if (!one_expression)
        ereport(ERROR, errcode(ERRCODE_SYNTAX_ERROR), errmsg("the text is not one SQL expression"));
}

namespace {

Oid plan_condition(const char *condition, const char *relation, Oid (*planner)(const char *statement)) {
    require_expression(condition);
    const char *sql = psprintf("SELECT 1 FROM %s WHERE (%s\n)", relation, condition);
    const Oid role = planner(sql);
    AsRole as(role);
    SPIPlanPtr plan = SPI_prepare(sql, 0, nullptr);
    if (plan == nullptr) elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
    ListCell *source, *query;
    foreach (source, SPI_plan_get_plan_sources(plan)) {
        foreach (query, static_cast<CachedPlanSource *>(lfirst(source))->query_list) {
            if (!contain_volatile_functions(static_cast<Node *>(lfirst(query)))) continue;
            ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("it calls a volatile function"),
                    errhint("A condition may only read. Use STABLE and IMMUTABLE "
                            "functions, now() for the time."));
        }
    }
    (void)SPI_freeplan(plan);
    // Starting the executor checks the privileges, and EXPLAIN goes no further.
    (void)run_text(psprintf("EXPLAIN %s", sql));
    as.end();
    return role;
}

}  // namespace

Oid require_condition(const char *condition, const char *relation, const char *what,
                      Oid (*planner)(const char *statement)) {
    Oid role = InvalidOid;
    const ErrorData *error = attempt([&] { role = plan_condition(condition, relation, planner); }, false);
    if (error == nullptr) return role;
    ereport(ERROR, errcode(error->sqlerrcode), errmsg("%s: %s", what, error->message),
            errdetail("Given: %s", condition),
            errhint("%s", error->hint != nullptr
                              ? error->hint
                              : "Write what would stand after WHERE, such as: status <> "
                                "'test'. Schema-qualify functions that are not PostgreSQL's."));
}

}  // namespace scout::pg
