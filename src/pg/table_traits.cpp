#include "pg/table_traits.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/rls.h"
}

namespace scout::pg {

namespace {

const char *refusal(Relation relation) {
    const Oid id = RelationGetRelid(relation);
    const char kind = relation->rd_rel->relkind;
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) return "it is not a table";
    if (relation->rd_rules != nullptr) return "a rule rewrites what is written to it";
    if (check_enable_rls(id, InvalidOid, true) == RLS_ENABLED)
        return "row security applies to its owner, who could not see all of its rows";
    if (kind == RELKIND_RELATION && relation->rd_rel->relhassubclass &&
        find_inheritance_children(id, NoLock) != NIL)
        return "tables inherit from it, whose rows its unique keys do not know";
    return nullptr;
}

}  // namespace

TableTraits table_traits(Oid table, LOCKMODE lock) {
    Relation relation = table_open(table, lock);
    // A partition may have triggers of its own.
    const bool partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
    TableTraits traits{refusal(relation), partitioned, partitioned, false};
    const TriggerDesc *all = relation->trigdesc;
    for (int i = 0; all != nullptr && i < all->numtriggers; i++) {
        const Trigger &trigger = all->triggers[i];
        const bool writes = TRIGGER_FOR_INSERT(trigger.tgtype) || TRIGGER_FOR_UPDATE(trigger.tgtype);
        if (!trigger.tgisinternal && trigger.tgenabled != TRIGGER_DISABLED && writes) traits.triggers = true;
        if (trigger.tgdeferrable) traits.deferrable = true;
        if (trigger.tgisinternal && TRIGGER_FOR_DELETE(trigger.tgtype)) traits.referenced = true;
    }
    table_close(relation, NoLock);
    return traits;
}

}  // namespace scout::pg
