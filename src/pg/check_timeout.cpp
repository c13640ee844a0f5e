#include "pg/check_timeout.hpp"

extern "C" {
#include "storage/proc.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
}

namespace scout::pg {

namespace {

TimeoutId timer;
bool registered = false;
volatile sig_atomic_t fired = false;

void on_timer() {
    fired = true;
    InterruptPending = true;
    QueryCancelPending = true;
    SetLatch(MyLatch);
}

// A cancel says who sent it in its text alone; what fired says it better. Where ours and the user's meet
// before either is served, ours is taken: the user's statement goes on with the next look.
bool is_ours(const ErrorData *error, bool statement_timer_was_active) {
    return fired && error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
           (!statement_timer_was_active || get_timeout_active(STATEMENT_TIMEOUT));
}

bool ends_the_statement(int sqlstate) {
    return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_OPERATOR_INTERVENTION ||
           sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

}  // namespace

ErrorData *look_plain(void (*call)(void *), void *argument, int milliseconds) {
    if (!registered) {
        timer = RegisterTimeout(USER_TIMEOUT, on_timer);
        registered = true;
    }
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    CaughtError caught;
    bool failed = false;
    const bool statement_timer = get_timeout_active(STATEMENT_TIMEOUT);

    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    XactReadOnly = true;  // the end of the subtransaction puts it back
    fired = false;
    enable_timeout_after(timer, milliseconds);
    try {
        guarded([&] { call(argument); });
    } catch (...) {
        failed = true;
        caught.take_current();
    }
    disable_timeout(timer, false);
    // Too late to have stopped anything: it must not stop what comes next.
    if (fired && !failed) QueryCancelPending = false;
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;

    if (!failed) return nullptr;
    if (caught.server == nullptr) caught.report();
    if (is_ours(caught.server, statement_timer)) {
        caught.server->message = psprintf("took longer than %d ms", milliseconds);
    } else {
        if (ends_the_statement(caught.server->sqlerrcode)) caught.report();
        if (fired) QueryCancelPending = false;
    }
    return caught.server;
}

}  // namespace scout::pg
