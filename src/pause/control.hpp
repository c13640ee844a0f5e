// Pause and resume of loading, and the batch's side of it. Paused means stopped: when a pause returns, no
// batch is in flight, or those that are have been named, and none starts until resume or expiry.
//
// Protocol
//   batch   enter_flight(): FLIGHT to the end of the transaction, then GATE shared, conditionally;
//           GATE is given back at once. Then read_pauses() with the newest snapshot, also under
//           REPEATABLE READ. Where GATE is taken, a pause is under way: FLIGHT is given back and the
//           batch must not start. With `force` GATE and the pauses are passed over, but FLIGHT is
//           held, so that a pause waits for a forced batch too or names it.
//   pause   GATE exclusively to the end of its transaction (waits at most drain_timeout, at least
//           1 s), writes its row, then waits up to drain_timeout until no other transaction holds
//           FLIGHT; whoever remains is named.
//   resume  deletes rows and takes no lock: a batch that still sees a row waits for its next turn.
//
// Why it holds. A batch got GATE either before the pause took it: then it held FLIGHT already and
// the drain sees it; or after the pause's transaction ended: then the row is committed, and the
// newest snapshot shows it. There is no third case.
//
// Commit: the server makes the row visible before it releases locks, so GATE falls only when every
// batch can see the pause. Abort, also to a savepoint: the row and GATE vanish together, as if there
// had been no pause. Crash of a pausing session: the same. Crash of a loading session: its FLIGHT
// goes with it. Restart: the rows are in a table; locks need not survive, for nobody is in flight.
//
// A pause and a batch cannot deadlock, although they take the two locks in different order: the
// batch never waits for GATE, and the drain is a bounded wait that is no lock wait.
#pragma once

#include "pg/memory.hpp"

namespace scout::pause {

struct Pause {
    const char *source;  // NULL: all sources
    const char *holder, *reason;
    TimestampTz paused_at;
    bool expires;
    TimestampTz expires_at;  // where `expires`
};

// Who holds the pauses of the circuit breaker (load/circuit_breaker.hpp).
constexpr const char *circuit_breaker_holder = "circuit breaker";
bool is_circuit_breaker(const Pause &pause);

// The call that lifts such a pause of this source.
const char *how_to_resume(const char *source);

enum class Look { calling, newest };  // snapshot of the calling query (reports), or the newest (actions)

// The pauses in force by the clock; texts are copies in the current context. Needs a Session.
void read_pauses(pg::Array<Pause> &pauses, Look look = Look::newest);

// Sorts them for the loader: true if everything is paused; `sources` are those paused by name.
bool all_paused(const pg::Array<Pause> &pauses, pg::Array<std::string_view> &sources);

// Whether everything is paused, for those who have no Session; tell(pause) is told by what.
bool all_loading_is_paused();
bool all_loading_is_paused(void (*tell)(const Pause &pause));

// "Loading is paused by ada since ..., until ...: reason"
const char *describe(const Pause &pause);

// Writes the row of a pause; of one holder and source there is one. Who is in flight goes on: whoever has to
// keep the protocol takes GATE before and drains after.
void write_pause(const char *source, const char *holder, const char *reason, bool expires,
                 TimestampTz expires_at);

enum class Entry { go, pausing };

// The batch's side of the protocol. After `go` the caller holds FLIGHT to the end of its
// transaction and, unless forced, reads the pauses before it claims anything.
Entry enter_flight(bool force);

}  // namespace scout::pause
