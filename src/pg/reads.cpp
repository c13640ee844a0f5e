#include "pg/reads.hpp"

#include "pg/tree_walk.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "rewrite/prs2lock.h"
#include "utils/acl.h"
#include "utils/plancache.h"
#include "utils/rls.h"
}

namespace scout::pg {

namespace {

void add(Array<Oid> &found, Oid relation) {
    if (std::find(found.begin(), found.end(), relation) == found.end()) found.push(relation);
}

bool walk(Node *node, void *context) {
    if (node == nullptr) return false;
    if (IsA(node, Query)) {
        ListCell *cell;
        foreach (cell, reinterpret_cast<Query *>(node)->rtable) {
            const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);
            if (entry->rtekind == RTE_RELATION) add(*static_cast<Array<Oid> *>(context), entry->relid);
        }
    }
    return walk_below(node, walk, context);
}

void add_read_by_view(Array<Oid> &found, Oid view) {
    Relation relation = table_open(view, AccessShareLock);
    for (int i = 0; relation->rd_rules != nullptr && i < relation->rd_rules->numLocks; i++) {
        const RewriteRule *rule = relation->rd_rules->rules[i];
        ListCell *cell;
        if (rule->event != CMD_SELECT) continue;
        foreach (cell, rule->actions) (void)walk(static_cast<Node *>(lfirst(cell)), &found);
    }
    table_close(relation, NoLock);
}

void add_children(Array<Oid> &found, Oid parent) {
    ListCell *cell;
    foreach (cell, find_all_inheritors(parent, NoLock, nullptr)) add(found, lfirst_oid(cell));
}

}  // namespace

Array<Oid> read_relations(Oid relation) {
    Array<Oid> found;
    found.push(relation);
    for (size_t i = 0; i < found.size(); i++) {
        CHECK_FOR_INTERRUPTS();
        const Oid next = found[i];
        switch (get_rel_relkind(next)) {
            case RELKIND_VIEW: add_read_by_view(found, next); break;
            case RELKIND_RELATION:
            case RELKIND_PARTITIONED_TABLE: add_children(found, next); break;
            default: break;
        }
    }
    return found;
}

Array<Oid> named_relations(const char *statement) {
    Oid types[] = {TIMESTAMPTZOID};
    SPIPlanPtr plan = SPI_prepare(statement, 1, types);
    if (plan == nullptr)
        elog(ERROR, "could not prepare \"%s\": %s", statement, SPI_result_code_string(SPI_result));
    Array<Oid> found;
    ListCell *source, *relation;
    foreach (source, SPI_plan_get_plan_sources(plan))
        foreach (relation, static_cast<CachedPlanSource *>(lfirst(source))->relationOids)
            add(found, lfirst_oid(relation));
    (void)SPI_freeplan(plan);
    return found;
}

bool reads_as_invoker(Oid relation) {
    if (get_rel_relkind(relation) != RELKIND_VIEW) return false;
    Relation view = table_open(relation, AccessShareLock);
    const bool invoker = RelationHasSecurityInvoker(view);
    table_close(view, NoLock);
    return invoker;
}

bool has_policies_for(Oid relation, Oid role) { return check_enable_rls(relation, role, true) == RLS_ENABLED; }

bool sees_all(Oid relation, Oid role) {
    return pg_class_aclcheck(relation, role, ACL_SELECT) == ACLCHECK_OK && !has_policies_for(relation, role);
}

}  // namespace scout::pg
