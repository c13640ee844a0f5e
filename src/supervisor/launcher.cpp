// The supervisor: one process of the cluster, where the library is preloaded.
//
// It is connected to no database. Every scout_ir.supervisor_naptime it starts, for one database at a time,
// a tick (tick.cpp), and waits until that has ended. A database without the extension is looked at once a
// minute, and at once after a reload of the configuration. Where a tick fails, by an error or without a
// word (no slot, no connection), the database is looked at less and less often, and the log says it once
// for each kind of failure. One that takes longer than 10 s is terminated, and the database is left alone for
// a minute at least: its owner's code runs in a tick, and the other databases are not to wait for it.
//
// Crash, SIGTERM: the postmaster starts it again after 5 s; it has no state that would be missed. Promotion
// of a standby starts it. A fast shutdown ends it at its next look at interrupts.

#include "pg/launcher.hpp"
#include "pg/wrapper.hpp"
#include "supervisor/feedback.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/supervisor.hpp"

namespace scout::supervisor {

namespace {

constexpr int64 minute = 60 * USECS_PER_SEC;
constexpr long longest_tick_ms = 10000;
constexpr int no_slot = MAKE_SQLSTATE('5', '3', '4', '0', '0'), no_word = -1, other_version = -2,
              too_long = -3;

struct Known {
    pg::Database database;
    bool seen;
    TimestampTz next_look;
    int failures;        // in a row
    int logged_failure;  // which of them the log has; 0: none
};

struct Launcher {
    MemoryContext memory, round;
    pg::Array<Known> *known;
    Feedback *feedback;
    dsm_handle handle;
    bool logged_databases;
};

Known *find(Launcher &l, Oid oid) {
    for (Known &k : *l.known)
        if (k.database.oid == oid) return &k;
    return nullptr;
}

// Those that are there now; what is gone is forgotten, what is new is due.
bool read_databases(Launcher &l) {
    pg::Array<pg::Database> databases(l.round);
    ErrorData *error =
        pg::in_transaction("scout_ir supervisor", l.round, [&databases] { pg::read_databases(databases); });
    if (error != nullptr) {
        if (!l.logged_databases)
            ereport(LOG, errmsg("scout_ir supervisor: cannot read the databases: %s", error->message));
        l.logged_databases = true;
        return false;
    }
    l.logged_databases = false;
    for (Known &k : *l.known) k.seen = false;
    for (const pg::Database &d : databases) {
        Known *k = find(l, d.oid);
        if (k == nullptr) k = &l.known->push({d, true, 0, 0, 0});
        k->database = d;
        k->seen = true;
    }
    size_t kept = 0;
    for (const Known &k : *l.known)
        if (k.seen) (*l.known)[kept++] = k;
    l.known->truncate(kept);
    return true;
}

void failed(Known &k, int kind, const char *task, const char *message, int64 longest) {
    // A database that is dropped under its tick is no failure: the next round does not find it any more.
    const bool passing = kind == no_word && k.failures == 0;
    if (kind != k.logged_failure && !passing)
        ereport(LOG,
                errmsg("scout_ir supervisor: database \"%s\"%s%s: %s", k.database.name,
                       *task != '\0' ? ", " : "", task, message),
                kind > 0 ? errdetail_log("SQLSTATE %s.", unpack_sql_state(kind)) : 0,
                errhint("This is said once; it is tried again less and less often."));
    else
        ereport(DEBUG1, errmsg_internal("scout_ir supervisor: database \"%s\" still fails", k.database.name));
    k.logged_failure = passing ? 0 : kind;
    const int64 wait = static_cast<int64>(supervisor_naptime) * USECS_PER_SEC << std::min(k.failures, 10);
    k.next_look = GetCurrentTimestamp() + std::min(wait, longest);
    k.failures++;
}

void tick(Launcher &l, Known &k) {
    const TimestampTz now = GetCurrentTimestamp();
    // A clock that was set back must not stop it for as long.
    if (now < k.next_look && k.next_look - now <= 10 * minute) return;
    pg_atomic_write_u32(&l.feedback->outcome, static_cast<uint32>(Outcome::none));
    const TickStart start{k.database.oid, l.handle};
    static pg::WaitEvent tick_end("ScoutIrTaskEnd");
    BackgroundWorkerHandle *worker = nullptr;
    const char *name = psprintf("tick of database %u", k.database.oid);
    BackgroundWorker registration = pg::prepare_worker({name, "tick", "scout_tick"}, start);
    if (!pg::register_worker(registration, &worker))
        return failed(
            k, no_slot, "",
            psprintf("no background worker slot is free, max_worker_processes is %d", max_worker_processes),
            minute);
    if (!pg::await_end(worker, longest_tick_ms, tick_end)) {
        failed(k, too_long, "", "its worker was terminated, it took longer than 10 s", 10 * minute);
        // The other databases wait for it: from the first time not soon again.
        k.next_look = std::max(k.next_look, GetCurrentTimestamp() + minute);
        return;
    }
    const auto outcome = static_cast<Outcome>(pg_atomic_read_u32(&l.feedback->outcome));
    pg_read_barrier();
    switch (outcome) {
        case Outcome::none:
            return failed(k, no_word, "", "its worker ended before it began; the log says why", 10 * minute);
        case Outcome::failed:
            return failed(k, l.feedback->sqlstate, l.feedback->task, l.feedback->message, minute);
        case Outcome::other_version:
            return failed(k, other_version, "",
                          "the extension is not of the library's version " SCOUT_IR_VERSION
                          ": ALTER EXTENSION scout_ir UPDATE, or restart the server after an upgrade",
                          minute);
        case Outcome::no_extension: k.next_look = GetCurrentTimestamp() + minute; break;
        case Outcome::done: k.next_look = 0;
    }
    k.failures = k.logged_failure = 0;
}

void run(Launcher &l) {
    static pg::WaitEvent nap("ScoutIrSupervisorNap");
    for (;;) {
        if (read_databases(l))
            for (Known &k : *l.known) {
                pg::between_turns();
                tick(l, k);
            }
        MemoryContextReset(l.round);
        pg::doze(supervisor_naptime * 1000L, nap);
        if (pg::reloaded_since_asked())
            for (Known &k : *l.known) k.next_look = 0;
    }
}

}  // namespace

void register_launcher() {
    pg::register_launcher({"supervisor", "supervisor", "scout_supervisor"});
}

}  // namespace scout::supervisor

extern "C" {
PGDLLEXPORT void scout_supervisor(Datum);

void scout_supervisor(Datum) {
    using namespace scout;
    using namespace scout::supervisor;
    (void)pg::invoke([] {
        pg::enter_launcher_raw();
        Launcher l{};
        l.memory =
            AllocSetContextCreateInternal(TopMemoryContext, "scout_ir supervisor", ALLOCSET_DEFAULT_SIZES);
        l.round =
            AllocSetContextCreateInternal(l.memory, "scout_ir supervisor round", ALLOCSET_DEFAULT_SIZES);
        l.known = new (MemoryContextAlloc(l.memory, sizeof *l.known)) pg::Array<Known>(l.memory);
        l.feedback = make_feedback(l.handle);
        MemoryContextSwitchTo(l.round);
        run(l);
        return static_cast<Datum>(0);
    });
}
}
