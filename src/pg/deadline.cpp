#include "pg/deadline.hpp"

#include <csignal>

extern "C" {
#include "storage/latch.h"
#include "utils/timeout.h"
}

namespace scout::pg {

namespace {

TimeoutId timer;
bool registered = false, armed = false;
volatile sig_atomic_t fired = 0;

// Runs in the signal handler.
void on_time() {
    if (QueryCancelPending) return;  // somebody else's cancel, or our own that is still to be noticed
    fired = 1;
    QueryCancelPending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

}  // namespace

bool statement_timer_runs() {
    return get_timeout_active(STATEMENT_TIMEOUT);
}

Deadline::Deadline(int64 timeout_ms, bool *passed) : passed_(passed) {
    constexpr int again_ms = 500;  // for code that catches the first cancel and goes on
    if (armed) throw core::Error("55000", "a call with a time limit cannot be made inside another");
    if (!registered) {
        timer = RegisterTimeout(USER_TIMEOUT, on_time);
        registered = true;
    }
    fired = 0;
    armed = true;
    enable_timeout_every(timer, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms), again_ms);
}

Deadline::~Deadline() {
    disable_timeout(timer, false);
    armed = false;
    *passed_ = fired != 0;
    if (fired != 0) QueryCancelPending = false;  // came too late, or again, to be noticed
    fired = 0;
}

Attempt judge(ErrorData *error, bool passed, bool statement_timer) {
    if (error == nullptr) return {nullptr, false};
    const bool cancelled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;
    const bool ours = cancelled && passed && statement_timer == statement_timer_runs();
    if ((ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION && !ours) ||
        error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE)
        ReThrowError(error);
    return {error, ours};
}

}  // namespace scout::pg
