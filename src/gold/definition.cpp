// What in a view's definition no count of written rows can tell: the clock, chance, functions that may read
// anything, tables of other servers, the catalogue.

#include "gold/baseline.hpp"

#include "pg/tree_walk.hpp"

extern "C" {
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "rewrite/prs2lock.h"
#include "utils/fmgroids.h"
}

namespace scout::gold {

namespace {

struct Search {
    Oid view;           // where a materialized view below it is not looked into
    const char *found;  // the first thing
};

void look_into(Oid relation, Search &search);

bool tells_time(Oid function) {
    switch (function) {
        case F_NOW:
        case F_TRANSACTION_TIMESTAMP:
        case F_STATEMENT_TIMESTAMP:
        case F_AGE_TIMESTAMPTZ:  // to midnight of today
        case F_AGE_TIMESTAMP: return true;
        default: return false;
    }
}

bool check_function(Oid function, void *context) {
    auto *search = static_cast<Search *>(context);
    const char volatility = func_volatile(function);
    if (tells_time(function))
        search->found = "reads the clock";
    else if (function < FirstNormalObjectId ? volatility == PROVOLATILE_VOLATILE
                                            : volatility != PROVOLATILE_IMMUTABLE)
        search->found = psprintf("calls %s(), which may read anything", get_func_name(function));
    return search->found != nullptr;
}

void check_relation(Oid relation, Search &search) {
    if (relation < FirstNormalObjectId) {
        search.found = psprintf("reads the catalogue, %s", get_rel_name(relation));
        return;
    }
    switch (get_rel_relkind(relation)) {
        case RELKIND_FOREIGN_TABLE:
            search.found = psprintf("reads foreign table %s", get_rel_name(relation));
            break;
        case RELKIND_SEQUENCE: search.found = psprintf("reads sequence %s", get_rel_name(relation)); break;
        case RELKIND_VIEW: look_into(relation, search); break;
        default: break;
    }
}

bool walk(Node *node, void *context) {
    auto *search = static_cast<Search *>(context);
    if (node == nullptr) return false;
    CHECK_FOR_INTERRUPTS();
    if (IsA(node, Query)) {
        ListCell *cell;
        foreach (cell, reinterpret_cast<Query *>(node)->rtable) {
            const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
            // A rule's own two entries of a view name itself.
            if (entry->rtekind == RTE_RELATION && entry->relid != search->view)
                check_relation(entry->relid, *search);
            if (search->found != nullptr) return true;
        }
        return pg::walk_below(node, walk, context);
    }
    if (IsA(node, SQLValueFunction)) {
        const SQLValueFunctionOp op = reinterpret_cast<SQLValueFunction *>(node)->op;
        if (op <= SVFOP_LOCALTIMESTAMP_N) search->found = "reads the clock";
    } else if (IsA(node, NextValueExpr)) {
        search->found = "reads a sequence";
    } else {
        (void)check_functions_in_node(node, check_function, context);
    }
    if (search->found != nullptr) return true;
    return pg::walk_below(node, walk, context);
}

void look_into(Oid relation, Search &search) {
    check_stack_depth();
    const Oid outer = search.view;
    search.view = relation;
    Relation view = table_open(relation, AccessShareLock);
    for (int i = 0; view->rd_rules != nullptr && i < view->rd_rules->numLocks; i++) {
        const RewriteRule *rule = view->rd_rules->rules[i];
        if (rule->event != CMD_SELECT) continue;
        ListCell *cell;
        foreach (cell, rule->actions)
            if (search.found == nullptr) (void)walk(static_cast<Node *>(lfirst(cell)), &search);
    }
    table_close(view, NoLock);
    search.view = outer;
}

}  // namespace

const char *unwatchable(Oid view) {
    Search search{InvalidOid, nullptr};
    look_into(view, search);
    return search.found;
}

}  // namespace scout::gold
