// check_alerts(): looks at every source, raises what is wrong, resolves what has ended.
//
// Each source that the registry names is asked in a subtransaction of its own. One that fails is
// an alert itself, "check:<source>", and none of its alerts ends by that. Then all keys, those that are wrong
// and those that were, are gone through in byte order, so that two raisers do not deadlock. One check at a
// time: ALERTS is held to the end of the transaction. What says the same all through an hour is asked once in
// each.
//
// Commit publishes all alerts together; abort, cancel and crash leave what was, and the next check finds it
// again. A source without a function of conditions is not judged here: it resolves its own.

#include "alerts/alert.hpp"
#include "alerts/jobs.hpp"
#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/locks.hpp"
#include "extension/pipeline.hpp"
#include "extension/registry.hpp"
#include "jobs/chunks.hpp"
#include "jobs/kind.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/memory.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::alerts {

namespace {

// A key and what is to become of it: raised where there is a condition, otherwise it has ended.
struct Step {
    std::string_view key;
    const Condition *condition;
};

class Check {
public:
    void look();
    void apply();
    void record(Oid role) const;
    void emit(pg::Result &result) const;
    int64 changes() const {
        return count(Transition::opened) + count(Transition::escalated) + count(Transition::resolved);
    }

private:
    int64 count(Transition what) const {
        return std::count_if(changes_.begin(), changes_.end(),
                             [what](const Change &c) { return c.what == what; });
    }
    void look_at(const extension::AlertSource &source);
    void read_conditions(const extension::AlertSource &source);
    void add_ended();

    MemoryContext keep_ = CurrentMemoryContext;
    pg::Array<Condition> conditions_;
    pg::Array<std::string_view> judged_;  // sources that were asked and answered
    pg::Array<Step> steps_;
    pg::Array<Change> changes_;
};

bool is_due(const extension::AlertSource &source) {
    static pg::Statement this_hour(
        "SELECT FROM scout_internal.alert_checks c WHERE c.source = $1 AND c.error_sqlstate IS NULL"
        " AND c.checked_at >= date_trunc('hour', statement_timestamp())"
        " AND c.checked_at <= clock_timestamp()");
    if (!source.hourly) return true;
    pg::Rows rows = this_hour.run({pg::text(source.name)});
    const bool done = rows.count() > 0;
    rows.free();
    return !done;
}

void note_look(const char *source, TimestampTz began, int64 conditions, const ErrorData *error) {
    static pg::Statement note(
        "INSERT INTO scout_internal.alert_checks AS c (source, checked_at, duration_ms,"
        " conditions, error_sqlstate)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source) DO UPDATE SET checked_at = excluded.checked_at,"
        " duration_ms = excluded.duration_ms, conditions = excluded.conditions,"
        " error_sqlstate = excluded.error_sqlstate");
    pg::AsRole owner(extension::extension_owner());
    note.run({pg::text(source), pg::timestamp(began),
              pg::datum(NUMERICOID, pg::numeric_milliseconds(GetCurrentTimestamp() - began)),
              error == nullptr ? pg::int4(static_cast<int32>(conditions)) : pg::null_of(INT4OID),
              pg::text_or_null(error == nullptr ? nullptr : unpack_sql_state(error->sqlerrcode))});
    owner.end();
}

void Check::read_conditions(const extension::AlertSource &source) {
    pg::Rows rows = pg::run_text(psprintf(
        "SELECT c.dedup_key, c.severity, c.subject, c.summary, c.remedy, c.source_system, c.of_pipeline"
        " FROM scout_internal.%s() c",
        quote_identifier(source.conditions)));
    MemoryContext outer = MemoryContextSwitchTo(keep_);
    for (uint64 i = 0; i < rows.count(); i++) {
        CHECK_FOR_INTERRUPTS();
        auto text = [&](int column) {
            return rows.is_null(i, column) ? std::string_view()
                                           : std::string_view(pg::c_string(rows.text(i, column)));
        };
        conditions_.push(
            {text(1), source.name, text(2), text(3), text(4), text(5), text(6), rows.boolean(i, 7)});
    }
    MemoryContextSwitchTo(outer);
    rows.free();
}

void Check::look_at(const extension::AlertSource &source) {
    const TimestampTz began = GetCurrentTimestamp();
    const size_t before = conditions_.size();
    const ErrorData *error = pg::attempt_step([&] { read_conditions(source); });
    note_look(source.name, began, static_cast<int64>(conditions_.size() - before), error);
    if (error == nullptr) {
        judged_.push(source.name);
        return;
    }
    conditions_.truncate(before);
    // Readers see the alert; what the error quotes is not for all of them.
    ereport(LOG_SERVER_ONLY, errcode(error->sqlerrcode),
            errmsg("alerts of \"%s\" could not be checked: %s", source.name, error->message),
            error->detail != nullptr ? errdetail_internal("%s", error->detail) : 0);
    conditions_.push(
        {psprintf("check:%s", source.name), "health", "warning", source.name,
         psprintf("could not be checked (SQLSTATE %s)", unpack_sql_state(error->sqlerrcode)),
         error->sqlerrcode == ERRCODE_UNDEFINED_TABLE && !OidIsValid(extension::relation_oid("bronze_events"))
             ? "SELECT * FROM scout.create_pipeline();"
             : psprintf("SELECT * FROM scout_internal.%s();", source.conditions),
         {}, false, source.name});
}

void Check::look() {
    extension::for_each(&extension::Capability::alert_sources,
                        [this](const extension::Capability &, const extension::AlertSource &source) {
                            CHECK_FOR_INTERRUPTS();
                            if (source.conditions != nullptr && is_due(source)) look_at(source);
                        });
}

// Of what is open: what was not seen although its source was asked, and what ended before and is kept no
// longer.
void Check::add_ended() {
    static pg::Statement open(
        "SELECT a.dedup_key FROM scout_internal.alerts a WHERE a.state <> 'resolved'"
        " AND a.dedup_key <> ALL ($1) AND"
        " (coalesce(a.failed_source, a.source) = ANY ($2)"
        "  OR a.ended_at IS NOT NULL AND a.keep_until <= clock_timestamp())",
        pg::Plan::by_index);
    pg::Array<std::string_view> seen;
    for (const Condition &c : conditions_) seen.push(c.dedup_key);
    pg::Rows rows = open.run(
        {pg::text_array(seen.begin(), seen.size()), pg::text_array(judged_.begin(), judged_.size())});
    for (uint64 i = 0; i < rows.count(); i++) steps_.push({pg::c_string(rows.text(i, 1)), nullptr});
    rows.free();
}

void Check::apply() {
    for (const Condition &c : conditions_) steps_.push({c.dedup_key, &c});
    add_ended();
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const Step &a, const Step &b) { return a.key < b.key; });
    std::string_view last;
    for (const Step &step : steps_) {
        CHECK_FOR_INTERRUPTS();
        if (step.key == last) continue;  // names with a slash may make one key of two
        last = step.key;
        changes_.push(step.condition != nullptr ? raise(*step.condition) : resolve(step.key));
    }
}

