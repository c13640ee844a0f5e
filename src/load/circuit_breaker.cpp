#include "load/circuit_breaker.hpp"

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "extension/locks.hpp"
#include "extension/registry.hpp"
#include "load/decode.hpp"
#include "load/settings.hpp"
#include "pause/notices.hpp"
#include "pg/spi.hpp"

namespace scout::load {

void Outcomes::add(std::string_view source, std::string_view code, int64 event_id) {
    constexpr size_t look_back = 8;  // sources take turns, but there are few of them
    if (!code.empty()) failed_++;
    const size_t n = runs_.size();
    if (n > 0 && runs_[n - 1].source == source && runs_[n - 1].code == code) {
        runs_[n - 1].events++;
        runs_[n - 1].example = std::min(runs_[n - 1].example, event_id);
        return;
    }
    std::string_view kept;
    for (size_t i = n; i > 0 && i + look_back > n && kept.data() == nullptr; i--)
        if (runs_[i - 1].source == source) kept = runs_[i - 1].source;
    if (kept.data() == nullptr) {
        MemoryContext outer = MemoryContextSwitchTo(context_);
        kept = pg::keep(source);
        MemoryContextSwitchTo(outer);
    }
    runs_.push({kept, code, 1, event_id});
}

void Outcomes::add_failed_write(int64 event_id) {
    static pg::Statement find(
        "SELECT coalesce(b.source_system::text, '') FROM scout.bronze_events b WHERE b.event_id = $1",
        pg::Plan::by_index);
    pg::Rows rows = find.run({pg::int8(event_id)});
    if (rows.count() > 0) add(rows.text(0, 1), write_failed, event_id);
    rows.free();
}

namespace {

constexpr size_t most_named = 5;  // codes, and examples

struct Count {
    std::string_view code;  // empty: did not fail
    int64 events, example;  // example 0: of an earlier batch
};

// One source, as far as it is counted.
struct Sample {
    std::string_view source;
    pg::Array<Count> counts;
    int64 events = 0, failed = 0;
    TimestampTz since = 0;  // 0: begins with this batch

