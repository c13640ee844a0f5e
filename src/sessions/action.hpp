// Actions on sessions: decide, refuse, log, signal, wait. What is looked for is the capability's; all
// else is the same for every function that ends the work of others.
//
// Protocol
//   look      the capability lists its targets. A caller who cannot see all of pg_stat_activity gets an
//             error: "none found" must never mean "none shown".
//   decide    judge() completes every target and gives each that must be left alone its refusal, before
//             anything is done to anybody. More than max_targets to act on: error, nobody is signalled.
//   log       one line per target and signal, before that signal is sent: signals are not transactional.
//   signal    a session that runs a statement is cancelled. One that waits for its client is terminated
//             at once: it would not react to a cancel. signal_session() checks again whom it hits.
//   wait      until what was looked for is over, at most `grace`; whoever was only cancelled and is
//             still there is terminated, and waited for a bounded time. Before each signal, and at the
//             end, the target is looked for again: what ended by itself is not signalled.
//
// Commit: the timeline entry of the caller's. Abort, cancel while waiting, crash: what was signalled
// stays signalled, the server log says whom; the timeline has no entry.
#pragma once

#include "pg/memory.hpp"

namespace scout::sessions {

struct Target {
    // Filled by the capability.
    int pid;           // 0: a prepared transaction, which has no process
    const char *work;  // what identifies the work to be ended: the transaction
    const char *what;  // shown: the name of the lock
    bool since_known;
    TimestampTz since;    // shown: its age
    const char *refusal;  // NULL: none; judge() adds its own
    // Filled by judge(); what is there for a prepared transaction stays.
    TimestampTz backend_start;
    const char *usename, *application_name;  // NULL: none
    bool waits_for_client;
    // Filled by carry_out().
    bool cancelled, terminated, gone;
};

using Targets = pg::Array<Target>;

struct Action {
    const char *function;  // its name, for messages and the log
    const char *reason;    // NULL: none given
    bool dry_run;
    int max_targets;
    int64 grace_ms;
    void (*look_again)(Targets &targets);  // sets `gone` where what was looked for is over
};

// 42501 unless the caller sees every session.
void require_sight();

// Refuses what must not be touched. 54000 for too many; a dry run shows them all, with a WARNING.
void judge(const Action &action, Targets &targets);

void carry_out(const Action &action, Targets &targets);

inline bool is_refused(const Target &t) {
    return t.refusal != nullptr && !t.cancelled && !t.terminated;
}
const char *verdict(const Target &target);        // refused, cancel, terminate
const char *sent(const Target &target);           // NULL where nothing was
const char *protection_of(const Target &target);  // why it is protected; NULL where it is not

}  // namespace scout::sessions
