#include "intake/event_state.hpp"

#include "pg/memory.hpp"
#include "pg/spi.hpp"

namespace scout::intake {

const char *event_state(int64 event_id, const EventHash &hash) {
    // VOLATILE reading: rows that the current command has inserted so far count too.
    static pg::Statement query(
        "SELECT CASE"
        " WHEN EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = $1"
        " AND b.event_hash <> $2) THEN ''"
        " WHEN d.status = 'open' THEN 'dead-lettered (' || coalesce(d.last_error_code, d.error_code) || ')'"
        " WHEN d.status = 'discarded' THEN 'discarded'"
        " WHEN EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = $1) THEN 'processed'"
        " WHEN EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = $1) THEN 'pending'"
        " WHEN d.status IS NOT NULL THEN d.status ELSE '' END"
        " FROM (VALUES ($1)) v(event_id) LEFT JOIN scout.bronze_events_dlq d ON d.event_id = v.event_id");
    pg::Rows rows = query.run({pg::int8(event_id), pg::datum(BYTEAOID, PointerGetDatum(to_bytea(hash)))});
    return pg::c_string(rows.text(0, 1));
}

}  // namespace scout::intake
