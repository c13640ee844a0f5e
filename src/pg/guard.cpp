#include "pg/guard.hpp"

#include "pg/product.hpp"

extern "C" {
#include "utils/json.h"
#include "utils/resowner.h"
}

namespace scout::pg {

namespace {

bool ends_the_statement(int sqlstate, CatchPolicy policy) {
    if (policy == CatchPolicy::all) return false;  // the caller judges
    if (policy == CatchPolicy::all_but_cancel)
        return ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_OPERATOR_INTERVENTION;
    switch (ERRCODE_TO_CATEGORY(sqlstate)) {
        case ERRCODE_OPERATOR_INTERVENTION:   // 57: cancel, shutdown
        case ERRCODE_INSUFFICIENT_RESOURCES:  // 53: memory, disk, connections
        case ERRCODE_TRANSACTION_ROLLBACK:    // 40: serialization, deadlock
        case ERRCODE_INTERNAL_ERROR:          // XX: a bug or corruption, never an event's fault
            return true;
        default: return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE;
    }
}

}  // namespace

ErrorData *attempt_plain(void (*call)(void *), void *argument, const bool &keep, CatchPolicy policy) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    CaughtError caught;
    bool failed = false;

    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    try {
        guarded([&] { call(argument); });
    } catch (...) {
        failed = true;
        caught.capture();
    }
    if (!failed && keep)
        ReleaseCurrentSubTransaction();
    else
        RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;

    if (!failed) return nullptr;
    // An exception of our own is no outcome of what was tried.
    if (caught.server == nullptr || ends_the_statement(caught.server->sqlerrcode, policy)) caught.report();
    return caught.server;
}

void log_failed_action(const char *action, const CaughtError &error) {
    StringInfoData line;
    initStringInfo(&line);
    auto field = [&line](const char *key, const char *value) {
        appendStringInfo(&line, "%s\"%s\": ", line.len == 0 ? "{" : ", ", key);
        value == nullptr ? appendStringInfoString(&line, "null") : escape_json(&line, value);
    };
    const size_t prefix = strlen(product.symbol_prefix);
    field("action", strncmp(action, product.symbol_prefix, prefix) == 0 ? action + prefix : action);
    field("outcome", "failed");
    field("sqlstate", unpack_sql_state(error.state()));
    field("message", error.text());
    field("session_role_oid", psprintf("%u", GetSessionUserId()));
    appendStringInfoChar(&line, '}');
    ereport(LOG, errmsg_internal("%s action: %s", product.name, line.data), errhidestmt(true),
            errhidecontext(true));
    pfree(line.data);
}

}  // namespace scout::pg
