// Quarantine: events leave silver and the queue for the dead-letter queue, in one transaction.
//
// Protocol
//   FLIGHT is taken alone: batches in flight finish first, new ones wait until this transaction ends,
//   so that no event is loaded while it is being quarantined.
//   Bronze keeps the event; while its letter is open nothing loads it but a redrive. Transactions that lose
//   their event get the best waiting duplicate.
//   dry_run does the same in a subtransaction that is rolled back: its counts are exact.
// Commit: letter, silver and queue change together. Abort, cancel, crash: nothing has changed.

#include "audit/caller.hpp"
#include "core/rules.hpp"
#include "extension/arguments.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "extension/rule_set.hpp"
#include "intake/pending.hpp"
#include "intake/queue.hpp"
#include "load/dead_letter.hpp"
#include "load/silver.hpp"
#include "pause/notices.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/jsonb_reader.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "recovery/open_writers.hpp"

namespace scout::recovery {

namespace {

struct Outcome {
    int64 events = 0, transactions = 0, lines = 0;
    TimestampTz first = 0, last = 0;
};

struct Target {
    pg::Array<int64> ids;
    TimestampTz first = 0, last = 0;
};

// Events of a selection that are not quarantined or discarded already. What a rule has dead-lettered is
// taken too: otherwise a reprocess, or the promotion of a duplicate, could load it.
#define NOT_QUARANTINED                                                                                  \
    " AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d WHERE d.event_id = b.event_id"               \
    " AND (d.status = 'discarded' OR d.status = 'open' AND d.last_error_code = 'QUARANTINE')) ORDER BY " \
    "b.event_id"

void collect(Target &target, const pg::Rows &rows) {
    for (uint64 i = 0; i < rows.count(); i++) {
        if ((i & 0xFFFF) == 0) CHECK_FOR_INTERRUPTS();
        const TimestampTz at = rows.timestamp(i, 2);
        if (target.ids.size() == 0) target.first = target.last = at;
        target.first = std::min(target.first, at);
        target.last = std::max(target.last, at);
        target.ids.push(rows.int8(i, 1));
    }
}

Target collect(const pg::Rows &rows) {
    Target target;
    collect(target, rows);
    return target;
}

Outcome quarantine(const Target &target, const char *message, const char *details, bool dry_run) {
    Outcome out;
    const TimestampTz started = GetCurrentTimestamp();
    ErrorData *error = pg::attempt(
        [&] {
            const int64 *ids = target.ids.begin();
            const size_t count = target.ids.size();
            pg::Array<std::string_view> transactions;
            load::BatchCounts counts;
            out.transactions = load::remove_silver(ids, count, transactions, out.lines);
            out.events = load::dead_letter_chosen(ids, count, "QUARANTINE", message, details);
            load::clear_warnings(ids, count);
            (void)intake::remove_from_queue(ids, count);
            load::promote_duplicates(transactions.begin(), transactions.size(), counts);
            counts.removed += out.transactions;
            counts.dead_lettered += out.events;
            if (out.transactions > 0) audit::record_run("quarantine", started, counts);
        },
        !dry_run);
    if (error != nullptr) ReThrowError(error);
    if (out.events > 0) {
        out.first = target.first;
        out.last = target.last;
    }
    return out;
}

// Audits the call and writes its one row.
void report(pg::Result &result, const char *action, Oid role, audit::Json &arguments, const Outcome &out,
            bool dry_run) {
    audit::Json counts;
    counts.add("events_quarantined", out.events)
        .add("transactions_removed", out.transactions)
        .add("line_items_removed", out.lines);
    arguments.add_bool("dry_run", dry_run);
    audit::record(action, role, arguments, dry_run ? "dry run" : "done", counts);
    result.int8(out.events).int8(out.transactions).int8(out.lines);
    if (out.events > 0)
        result.timestamp(out.first).timestamp(out.last);
    else
        result.null().null();
    result.boolean(dry_run);
    result.end_row();
}

const char *why(std::string_view reason) {
    audit::Json json;
    return json.add("reason", reason).add("by", audit::actor()).text();
}

// "A, B and C" of the rules that silver rows can break.
const char *silver_codes() {
    StringInfoData out;
    initStringInfo(&out);
    int left = core::silver_check_count;
    for (int i = 0; i < core::rule_count; i++) {
        const core::RuleInfo &info = core::rule_info(static_cast<core::Rule>(i));
        if (info.silver.rows == core::SilverCheck::Rows::none) continue;
        left--;
        appendStringInfo(&out, "%s%s", pg::c_string(info.code), left > 1 ? ", " : left == 1 ? " and " : "");
    }
    return out.data;
}

const core::RuleInfo &silver_rule(const char *code) {
    const core::RuleInfo *info = core::find_rule(code);
    if (info == nullptr || info->silver.rows == core::SilverCheck::Rows::none)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("there is no rule \"%s\" that silver rows can break", code),
                errhint("Valid rules are %s.", silver_codes()));
    return *info;
}

// The events whose silver rows, processed since then, break the rule as it is in force, switched on or off.
// What has no event in bronze cannot be quarantined.
Target breaking(const core::RuleInfo &rule, TimestampTz since) {
    constexpr int64 chunk = 100'000;
    const char *condition = extension::silver_condition(rule, extension::current_rules(), "b.ingested_at");
    if (rule.silver.rows == core::SilverCheck::Rows::lines)
        condition =
            psprintf("t.transaction_id IN (SELECT t.transaction_id FROM scout.silver_line_items t WHERE %s)",
                     condition);
    pg::Cursor cursor(psprintf("SELECT b.event_id, b.ingested_at FROM scout.silver_transactions t"
                               " JOIN scout.bronze_events b ON b.event_id = t.source_event_id"
                               " WHERE t.processed_at >= $1 AND (%s)" NOT_QUARANTINED,
                               condition),
                      {pg::timestamp(since)});
    Target target;
    for (pg::Rows rows = cursor.fetch(chunk); rows.count() > 0; rows = cursor.fetch(chunk)) {
        collect(target, rows);
        rows.free();
    }
    cursor.close();
    return target;
}

constexpr const char *reason_hint = "Say why: it stands in the dead letters and in the timeline.";

}  // namespace

}  // namespace scout::recovery

