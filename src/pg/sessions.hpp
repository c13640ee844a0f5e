// Other sessions of the server: whether all of them can be seen, and a signal to one of them.
//
// signal_session() is what lets an operator without pg_signal_backend end a session, so it checks by
// itself what must hold whoever calls: it never signals the caller's own process or parallel group, a
// process that is another session by now, or, for an ordinary caller, a session of a superuser. Between
// these checks and the signal the process may still end and its pid be taken: the server's own
// pg_terminate_backend() has the same window, of microseconds.
#pragma once

#include "pg/wait_event.hpp"

namespace scout::pg {

// True if pg_stat_activity hides nothing from the current role.
bool sees_all_sessions();

// True only if the caller is a superuser by its role in use (SET ROLE counts) and this call runs as one:
// a SECURITY DEFINER function of a superuser's does not make an ordinary caller one.
bool caller_is_superuser();

// Drops this backend's copy of pg_stat_activity: the next look sees the sessions as they are then.
void forget_activity();

// May another session of this database hold counts of rows that it wrote, and committed, after `since`? A
// session reports them when it goes idle, at once or 10 s later; one in a transaction may hold those of the
// transaction before it. Workers of this extension report after each transaction; other background processes
// that show no state are not looked at.
// `before`: only sessions whose transaction began before it, and has gone on since.
bool writes_may_be_unreported(TimestampTz since, TimestampTz before);

enum class Signal : uint8 { cancel, terminate };
enum class Delivery : uint8 {
    sent,
    ended,       // no such process any more
    replaced,    // the pid belongs to another session by now
    own,         // the caller's own process or parallel group
    privileged,  // a superuser's session, and the caller is none
    failed,      // the operating system refused: why is in `error`
};

Delivery signal_session(int pid, TimestampTz backend_start, Signal signal, int &error);

// Sleeps at most that long; cancellable.
void nap(long milliseconds, WaitEvent &event);

}  // namespace scout::pg
