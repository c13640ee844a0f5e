// The boundary between PostgreSQL and C++: every SQL-callable function and every callback that the
// server makes into this extension enters through invoke().
//
// Protocol
//   - A C++ exception never crosses into the server. The catch block only copies it into a
//     CaughtError, a plain struct of fixed size on the stack: no allocation, no server call. The
//     exception object is destroyed when the block is left; only then is the error reported.
//   - SQLSTATE, detail and hint survive: core::Error carries its own; a ServerError carries the
//     ErrorData of an error that the guard (guard.hpp) caught, and is rethrown as it was.
//   - ereport(ERROR) inside the body longjmps over these frames. That is allowed because nothing
//     here, and nothing in the thin layers, has a destructor: C++ owners live in memory contexts
//     (memory.hpp) or call the server through the guard only.
//
// Commit: nothing to do. Abort: contexts are reset by the server, which runs the destructors of
// what own() placed there. Crash: no state outlives the backend.
#pragma once

#include "core/error.hpp"
#include "pg/postgres.hpp"

#include <exception>
#include <new>

namespace scout::pg {

// An error of the server, caught by the guard and on its way to the boundary. The ErrorData
// belongs to the memory context that was current when the guard was entered.
class ServerError : public std::exception {
public:
    explicit ServerError(ErrorData *data) noexcept : data_(data) {}
    ErrorData *data() const noexcept { return data_; }
    const char *what() const noexcept override { return data_->message != nullptr ? data_->message : ""; }

private:
    ErrorData *data_;
};

struct CaughtError {
    ErrorData *server;  // set: rethrow this, the rest is unused
    int sqlstate;
    char message[1024];
    char detail[1024];
    char hint[512];

    // To be called inside a catch block: notes the exception being handled. Copies, never allocates.
    void capture() noexcept;
    int state() const { return server != nullptr ? server->sqlerrcode : sqlstate; }
    const char *text() const { return server != nullptr ? server->message : message; }
    [[noreturn]] void report() const;

private:
    void set(int state, const char *text, const char *detail_text, const char *hint_text) noexcept;
};

// Runs `body` and returns its Datum; any exception becomes an ERROR of the server.
template <typename Body>
Datum invoke(Body body) {
    CaughtError caught;
    try {
        return body();
    } catch (...) {
        caught.capture();
    }
    caught.report();
}

// Called before every SQL-callable function that is no trigger; raises where this library must not run it.
// Set once, at load time; nullptr: nothing is checked.
extern void (*entry_check)();

// 55000: the catalogue's function has another number of arguments than the library's.
[[noreturn]] void refuse_arguments(FunctionCallInfo fcinfo, int expected);

constexpr int any_number = -1;  // of arguments: the body looks itself

inline void require_arguments(FunctionCallInfo fcinfo, int arguments) {
    if (arguments != any_number && PG_NARGS() != arguments) refuse_arguments(fcinfo, arguments);
}

inline void enter(FunctionCallInfo fcinfo, int arguments) {
    if (entry_check != nullptr) entry_check();
    require_arguments(fcinfo, arguments);
}

}  // namespace scout::pg

// Defines an SQL-callable function of that many arguments. Use as
//     SCOUT_FUNCTION(scout_backlog, 1) { ... return Datum; }
// The body sees `fcinfo`, as in C.
#define SCOUT_FUNCTION(name, arguments)                                     \
    static Datum name##_body(FunctionCallInfo fcinfo);                      \
    extern "C" {                                                            \
    PG_FUNCTION_INFO_V1(name);                                              \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS) {                              \
        scout::pg::enter(fcinfo, arguments);                                \
        return scout::pg::invoke([fcinfo] { return name##_body(fcinfo); }); \
    }                                                                       \
    }                                                                       \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)

// The same for what takes in somebody's data: it runs under any catalogue, as triggers do, and looks only whether
// its own signature fits.
#define SCOUT_INTAKE(name, arguments)                                       \
    static Datum name##_body(FunctionCallInfo fcinfo);                      \
    extern "C" {                                                            \
    PG_FUNCTION_INFO_V1(name);                                              \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS) {                              \
        scout::pg::require_arguments(fcinfo, arguments);                    \
        return scout::pg::invoke([fcinfo] { return name##_body(fcinfo); }); \
    }                                                                       \
    }                                                                       \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)

// The same for a trigger function. It runs under any catalogue: a write of the user's must not fail because
// the library is newer or older than that.
#define SCOUT_TRIGGER(name)                                                 \
    static Datum name##_body(FunctionCallInfo fcinfo);                      \
    extern "C" {                                                            \
    PG_FUNCTION_INFO_V1(name);                                              \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS) {                              \
        return scout::pg::invoke([fcinfo] { return name##_body(fcinfo); }); \
    }                                                                       \
    }                                                                       \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
