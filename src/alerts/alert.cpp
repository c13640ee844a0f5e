#include "alerts/alert.hpp"

#include "alerts/settings.hpp"
#include "extension/installed.hpp"
#include "extension/registry.hpp"
#include "pg/spi.hpp"

namespace scout::alerts {

namespace {

// An update first, so that a repetition takes no number from the sequence.
pg::Statement count_again(
    "UPDATE scout_internal.alerts a SET count = a.count + 1, last_seen = $2,"
    " keep_until = $2 + make_interval(secs => $3), ended_at = NULL, subject = $5, summary = $6, remedy = $7,"
    " source_system = $8, of_pipeline = $9"
    " WHERE a.dedup_key = $1 AND a.state <> 'resolved'"
    " RETURNING a.alert_id, $4 = 'critical' AND a.severity <> 'critical'",
    pg::Plan::by_index);

// Whoever acknowledged the warning has not seen that it is critical now.
pg::Statement escalate(
    "UPDATE scout_internal.alerts a SET severity = 'critical', escalated_at = $2, state = 'firing',"
    " acknowledged_at = NULL, acknowledged_by = NULL, acknowledged_note = NULL WHERE a.alert_id = $1",
    pg::Plan::by_index);

pg::Statement open_new(
    "INSERT INTO scout_internal.alerts (dedup_key, source, severity, subject, summary, remedy, source_system,"
    " of_pipeline, failed_source, first_seen, last_seen, keep_until)"
    " VALUES ($1, $10, $4, $5, $6, $7, $8, $9, $11, $2, $2, $2 + make_interval(secs => $3))"
    " ON CONFLICT (dedup_key) WHERE state <> 'resolved' DO NOTHING RETURNING alert_id");

pg::Statement end(
    "UPDATE scout_internal.alerts a SET ended_at = coalesce(a.ended_at, $2),"
    " state = CASE WHEN a.keep_until <= $2 THEN 'resolved' ELSE a.state END,"
    " resolved_at = CASE WHEN a.keep_until <= $2 THEN $2 END"
    " WHERE a.dedup_key = $1 AND a.state <> 'resolved' RETURNING a.alert_id, a.state = 'resolved'",
    pg::Plan::by_index);

void require_known(const Condition &c) {
    bool known = false;
    extension::for_each(&extension::Capability::alert_sources,
                        [&](const extension::Capability &, const extension::AlertSource &s) {
                            known = known || c.source == s.name;
                        });
    if (!known || (c.severity != "warning" && c.severity != "critical"))
        elog(ERROR, "no source or severity of an alert");
}

}  // namespace

Change raise(const Condition &c) {
    require_known(c);
    const pg::Param now = pg::timestamp(GetCurrentTimestamp()),
                    keep = pg::datum(FLOAT8OID, Float8GetDatum(keep_firing_for)), key = pg::text(c.dedup_key),
                    severity = pg::text(c.severity), subject = pg::text(c.subject),
                    summary = pg::text(c.summary), remedy = pg::text(c.remedy),
                    system = c.source_system.empty() ? pg::null_of(TEXTOID) : pg::text(c.source_system),
                    own = pg::boolean(c.of_pipeline);
    Change change{Transition::none, 0};
    pg::AsRole owner(extension::extension_owner());
    while (change.what == Transition::none) {  // until nobody opens or resolves it in between
        CHECK_FOR_INTERRUPTS();
        pg::Rows rows = count_again.run({key, now, keep, severity, subject, summary, remedy, system, own});
        if (rows.count() > 0) {
            change = {rows.boolean(0, 2) ? Transition::escalated : Transition::repeated, rows.int8(0, 1)};
            if (change.what == Transition::escalated) (void)escalate.run({pg::int8(change.alert), now});
        } else {
            rows = open_new.run({key, now, keep, severity, subject, summary, remedy, system, own,
                                 pg::text(c.source),
                                 c.failed_source.empty() ? pg::null_of(TEXTOID) : pg::text(c.failed_source)});
            if (rows.count() > 0) change = {Transition::opened, rows.int8(0, 1)};
        }
        rows.free();
    }
    owner.end();
    return change;
}

Change resolve(std::string_view dedup_key) {
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = end.run({pg::text(dedup_key), pg::timestamp(GetCurrentTimestamp())});
    owner.end();
    if (rows.count() == 0) return {Transition::none, 0};
    const Change change{rows.boolean(0, 2) ? Transition::resolved : Transition::ending, rows.int8(0, 1)};
    rows.free();
    return change;
}

}  // namespace scout::alerts