    void add(std::string_view code, int64 n, int64 example) {
        events += n;
        if (!code.empty()) failed += n;
        for (Count &c : counts) {
            if (c.code != code) continue;
            c.events += n;
            if (example != 0) c.example = c.example == 0 ? example : std::min(c.example, example);
            return;
        }
        counts.push({code, n, example});
    }
};

bool contains(const pg::Array<std::string_view> &sources, std::string_view source) {
    return std::find(sources.begin(), sources.end(), source) != sources.end();
}

pg::Array<std::string_view> counted_sources() {
    static pg::Statement look("SELECT DISTINCT c.source_system FROM scout_internal.circuit_breaker_counts c");
    pg::Array<std::string_view> sources;
    pg::AsRole owner(extension::extension_owner());
    look.each({}, [&sources](const pg::Row &row) { sources.push(pg::keep(row.text(1))); });
    owner.end();
    return sources;
}

// Claims what was counted of the source, and adds it.
void claim_counts(Sample &w, bool add) {
    static pg::Statement claim(
        "DELETE FROM scout_internal.circuit_breaker_counts c WHERE c.count_id IN (SELECT x.count_id FROM"
        " scout_internal.circuit_breaker_counts x WHERE x.source_system = $1 FOR UPDATE SKIP LOCKED)"
        " RETURNING coalesce(c.error_code, ''), c.events, c.since,"
        " c.since > clock_timestamp() - interval '1 day'");
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = claim.run({pg::text(w.source)});
    for (uint64 i = 0; add && i < rows.count(); i++) {
        if (!rows.boolean(i, 4)) continue;
        const TimestampTz since = rows.timestamp(i, 3);
        w.since = w.since == 0 ? since : std::min(w.since, since);
        w.add(pg::keep(rows.text(i, 1)), rows.int8(i, 2), 0);
    }
    rows.free();
    owner.end();
}

void put_counts(const Sample &w) {
    static pg::Statement put(
        "INSERT INTO scout_internal.circuit_breaker_counts (source_system, error_code, events, since)"
        " SELECT $1, nullif(c.code, ''), c.events, $4"
        " FROM unnest($2::text[], $3::bigint[]) AS c(code, events)");
    pg::Column codes(TEXTOID, w.counts.size()), events(INT8OID, w.counts.size());
    for (const Count &c : w.counts) {
        codes.add_text(c.code);
        events.add(Int64GetDatum(c.events));
    }
    pg::AsRole owner(extension::extension_owner());
    put.run({pg::text(w.source), codes.param(), events.param(),
             pg::timestamp(w.since == 0 ? GetCurrentTimestamp() : w.since)});
    owner.end();
}

bool too_many(const Sample &w) {
    const core::int128 failed = w.failed;
    return w.failed == w.events ||
           failed * 100 > static_cast<core::int128>(w.events) * circuit_breaker_threshold;
}

Trip trip_of(Sample &w) {
    std::sort(w.counts.begin(), w.counts.end(), [](const Count &a, const Count &b) {
        return a.events != b.events ? a.events > b.events : a.code < b.code;
    });
    StringInfoData what, examples;
    initStringInfo(&what);
    initStringInfo(&examples);
    appendStringInfo(&what,
                     INT64_FORMAT " of " INT64_FORMAT " events (%d %%) of source \"%s\" failed:", w.failed,
                     w.events, static_cast<int>(w.failed * 100.0 / w.events), pg::c_string(w.source));
    size_t codes = 0, shown = 0;
    for (const Count &c : w.counts) {
        if (c.code.empty()) continue;
        if (++codes <= most_named)
            appendStringInfo(&what, "%s %s " INT64_FORMAT, codes > 1 ? "," : "", pg::c_string(c.code),
                             c.events);
        if (c.example != 0 && ++shown <= most_named)
            appendStringInfo(&examples, "%s" INT64_FORMAT, shown > 1 ? ", " : "", c.example);
    }
    if (codes > most_named) appendStringInfo(&what, " and %zu more codes", codes - most_named);
    return {w.source, what.data, examples.data, w.events, w.failed};
}

// What the batch has of one source, from `first` on; returns where the next one begins.
const Outcomes::Run *gather(const Outcomes::Run *first, const Outcomes::Run *end, Sample &w) {
    w.source = first->source;
    for (; first != end && first->source == w.source; first++)
        w.add(first->code, first->events, first->example);
    return first;
}

const char *alert_key(const char *source) {
    return psprintf("circuit_breaker:%s", source);
}

bool is_paused_by_breaker(std::string_view source) {
    pg::Array<pause::Pause> pauses;
    pause::read_pauses(pauses);
    for (const pause::Pause &p : pauses)
        if (p.source != nullptr && source == p.source && strcmp(p.holder, pause::circuit_breaker_holder) == 0)
            return true;
    return false;
}

}  // namespace

void judge(Outcomes &outcomes, const pg::Array<std::string_view> &paused, pg::Array<Trip> &trips) {
    if (outcomes.runs().empty()) return;
    const pg::Array<std::string_view> counted = counted_sources();
    if (outcomes.failed() == 0 && counted.empty()) return;
    std::sort(outcomes.runs().begin(), outcomes.runs().end(),
              [](const Outcomes::Run &a, const Outcomes::Run &b) { return a.source < b.source; });
    const Outcomes::Run *end = outcomes.runs().end();
    for (const Outcomes::Run *next = outcomes.runs().begin(); next != end;) {
        CHECK_FOR_INTERRUPTS();
        Sample w;
        next = gather(next, end, w);
        if (contains(paused, w.source)) continue;
        const bool enough = w.events >= circuit_breaker_minimum, fails_now = w.failed > 0;
        if (contains(counted, w.source)) claim_counts(w, !enough);
        // Nothing more to count, and nothing wrong: what was counted is gone.
        if (w.failed == 0 || (w.events >= circuit_breaker_minimum && !too_many(w))) continue;
        // Good events alone do not pause their source, whatever failed before them.
        if (w.events >= circuit_breaker_minimum && fails_now)
            trips.push(trip_of(w));
        else
            put_counts(w);
    }
}

void open_breaker(const Trip &trip) {
    const char *source = pg::c_string(trip.source);
    if (!extension::acquire(extension::Lock::breaker, ExclusiveLock, false) ||
        is_paused_by_breaker(trip.source)) {
        ereport(WARNING,
                errmsg("circuit breaker: source \"%s\" is left out: another session pauses it", source),
                errdetail_internal("%s.", trip.what));
        return;
    }
    pause::write_pause(source, pause::circuit_breaker_holder, psprintf("circuit breaker: %s", trip.what),
                       false, 0);
    audit::Json arguments, counts;
    arguments.add("source_system", trip.source)
        .add("reason", trip.what)
        .add("example_events", trip.examples)
        .add("threshold_percent", static_cast<int64>(circuit_breaker_threshold))
        .add("minimum_events", static_cast<int64>(circuit_breaker_minimum));
    counts.add("events", trip.events).add("failed", trip.failed);
    audit::record("circuit_breaker", GetUserId(), arguments, "paused", counts);
    const char *remedy = psprintf(
        "Look at what fails (SELECT * FROM scout.bronze_events WHERE event_id IN (%s); SELECT * FROM"
        " scout.dlq_summary()), mend its cause, then %s",
        trip.examples, pause::how_to_resume(source));
    extension::raise_alert({alert_key(source), "circuit_breaker", "critical", source,
                            psprintf("Loading is paused: %s", trip.what), remedy});
    ereport(
        WARNING, errmsg("circuit breaker: loading of source \"%s\" is paused", source),
        errdetail_internal("%s. What this batch had of them stays in the queue.", trip.what),
        errhint(
            "Look at events %s of scout.bronze_events and mend what is wrong, then: %s. To have them as dead "
            "letters, load with force => true.",
            trip.examples, pause::how_to_resume(source)));
}

void pause_lifted(const char *source, const char *holder) {
    if (source == nullptr || strcmp(holder, pause::circuit_breaker_holder) != 0) return;
    Sample counted;
    counted.source = source;
    claim_counts(counted, false);
    extension::resolve_alert(alert_key(source));
}

void warn_open_breakers() {
    pg::Array<pause::Pause> pauses;
    pause::read_pauses(pauses);
    for (const pause::Pause &p : pauses)
        if (pause::is_circuit_breaker(p)) pause::warn_paused(p);
}

}  // namespace scout::load
