// Every way in which C++ fails, behind SQL functions: see test/pgtap/pg_wrapper.sql.
#include "core/error.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/plan_cache.hpp"
#include "pg/wrapper.hpp"

#include <stdexcept>
#include <string>

extern "C" {
#include "access/xact.h"
#include "nodes/memnodes.h"

PG_MODULE_MAGIC;
}

namespace {

using namespace scout;

int64 constructed = 0, destroyed = 0;

// Owns heap memory of C++'s, so that a destructor passed over shows as a leak too.
class Witness {
public:
    Witness() : memory_(1000, 'x') { constructed++; }
    ~Witness() { destroyed++; }
    Witness(const Witness &) = delete;
    Witness &operator=(const Witness &) = delete;
    size_t size() const { return memory_.size(); }

private:
    std::string memory_;
};

struct FailingConstructor {
    FailingConstructor() { throw core::Error("22023", "the constructor failed"); }
    ~FailingConstructor() { destroyed += 1'000'000; }  // must never run
};

std::string text_argument(FunctionCallInfo fcinfo, int number) {
    text *value = PG_GETARG_TEXT_PP(number);
    return std::string(VARDATA_ANY(value), static_cast<size_t>(VARSIZE_ANY_EXHDR(value)));
}

[[noreturn]] void throw_core(const std::string &state, const std::string &message, const std::string &detail,
                             const std::string &hint) {
    char sqlstate[6] = "XX000";
    for (size_t i = 0; i < 5 && i < state.size(); i++) sqlstate[i] = state[i];
    throw core::Error(sqlstate, message, detail, hint);
}

void report() {
    ereport(ERROR, errcode(ERRCODE_CHECK_VIOLATION), errmsg("reported by the server"), errdetail("its detail"),
            errhint("its hint"));
}

}  // namespace

SCOUT_FUNCTION(scout_test_throw_core_error, 4) {
    Witness witness;
    throw_core(text_argument(fcinfo, 0), text_argument(fcinfo, 1), text_argument(fcinfo, 2), text_argument(fcinfo, 3));
}

SCOUT_FUNCTION(scout_test_throw_runtime_error, 1) {
    Witness witness;
    throw std::runtime_error(text_argument(fcinfo, 0));
}

SCOUT_FUNCTION(scout_test_throw_bad_alloc, 0) {
    Witness witness;
    throw std::bad_alloc();
}

SCOUT_FUNCTION(scout_test_throw_number, 0) {
    Witness witness;
    throw 42;
}

SCOUT_FUNCTION(scout_test_guarded_division, 0) {
    Witness witness;
    pg::guarded([] { (void)DirectFunctionCall2(int4div, Int32GetDatum(1), Int32GetDatum(0)); });
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_guarded_report, 0) {
    Witness outer;
    try {
        Witness inner;
        pg::guarded([] { report(); });
    } catch (const pg::ServerError &) {
        throw;
    }
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_guarded_success, 0) {
    Witness witness;
    int32 quotient = 0;
    pg::guarded([&] { quotient = DatumGetInt32(DirectFunctionCall2(int4div, Int32GetDatum(84), Int32GetDatum(2))); });
    PG_RETURN_INT32(quotient);
}

SCOUT_FUNCTION(scout_test_guarded_throw, 0) {
    Witness witness;
    pg::guarded([] { throw core::Error("22023", "thrown inside guarded()"); });
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_plain_report, 0) {
    report();
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_own_then_report, 0) {
    auto *witness = pg::own<Witness>(CurrentMemoryContext);
    if (witness->size() > 0) report();
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_own_then_throw, 0) {
    auto *witness = pg::own<Witness>(CurrentMemoryContext);
    if (witness->size() > 0) throw core::Error("22023", "thrown after own()");
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_own_then_reset, 0) {
    pg::Workspace workspace("scout_ir_test");
    (void)pg::own<Witness>(workspace.context());
    (void)pg::own<Witness>(workspace.context());
    workspace.clear();
    workspace.leave();
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_own_throwing_constructor, 0) {
    pg::Workspace workspace("scout_ir_test");
    (void)pg::own<FailingConstructor>(workspace.context());
    workspace.leave();
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_attempt_sql, 2) {
    const char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const bool keep = PG_GETARG_BOOL(1);
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    ErrorData *error = pg::attempt([&] { (void)SPI_execute(sql, false, 0); }, keep);
    char state[6] = "";
    if (error != nullptr) strlcpy(state, unpack_sql_state(error->sqlerrcode), sizeof state);
    SPI_finish();
    if (error == nullptr) PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(state));
}

