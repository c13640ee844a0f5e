// The server's walkers over queries and expressions, whose callback has had two types.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
}

namespace scout::pg {

using TreeWalker = bool (*)(Node *node, void *context);

// Calls `walker` for what lies directly below `node`, a query's range table included; true ends the walk.
inline bool walk_below(Node *node, TreeWalker walker, void *context) {
#if PG_VERSION_NUM >= 160000
    const TreeWalker call = walker;
#else
    // By way of void (*)(), which the compiler lets stand for any function.
    const auto call = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker));
#endif
    return IsA(node, Query) ? query_tree_walker(reinterpret_cast<Query *>(node), call, context, 0)
                            : expression_tree_walker(node, call, context);
}

}  // namespace scout::pg
