// apply_retention(): what the end of jobs and the supervisor do bit by bit, now, and by an age of the
// caller's.
//
// Commit: rows and their entry in the timeline. Abort, crash: nothing has happened. See audit/retention.hpp.

#include "audit/caller.hpp"
#include "audit/retention.hpp"
#include "extension/registry.hpp"
#include "extension/settings.hpp"
#include "extension/tiers.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::supervisor {

namespace {

// The timeline is history, too: an operator does not make it shorter than the setting says.
TimestampTz asked_cutoff(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0)) return audit::cutoff_of_setting();
    const TimestampTz cutoff = pg::ago_argument(fcinfo, 0, "older_than");
    if ((extension::history_retention == 0 || cutoff > audit::cutoff_of_setting()) && !extension::is_admin())
        ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                errmsg("permission denied to remove history that scout_ir.history_retention keeps"),
                errdetail("The timeline and the runs are the audit of what operators do."),
                errhint("Leave older_than out, or ask an admin."));
    return cutoff;
}

// What was swept of a table: it may have several histories.
struct Swept {
    const char *table;
    int64 rows;
};

Swept &swept_of(pg::Array<Swept> &tables, const char *table) {
    for (Swept &s : tables)
        if (strcmp(s.table, table) == 0) return s;
    return tables.push({table, 0});
}

}  // namespace

}  // namespace scout::supervisor

SCOUT_ACTION(scout_apply_retention, 3) {
    using namespace scout;
    using namespace scout::supervisor;
    const bool dry_run = pg::flag(fcinfo, 1, "dry_run");
    const int32 max_rows = pg::count_argument(fcinfo, 2, "max_rows", PG_INT32_MAX);
    const TimestampTz asked = asked_cutoff(fcinfo);
    const bool by_setting = PG_ARGISNULL(0), keeps_all = by_setting && extension::history_retention == 0;
    if (keeps_all)
        ereport(NOTICE, errmsg("scout_ir.history_retention is 0: history is kept for ever"),
                errhint("Give older_than to remove some of it."));

    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    pg::Array<Swept> tables;
    extension::for_each(&extension::Capability::histories,
                        [&](const extension::Capability &, const extension::History &h) {
                            CHECK_FOR_INTERRUPTS();
                            Swept &s = swept_of(tables, h.table);
                            if (keeps_all) return;
                            const TimestampTz cutoff = by_setting ? audit::cutoff_of_setting(h) : asked;
                            s.rows += audit::sweep(h, cutoff, max_rows - s.rows, dry_run);
                        });
    audit::Json arguments, counts;
    arguments.add_time("older_than", asked)
        .add_bool("dry_run", dry_run)
        .add("max_rows", static_cast<int64>(max_rows));
    for (const Swept &s : tables) {
        counts.add(s.table, s.rows);
        result.text(s.table).int8(s.rows).boolean(s.rows == max_rows).boolean(dry_run);
        result.end_row();
    }
    audit::record("apply_retention", role, arguments, dry_run ? "dry run" : "done", counts);
    session.end();
    return static_cast<Datum>(0);
}
