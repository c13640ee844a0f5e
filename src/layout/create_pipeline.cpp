// create_pipeline(): the pipeline's relations, made for their owner, adopted or handed over.
//
// clang-format off
// Three roles have a part in it.
//   the caller             asks. He must be able to SET ROLE to the owner, and to the present owner of whatever
//                          is handed over, so that he gets nothing that he could not take by himself.
//   the extension's owner  makes relations and triggers, by fixed statements: nobody else may create in schema
//                          scout. No query is planned as him that names a table of the pipeline.
//   the pipeline's owner   fills the new gold views and the queue: triggers, and whatever else somebody has
//                          put on adopted tables, run with his rights, restricted. He is no superuser.
// clang-format on
//
// Commit: everything is there, with its entry in the timeline. Abort, crash: nothing has changed. Two at a
// time: the second waits for the first one's locks on bronze, or fails on a name that is taken meanwhile and
// is called again. Takes SHARE ROW EXCLUSIVE on bronze and on the dead-letter queue to the transaction's end.

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/pipeline.hpp"
#include "pg/guard.hpp"
#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/worker.hpp"

extern "C" {
#include "catalog/catalog.h"
#include "tcop/utility.h"
#include "utils/acl.h"
}

namespace scout::layout {

namespace {

// For whom: as given; or as the pipeline has it already; or the caller.
Oid owner_argument(FunctionCallInfo fcinfo, Oid caller) {
    if (PG_ARGISNULL(0)) {
        const Oid present = pg::owner_of(extension::relation_oid("bronze_events"));
        return OidIsValid(present) ? present : caller;
    }
    const char *name = NameStr(*PG_GETARG_NAME(0));
    const Oid owner = get_role_oid(name, true);
    if (!OidIsValid(owner))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role \"%s\" does not exist", name),
                errhint("Valid values are the names of existing roles (SELECT rolname FROM pg_roles)."));
    return owner;
}

void check_owner(Oid owner, Oid caller) {
    const char *name = GetUserNameFromId(owner, false);
    if (superuser_arg(owner))
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("the pipeline must not belong to a superuser"),
                errdetail("Loading runs with the rights of the tables' owner; \"%s\" is a superuser.", name),
                errhint("Name an ordinary role: SELECT * FROM scout.create_pipeline('role')"));
    if (IsReservedName(name))
        ereport(ERROR, errcode(ERRCODE_RESERVED_NAME),
                errmsg("the pipeline must not belong to the predefined role \"%s\"", name),
                errdetail("Its members would have the owner's rights."),
                errhint("Name an ordinary role: SELECT * FROM scout.create_pipeline('role')"));
    if (!pg::may_set_role(caller, owner)) {
        const char *caller_name = GetUserNameFromId(caller, false);
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied to make a pipeline for role \"%s\"", name),
                errdetail("Role \"%s\" cannot SET ROLE to it.", caller_name),
                errhint("Somebody who may can grant it: GRANT %s TO %s", quote_identifier(name),
                        quote_identifier(caller_name)));
    }
}

struct Counts {
    int64 created = 0, adopted = 0, handed_over = 0;
};

// Workers log in as him.
void warn_of_no_login(Oid owner) {
    if (pg::may_log_in(owner) || pg::can_pass_nologin()) return;
    const char *name = GetUserNameFromId(owner, false);
    ereport(WARNING,
            errmsg("role \"%s\" is not permitted to log in: no worker can load or refresh for it", name),
            errhint("ALTER ROLE %s LOGIN CONNECTION LIMIT 0 lets workers in, and no clients.",
                    quote_identifier(name)));
}

// Hands on the rows of make_relations() or make_triggers().
void emit(pg::Result &result, const pg::Rows &rows, Counts &counts) {
    for (uint64 i = 0; i < rows.count(); i++) {
        const std::string_view status = rows.text(i, 3);
        counts.created += status == "created";
        counts.adopted += status == "adopted";
        counts.handed_over += status == "handed over";
        result.text(rows.text(i, 1)).text(rows.text(i, 2)).text(status);
        rows.is_null(i, 4) ? result.null() : result.text(rows.text(i, 4));
        result.end_row();
    }
}

// The gold views that are empty because this call has made them.
void fill_views(const pg::Rows &made) {
    for (uint64 i = 0; i < made.count(); i++) {
        if (made.text(i, 2) != "materialized view" || made.text(i, 3) != "created") continue;
        (void)pg::run_text(psprintf("REFRESH MATERIALIZED VIEW %s.%s", extension::schema_name,
                                    quote_identifier(pg::c_string(made.text(i, 1)))));
    }
}

int64 seed(pg::Result &result) {
    static pg::Statement queue("SELECT scout_internal.seed_queue()");
    const int64 events = queue.run().int8(0, 1);
    result.text("bronze_pending").text("seed").text("seeded");
    result.text(psprintf("%lld events queued that were neither queued, in silver nor dead-lettered",
                         static_cast<long long>(events)));
    result.end_row();
    return events;
}

// The owner may do what an admin may: workers run as him.
void make_admin(const char *owner) {
    static pg::Statement grant("SELECT scout.grant_access('admin'::text, $1::text::name)");
    (void)grant.run({pg::text(owner)});
}

void run(pg::Result &result, Oid owner, Oid caller) {
    static pg::Statement relations(
        "SELECT * FROM scout_internal.make_relations($1::text::name, $2::text::name)");
    static pg::Statement triggers("SELECT * FROM scout_internal.make_triggers()");
    const char *name = GetUserNameFromId(owner, false);
    Counts counts;
    pg::Session session(extension::extension_owner());
    pg::set_for_now("client_min_messages", "warning");
    // A place that the session's user has chosen is not his to fill with the rights of the extension's owner.
    pg::set_for_now("default_tablespace", "");
    pg::set_for_now("default_table_access_method", "heap");
    pg::Rows made = relations.run({pg::text(name), pg::text(GetUserNameFromId(caller, false))});
    emit(result, made, counts);
    make_admin(name);
    emit(result, triggers.run(), counts);

    pg::AsRole as_owner(owner);
    fill_views(made);
    const int64 seeded = seed(result);
    as_owner.end();

    audit::Json arguments, outcome;
    arguments.add("owner", name);
    outcome.add("created", counts.created)
        .add("adopted", counts.adopted)
        .add("handed_over", counts.handed_over)
        .add("events_queued", seeded);
    audit::record("create_pipeline", caller, arguments, counts.created > 0 ? "created" : "adopted", outcome);
    session.end();
    warn_of_no_login(owner);
}

}  // namespace

}  // namespace scout::layout

SCOUT_ACTION(scout_create_pipeline, 1) {
    using namespace scout;
    PreventCommandIfReadOnly("create_pipeline()");
    const Oid caller = GetUserId();
    const Oid owner = layout::owner_argument(fcinfo, caller);
    layout::check_owner(owner, caller);
    pg::Result result(fcinfo);
    layout::run(result, owner, caller);
    return static_cast<Datum>(0);
}
