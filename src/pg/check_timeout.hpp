// A look at somebody's relation that must not hang the report that takes it.
//
// The call runs in a read-only subtransaction that is always rolled back: its locks go with it, and
// what it did by a volatile function does not stay. A timer of its own cancels it. What ends the
// look alone is returned; the others go on. A cancel by the user or by statement_timeout, a shutdown and a
// serialization failure end the statement.
#pragma once

#include "pg/guard.hpp"

namespace scout::pg {

ErrorData *look_plain(void (*call)(void *), void *argument, int milliseconds);

// Returns nullptr where `call` succeeded, otherwise its error in the caller's memory context.
// What `call` allocates in the caller's memory context stays.
template <typename Call>
ErrorData *look(Call call, int milliseconds) {
    return look_plain([](void *c) { (*static_cast<Call *>(c))(); }, &call, milliseconds);
}

}  // namespace scout::pg
