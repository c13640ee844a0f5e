#include "audit/runs.hpp"

#include "extension/installed.hpp"
#include "pg/spi.hpp"

namespace scout::audit {

void record_run(const char *kind, TimestampTz started, const RunCounts &counts) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.etl_runs (kind, started_at, finished_at, duration_ms, events_processed,"
        " transactions_created, transactions_updated, transactions_removed,"
        " line_items_created, events_dead_lettered,"
        " write_path) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    static constexpr std::string_view paths[] = {"none", "native", "general", "mixed"};
    TimestampTz finished = GetCurrentTimestamp();
    pg::AsRole owner(extension::extension_owner());
    insert.run({pg::text(kind), pg::timestamp(started), pg::timestamp(finished),
                pg::datum(NUMERICOID, pg::numeric_milliseconds(finished - started)),
                pg::int8(counts.processed), pg::int8(counts.created), pg::int8(counts.updated),
                pg::int8(counts.removed), pg::int8(counts.lines), pg::int8(counts.dead_lettered),
                pg::text(paths[counts.paths])});
    owner.end();
}

}  // namespace scout::audit
