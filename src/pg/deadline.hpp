// A time limit of one's own around one call.
//
// statement_timeout that a function sets does nothing: the server armed its timer when the statement
// began. So this arms a timer of the extension's own, which cancels the call as a user's cancel would,
// and tells the two apart: whoever set the pending cancel first, owns it.
//
// The call runs in a subtransaction that is rolled back in any case: what it found has to be copied
// into memory that is older than the call. Abort and crash leave nothing: the timer goes with the
// subtransaction's error, at the latest with the server's own clean-up at the end of the statement.
#pragma once

#include "pg/guard.hpp"

namespace scout::pg {

class Deadline {
public:
    Deadline(int64 timeout_ms, bool *passed);
    ~Deadline();
    Deadline(const Deadline &) = delete;
    Deadline &operator=(const Deadline &) = delete;

private:
    bool *passed_;
};

struct Attempt {
    ErrorData *error;  // nullptr: it succeeded
    bool timed_out;
};

// Raises what is not the call's own: the user's cancel, a shutdown, statement_timeout, a transaction
// that cannot be serialized. Anything else is handed back.
Attempt judge(ErrorData *error, bool passed, bool statement_timer);

// Whether the server's own timer for the whole statement is running.
bool statement_timer_runs();

template <typename Call>
Attempt attempt_within(int64 timeout_ms, Call call) {
    struct Bundle {
        Call *call;
        int64 timeout_ms;
        bool passed;
    } bundle{&call, timeout_ms, false};
    const bool statement_timer = statement_timer_runs();
    ErrorData *error = attempt_plain(
        [](void *argument) {
            auto *b = static_cast<Bundle *>(argument);
            Deadline deadline(b->timeout_ms, &b->passed);
            guarded([b] { (*b->call)(); });
        },
        &bundle, false, CatchPolicy::all);
    return judge(error, bundle.passed, statement_timer);
}

// A look at somebody's relation that must not hang the report that takes it: read-only, with a text of its
// own where it took too long. Returns nullptr where `call` succeeded, otherwise its error in the caller's
// memory context. What `call` allocates in the caller's memory context stays.
template <typename Call>
ErrorData *look(Call call, int milliseconds) {
    const Attempt attempt = attempt_within(milliseconds, [&call] {
        XactReadOnly = true;  // the end of the subtransaction puts it back
        call();
    });
    if (attempt.timed_out) attempt.error->message = psprintf("took longer than %d ms", milliseconds);
    return attempt.error;
}

}  // namespace scout::pg