SCOUT_FUNCTION(scout_test_attempt_throw, 1) {
    const char *what = text_to_cstring(PG_GETARG_TEXT_PP(0));
    (void)pg::attempt([&] {
        Witness witness;
        if (strcmp(what, "core") == 0) throw core::Error("22023", "thrown inside attempt()", "a detail", "a hint");
        if (strcmp(what, "runtime") == 0) throw std::runtime_error("runtime error inside attempt()");
        if (strcmp(what, "bad_alloc") == 0) throw std::bad_alloc();
        throw 42;
    });
    PG_RETURN_VOID();
}

// Actions run in a guarded call of their own (invoke_action): C++ exceptions pass through two of them.
SCOUT_ACTION(scout_test_action_report, 0) {
    report();
    PG_RETURN_VOID();
}

SCOUT_ACTION(scout_test_action_guarded, 0) {
    Witness witness;
    pg::guarded([] { report(); });
    PG_RETURN_VOID();
}

SCOUT_ACTION(scout_test_action_throw, 0) {
    Witness witness;
    throw core::Error("22023", "thrown inside an action", "a detail", "a hint");
}

// A query of one bigint, by a plan that is kept.
SCOUT_FUNCTION(scout_test_read_cached, 1) {
    pg::Session session;
    const int64 value = pg::read_cached(text_to_cstring(PG_GETARG_TEXT_PP(0)), {}).int8(0, 1);
    session.end();
    PG_RETURN_INT64(value);
}

SCOUT_FUNCTION(scout_test_alive, 0) { PG_RETURN_INT64(constructed - destroyed); }

SCOUT_FUNCTION(scout_test_destroyed, 0) { PG_RETURN_INT64(destroyed); }

// Memory that has run out while the callbacks of a commit run. The server calls them newest first, so those
// that were registered between restore_after_commit() and exhaust_at_commit() of a session run without memory.
namespace {

struct Kind {
    const MemoryContextMethods *original;
    MemoryContextMethods failing;
};
Kind kinds[8];
int kind_count = 0;

// Every context of this process, parents before children.
template <typename Visit>
void each_context(Visit visit) {
    MemoryContext context = TopMemoryContext;
    while (context != nullptr) {
        visit(context);
        if (context->firstchild != nullptr) {
            context = context->firstchild;
            continue;
        }
        while (context != nullptr && context->nextchild == nullptr) context = context->parent;
        if (context != nullptr) context = context->nextchild;
    }
}

void restore_memory() {
    each_context([](MemoryContext context) {
        for (Kind &kind : kinds)
            if (context->methods == &kind.failing) context->methods = kind.original;
    });
}

// Gives the memory back first: the server needs some to say that there was none.
void out_of_memory() {
    restore_memory();
    ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"), errdetail("As the test wants it."));
}

#if PG_VERSION_NUM >= 170000
void *fail_to_allocate(MemoryContext, Size, int) {
#else
void *fail_to_allocate(MemoryContext, Size) {
#endif
    out_of_memory();
    return nullptr;
}

const MemoryContextMethods *failing_methods(const MemoryContextMethods *original) {
    for (int i = 0; i < kind_count; i++)
        if (kinds[i].original == original) return &kinds[i].failing;
    if (kind_count == static_cast<int>(std::size(kinds))) return original;
    Kind &kind = kinds[kind_count++];
    kind.original = original;
    kind.failing = *original;
    kind.failing.alloc = fail_to_allocate;
#if PG_VERSION_NUM < 160000
    kind.failing.realloc = [](MemoryContext, void *, Size) -> void * {
        out_of_memory();
        return nullptr;
    };
#endif
    return &kind.failing;
}

}  // namespace

SCOUT_FUNCTION(scout_test_restore_after_commit, 0) {
    RegisterXactCallback([](XactEvent event, void *) { if (event == XACT_EVENT_COMMIT) restore_memory(); }, nullptr);
    PG_RETURN_VOID();
}

SCOUT_FUNCTION(scout_test_exhaust_at_commit, 0) {
    RegisterXactCallback(
        [](XactEvent event, void *) {
            if (event != XACT_EVENT_COMMIT) return;
            each_context([](MemoryContext context) { context->methods = failing_methods(context->methods); });
        },
        nullptr);
    PG_RETURN_VOID();
}
