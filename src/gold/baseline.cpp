#include "gold/baseline.hpp"

#include "extension/installed.hpp"
#include "pg/relation.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "access/xact.h"
}

namespace scout::gold {

// A snapshot that is kept for the whole transaction is older than the counts: nothing is certain then. Nor is
// it where this transaction has made or emptied a source, because emptying it once more starts its count
// again.
void note_sources(const View &v, TimestampTz now) {
    static pg::Statement forget(
        "DELETE FROM scout_internal.gold_baselines b WHERE b.view_id = $1::bigint::oid"
        " OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = b.view_id)");
    static pg::Statement insert_baseline(
        "INSERT INTO scout_internal.gold_baselines (view_id, taken_at, snapshot, txid,"
        " last_run, epoch, unknown)"
        " VALUES ($1::bigint::oid, $2, pg_current_snapshot(), pg_current_xact_id(),"
        " (SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END"
        " FROM scout_internal.etl_runs_run_id_seq s),"
        " CASE WHEN NOT $3 THEN scout_internal.statistics_epoch() END, $4)");
    static pg::Statement sources(
        "INSERT INTO scout_internal.gold_sources SELECT m.* FROM scout_internal.gold_marks() m"
        " WHERE m.view_id = $1::bigint::oid AND m.source_id <> m.view_id RETURNING source_id::bigint");
    static pg::Statement distrust(
        "UPDATE scout_internal.gold_baselines SET epoch = NULL WHERE view_id = $1::bigint::oid");
    const pg::Param view = pg::int8(v.oid);
    const char *unknown = unwatchable(v.oid);
    pg::AsRole owner(extension::extension_owner());
    forget.run({view}).free();
    insert_baseline
        .run({view, pg::timestamp(now), pg::boolean(IsolationUsesXactSnapshot()), pg::text_or_null(unknown)})
        .free();
    pg::Rows rows = sources.run({view});
    bool emptied = false;
    for (uint64 i = 0; i < rows.count() && !emptied; i++)
        emptied = pg::has_new_file(static_cast<Oid>(rows.int8(i, 1)));
    rows.free();
    if (emptied) distrust.run({view}).free();
    owner.end();
}

void note_contents(const View &v) {
    static pg::Statement contents(
        "INSERT INTO scout_internal.gold_sources SELECT m.* FROM scout_internal.gold_marks() m"
        " WHERE m.view_id = $1::bigint::oid AND m.source_id = m.view_id");
    pg::AsRole owner(extension::extension_owner());
    contents.run({pg::int8(v.oid)}).free();
    owner.end();
}

void add_unreported(int64 job) {
    static pg::Statement pending(
        "SELECT FROM scout_internal.gold_sources s JOIN scout_internal.gold_baselines b"
        " ON b.view_id = s.view_id"
        " WHERE pg_stat_get_xact_tuples_inserted(s.source_id) + pg_stat_get_xact_tuples_updated(s.source_id)"
        " + pg_stat_get_xact_tuples_deleted(s.source_id) > 0 LIMIT 1");
    static pg::Statement add(
        "UPDATE scout_internal.gold_sources s SET writes = s.writes + "
        "pg_stat_get_xact_tuples_inserted(s.source_id)"
        " + pg_stat_get_xact_tuples_updated(s.source_id) + pg_stat_get_xact_tuples_deleted(s.source_id)"
        " FROM scout_internal.gold_views() v JOIN scout_internal.gold_refreshes g"
        " ON g.view_schema = v.view_schema AND"
        "  g.view_name = v.view_name JOIN scout_internal.gold_baselines b ON b.view_id = v.view_id"
        " WHERE g.job_id = $1 AND g.status = 'refreshed' AND b.taken_at = g.started_at"
        " AND s.view_id = v.view_id");
    if (IsolationUsesXactSnapshot()) return;
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = pending.read_latest();
    const bool any = rows.count() > 0;
    rows.free();
    if (any) add.run({pg::int8(job)}).free();
    owner.end();
}

}  // namespace scout::gold