SCOUT_ACTION(scout_quarantine_window, 5) {
    using namespace scout;
    using namespace scout::recovery;
    extension::Window window = extension::window_argument(fcinfo, 0);
    extension::refuse_future(window);
    std::string_view reason = pg::required_text(fcinfo, 2, "reason", reason_hint);
    const char *source = pg::optional_text(fcinfo, 3);
    const bool dry_run = pg::flag(fcinfo, 4, "dry_run");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_alone);
    intake::flush_pending();
    static pg::Statement select(
        "SELECT b.event_id, b.ingested_at FROM scout.bronze_events b WHERE b.ingested_at >= $1"
        " AND b.ingested_at < $2"
        " AND ($3 IS NULL OR b.source_system = $3)" NOT_QUARANTINED);
    Target target = collect(
        select.run({pg::timestamp(window.start), pg::timestamp(window.end), pg::text_or_null(source)}));
    Outcome out = quarantine(target, pg::c_string(reason), why(reason), dry_run);
    warn_open_writers(window.end);
    audit::Json arguments;
    arguments.add_time("start_ts", window.start)
        .add_time("end_ts", window.end)
        .add("reason", reason)
        .add_or_null("source_system", source);
    report(result, "quarantine_window", role, arguments, out, dry_run);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_quarantine_events, 3) {
    using namespace scout;
    using namespace scout::recovery;
    pg::Array<int64> wanted = pg::id_argument(fcinfo, 0);
    pg::refuse_null(fcinfo, 0, "event_ids", "Give the ids as an array: ARRAY[17, 18].");
    std::string_view reason = pg::required_text(fcinfo, 1, "reason", reason_hint);
    const bool dry_run = pg::flag(fcinfo, 2, "dry_run");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_alone);
    intake::flush_pending();
    static pg::Statement select(
        "SELECT b.event_id, b.ingested_at FROM scout.bronze_events b"
        " WHERE b.event_id = ANY ($1)" NOT_QUARANTINED);
    Target target = collect(select.run({pg::int8_array(wanted.begin(), wanted.size())}));
    Outcome out = quarantine(target, pg::c_string(reason), why(reason), dry_run);
    if (target.ids.size() < wanted.size())
        ereport(NOTICE, errmsg("%zu of %zu events are not in bronze, or quarantined or discarded already",
                               wanted.size() - target.ids.size(), wanted.size()));
    audit::Json arguments;
    arguments.add("event_ids", intake::multirange_text(wanted.begin(), wanted.size())).add("reason", reason);
    report(result, "quarantine_events", role, arguments, out, dry_run);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_ACTION(scout_quarantine_failures, 4) {
    using namespace scout;
    using namespace scout::recovery;
    const char *code = pg::c_string(
        pg::required_text(fcinfo, 0, "rule", "Name a built-in rule, for example NEGATIVE_TOTAL."));
    const core::RuleInfo &rule = silver_rule(code);
    const core::Decimal hours =
        pg::decimal_argument(fcinfo, 1, "hours", 24 * 365 * 10, "For example 24 for the last day.");
    const bool dry_run = pg::flag(fcinfo, 2, "dry_run");
    const char *given = pg::optional_text(fcinfo, 3);
    const char *reason = given != nullptr ? given : psprintf("breaks rule %s", code);
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session(extension::require_pipeline());
    extension::acquire(extension::Lock::flight, extension::flight_alone);
    intake::flush_pending();
    const TimestampTz since =
        GetCurrentTimestamp() -
        static_cast<int64>(hours.units) * (3'600 * core::usecs_per_second / core::Decimal::one);
    const Target target = breaking(rule, since);
    audit::Json details;
    details.add("reason", reason).add("rule", code).add("by", audit::actor());
    Outcome out = quarantine(target, reason, details.text(), dry_run);
    audit::Json arguments;
    arguments.add("rule", code).add_time("since", since).add("reason", reason);
    report(result, "quarantine_failures", role, arguments, out, dry_run);
    session.end();
    return static_cast<Datum>(0);
}
