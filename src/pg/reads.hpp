// Whose tables a statement reads that names a relation.
#pragma once

#include "pg/memory.hpp"

namespace scout::pg {

// The relation itself, what a view reads at any depth, and partitions and children: the relations whose
// statistics, indexes and policies the planner looks at. Takes AccessShareLock on each view.
Array<Oid> read_relations(Oid relation);

// May `role` read all columns and rows of a relation? Row security counts as hiding some.
bool sees_all(Oid relation, Oid role);

}  // namespace scout::pg
