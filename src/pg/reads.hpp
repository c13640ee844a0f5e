// What a statement reads, and who may read it.
#pragma once

#include "pg/memory.hpp"

namespace scout::pg {

// The relation itself, what a view reads at any depth, and partitions and children: the relations whose
// statistics, indexes and policies the planner looks at. Takes AccessShareLock on each view.
Array<Oid> read_relations(Oid relation);

// The relations that a statement with one timestamptz as its parameter names, also below views. It is parsed,
// not planned. Needs a Session.
Array<Oid> named_relations(const char *statement);

// Does this view read with the rights of whoever selects from it (security_invoker)?
bool reads_as_invoker(Oid relation);

// May `role` read all columns and rows of a relation? Row security counts as hiding some.
bool sees_all(Oid relation, Oid role);

// Do policies hide rows of a relation from `role`, whatever its grants are?
bool has_policies_for(Oid relation, Oid role);

}  // namespace scout::pg