// What has not changed is not worth an entry a minute.
void Check::record(Oid role) const {
    if (changes() == 0) return;
    audit::Json arguments, counts;
    counts.add("opened", count(Transition::opened))
        .add("escalated", count(Transition::escalated))
        .add("repeated", count(Transition::repeated))
        .add("resolved", count(Transition::resolved));
    audit::record("check_alerts", role, arguments, "changed", counts);
}

const char *name_of(Transition what) {
    switch (what) {
        case Transition::opened: return "opened";
        case Transition::repeated: return "repeated";
        case Transition::escalated: return "escalated";
        case Transition::ending: return "ending";
        case Transition::resolved: return "resolved";
        case Transition::none: break;
    }
    return "none";
}

void Check::emit(pg::Result &result) const {
    static pg::Statement shown(
        "SELECT a.alert_id, CASE WHEN s.cause IS NOT NULL"
        " AND c.transition IN ('opened', 'repeated', 'escalated')"
        "  THEN 'suppressed' ELSE c.transition END, a.severity, a.state, a.source,"
        " a.subject, a.summary, s.cause,"
        " a.dedup_key FROM scout.alert_list() WITH ORDINALITY a"
        " JOIN unnest($1::bigint[], $2::text[]) c(alert_id, transition) ON c.alert_id = a.alert_id"
        " CROSS JOIN LATERAL (SELECT coalesce(a.inhibited_by, 'silence ' || a.silence_id) AS cause) s"
        " ORDER BY a.ordinality");
    constexpr int columns = 9;
    pg::Column ids(INT8OID, changes_.size()), names(TEXTOID, changes_.size());
    for (const Change &c : changes_) {
        ids.add(Int64GetDatum(c.alert));
        names.add_text(name_of(c.what));
    }
    pg::Rows rows = shown.run({ids.param(), names.param()});
    for (uint64 i = 0; i < rows.count(); i++) {
        for (int column = 1; column <= columns; column++) {
            bool null;
            const Datum value = rows.value(i, column, null);
            null ? result.null() : result.datum(value);
        }
        result.end_row();
    }
    rows.free();
}

int64 freeze(const jobs::Job &job) {
    pg::Session session;
    pg::Array<jobs::Chunk> chunks;
    chunks.push({0, 0, 0, nullptr});
    jobs::add_chunks(job.id, chunks);
    session.end();
    return 1;
}

// A check that is under way makes this one superfluous.
jobs::Turn turn(const jobs::Job &job, jobs::Progress &progress) {
    jobs::Chunk chunk;
    if (!jobs::claim_chunk(job.id, chunk)) return jobs::Turn::nothing_left;
    if (extension::acquire(extension::Lock::alerts, ExclusiveLock, false)) {
        Check check;
        check.look();
        check.apply();
        check.record(GetUserId());
    }
    jobs::finish_chunk(job.id, chunk);
    progress.done = 1;
    return jobs::Turn::worked;
}

}  // namespace

const jobs::Kind check_kind{"check_alerts", "checks", freeze, turn, nullptr};

}  // namespace scout::alerts

SCOUT_ACTION(scout_check_alerts, 1) {
    using namespace scout;
    using namespace scout::alerts;
    PreventCommandIfReadOnly("check_alerts()");
    const bool skip = pg::flag(fcinfo, 0, "skip_if_running");
    const Oid role = GetUserId();
    pg::Result result(fcinfo);
    pg::Session session;
    if (!extension::acquire(extension::Lock::alerts, ExclusiveLock, !skip)) {
        ereport(NOTICE, errmsg("alerts are being checked by another session: nothing was done"));
    } else {
        Check check;
        check.look();
        check.apply();
        check.record(role);
        check.emit(result);
    }
    session.end();
    return static_cast<Datum>(0);
}
