// Calls into the server from C++ frames that own something.
//
// ereport(ERROR) is a longjmp and runs no destructor. guarded() catches it around one call and
// throws a ServerError instead, so that the owners between here and the boundary (wrapper.hpp) are
// destroyed; the boundary rethrows the original error.
//
// What holds: after a ServerError the transaction is in an undefined state. The only thing to do is
// to let the exception go up, unless the call ran in a subtransaction of its own that has been
// rolled back: attempt() does that, and is the only place that continues after an error.
#pragma once

#include "pg/wrapper.hpp"

namespace scout::pg {

// Runs `call` (which must own nothing itself) and turns a server error into a ServerError.
template <typename Call>
void guarded(Call call) {
    MemoryContext context = CurrentMemoryContext;
    sigjmp_buf *outer_handler = PG_exception_stack;
    ErrorContextCallback *outer_callbacks = error_context_stack;
    sigjmp_buf handler;
    ErrorData *volatile error = nullptr;
    if (sigsetjmp(handler, 0) == 0) {
        PG_exception_stack = &handler;
        try {
            call();
        } catch (...) {  // a C++ exception leaves through here: `handler` dies with this frame
            PG_exception_stack = outer_handler;
            error_context_stack = outer_callbacks;
            throw;
        }
        PG_exception_stack = outer_handler;
    } else {
        PG_exception_stack = outer_handler;
        error_context_stack = outer_callbacks;
        MemoryContextSwitchTo(context);
        error = CopyErrorData();
        FlushErrorState();
    }
    if (error != nullptr) throw ServerError(error);
}

// Runs `call` in a subtransaction. Returns nullptr and keeps its effects where it succeeds;
// otherwise rolls it back and returns the error, in the caller's memory context. Errors that end
// the statement as a whole (cancel, shutdown, out of memory, lock and serialization failures) are
// not the call's own fault: they are rethrown after the rollback.
// `keep` = false rolls back even on success: the way a dry run counts what would happen. It is read when
// the call has ended, so that the call may decide it.
enum class CatchPolicy { recoverable, all_but_cancel, all };
ErrorData *attempt_plain(void (*call)(void *), void *argument, const bool &keep, CatchPolicy policy);

template <typename Call>
ErrorData *attempt(Call call, const bool &keep = true) {
    return attempt_plain([](void *c) { (*static_cast<Call *>(c))(); }, &call, keep, CatchPolicy::recoverable);
}

// Like attempt(), but only operator intervention (cancel, shutdown) goes up: for a step of a sequence whose
// other steps must not be rolled back with it.
template <typename Call>
ErrorData *attempt_step(Call call, const bool &keep = true) {
    return attempt_plain([](void *c) { (*static_cast<Call *>(c))(); }, &call, keep,
                         CatchPolicy::all_but_cancel);
}

// Writes the structured line of a failed action into the server log, which is all that remains of it:
// its row in the timeline is rolled back. Looks nothing up: the transaction has failed.
void log_failed_action(const char *action, const CaughtError &error);

template <typename Body>
Datum invoke_action(const char *action, Body body) {
    CaughtError caught;
    try {
        Datum result = static_cast<Datum>(0);
        guarded([&] { result = body(); });
        return result;
    } catch (...) {
        caught.capture();
    }
    log_failed_action(action, caught);
    caught.report();
}

}  // namespace scout::pg

// Like SCOUT_FUNCTION, for what an operator does: a failure leaves a line in the server log.
#define SCOUT_ACTION(name, arguments)                                                     \
    static Datum name##_body(FunctionCallInfo fcinfo);                                    \
    extern "C" {                                                                          \
    PG_FUNCTION_INFO_V1(name);                                                            \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS) {                                            \
        scout::pg::enter(fcinfo, arguments);                                              \
        return scout::pg::invoke_action(#name, [fcinfo] { return name##_body(fcinfo); }); \
    }                                                                                     \
    }                                                                                     \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
