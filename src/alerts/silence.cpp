// silence() and unsilence(): alerts that somebody does not want to hear of, for a while.
//
// A silence is a row with an end; whether it holds is asked by whoever looks (alert_list()), so nothing has
// to end it. Commit: the row and its entry in the timeline. Abort, crash: neither.

#include "alerts/arguments.hpp"
#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::alerts {

namespace {

constexpr TimestampTz longest = 30 * USECS_PER_DAY;

[[noreturn]] void refuse_end(const char *name, const char *what) {
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s %s", name, what),
            errhint("A silence ends within 30 days: duration => '2 hours', or until => a time to come. "
                    "Call again to prolong it."));
    pg_unreachable();
}

// Days and months are added up, not laid on the calendar.
TimestampTz end_after(const Interval *duration, TimestampTz now) {
    const core::int128 length = pg::microseconds_of(duration);
    if (length <= 0) refuse_end("duration", "must be positive");
    if (length > longest) refuse_end("duration", "must be at most 30 days");
    return now + static_cast<TimestampTz>(length);
}

TimestampTz end_argument(FunctionCallInfo fcinfo, int duration, int until) {
    if (PG_ARGISNULL(duration) == PG_ARGISNULL(until))
        ereport(
            ERROR,
            errcode(PG_ARGISNULL(until) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
            PG_ARGISNULL(until) ? errmsg("duration or until must be given")
                                : errmsg("give either duration or until"),
            errhint("A silence ends by itself: duration => '2 hours', or until => a time to come."));
    const TimestampTz now = GetCurrentTimestamp();
    if (!PG_ARGISNULL(duration)) return end_after(PG_GETARG_INTERVAL_P(duration), now);
    const TimestampTz end = PG_GETARG_TIMESTAMPTZ(until);
    if (end <= now) refuse_end("until", "is in the past");
    if (TIMESTAMP_NOT_FINITE(end) || end - now > longest) refuse_end("until", "must be within 30 days");
    return end;
}

int64 matching(pg::Param source, pg::Param severity, pg::Param pattern) {
    static pg::Statement count(
        "SELECT count(*) FROM scout_internal.alerts a WHERE a.state <> 'resolved'"
        " AND ($1 IS NULL OR a.source = $1)"
        " AND ($2 IS NULL OR a.severity = $2) AND ($3 IS NULL OR a.subject LIKE $3)");
    pg::Rows rows = count.run({source, severity, pattern});
    const int64 out = rows.int8(0, 1);
    rows.free();
    return out;
}

}  // namespace

}  // namespace scout::alerts

SCOUT_ACTION(scout_silence, 7) {
    using namespace scout;
    using namespace scout::alerts;
    constexpr const char *function = "silence";
    static pg::Statement insert(
        "INSERT INTO scout_internal.silences (source, severity, subject_pattern, reason,"
        " created_at, created_by, ends_at)"
        " VALUES ($1, $2, $3, $4, clock_timestamp(), $5, $6) RETURNING silence_id");
    const char *source = source_argument(fcinfo, 0);
    const char *severity = severity_argument(fcinfo, 1);
    const char *pattern = pg::pattern_argument(fcinfo, 2, "subject", "bronze%");
    const TimestampTz end = end_argument(fcinfo, 3, 4);
    const std::string_view reason =
        pg::required_text(fcinfo, 5, "reason", "Say why: it stands in v_silences and the timeline.");
    const bool everything = pg::flag(fcinfo, 6, "everything");
    const bool matches_all = source == nullptr && severity == nullptr && pattern == nullptr;
    if (everything != matches_all)
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            everything ? errmsg("everything contradicts source, severity and subject")
                       : errmsg("nothing says which alerts"),
            errhint("Give source, severity or subject (a pattern of LIKE), or everything => true alone."));

    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const char *actor = audit::actor();
    const pg::Param by_source = pg::text_or_null(source), by_severity = pg::text_or_null(severity),
                    by_subject = pg::text_or_null(pattern);
    pg::AsRole owner(extension::extension_owner());
    const int64 id =
        insert
            .run({by_source, by_severity, by_subject, pg::text(reason), pg::text(actor), pg::timestamp(end)})
            .int8(0, 1);
    const int64 alerts = matching(by_source, by_severity, by_subject);
    owner.end();
    audit::Json arguments, counts;
    arguments.add_or_null("source", source)
        .add_or_null("severity", severity)
        .add_or_null("subject", pattern)
        .add_time("ends_at", end)
        .add("reason", reason)
        .add_bool("everything", everything);
    counts.add("silence_id", id).add("alerts", alerts);
    audit::record(function, role, arguments, "silenced", counts);
    result.int8(id).text_or_null(source).text_or_null(severity).text_or_null(pattern).timestamp(end).int8(
        alerts);
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_unsilence, 1) {
    using namespace scout;
    static pg::Statement find(
        "SELECT s.ends_at, s.ends_at > clock_timestamp() FROM scout_internal.silences s"
        " WHERE s.silence_id = $1 FOR UPDATE");
    static pg::Statement end(
        "UPDATE scout_internal.silences s SET ends_at = clock_timestamp(), ended_by = $2"
        " WHERE s.silence_id = $1"
        " RETURNING s.ends_at");
    pg::refuse_null(fcinfo, 0, "silence_id",
                    "SELECT * FROM scout.v_silences WHERE active; shows what is silenced.");
    const int64 id = PG_GETARG_INT64(0);
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    const char *actor = audit::actor();
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = find.run({pg::int8(id)});
    if (rows.count() == 0)
        ereport(ERROR, errcode(ERRCODE_NO_DATA_FOUND),
                errmsg("there is no silence %lld", static_cast<long long>(id)),
                errhint("SELECT * FROM scout.v_silences WHERE active; shows what is silenced."));
    const bool active = rows.boolean(0, 2);
    if (active) rows = end.run({pg::int8(id), pg::text(actor)});
    owner.end();
    const char *status = active ? "ended" : "over";
    audit::Json arguments, counts;
    arguments.add("silence_id", id);
    audit::record("unsilence", role, arguments, status, counts);
    result.int8(id).text(status).timestamp(rows.timestamp(0, 1));
    result.end_row();
    session.end();
    return static_cast<Datum>(0);
}
