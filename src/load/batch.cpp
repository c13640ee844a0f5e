// How a batch is taken through: fetch, decode, choose winners, write, dead-letter, promote.
//
// Two valid events of one transaction_id have a winner that does not depend on the order in which
// they come (silver.cpp). Whoever loses its place in silver to a rule, a better event or a correction
// of its transaction_id leaves a transaction without an event: the best waiting duplicate is promoted.
//
// Commit: silver rows, dead letters, queue and etl_runs row appear together. Abort and crash: the queue
// has the events again. A data error in one event rolls back the subtransaction of the batch
// and halves it until that event is alone. A batch that lost a race against another session gives all
// it has back and starts again.

#include "load/batch.hpp"

#include "extension/installed.hpp"
#include "extension/pipeline.hpp"
#include "extension/rule_set.hpp"
#include "load/circuit_breaker.hpp"
#include "load/dead_letter.hpp"
#include "load/decode.hpp"
#include "load/settings.hpp"
#include "load/silver.hpp"
#include "load/silver_writer.hpp"
#include "pg/guard.hpp"
#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::load {

namespace {

// The casts cost nothing where the types are right; where a column was altered they keep it from being
// misread.
#define FETCH                                                                                       \
    "SELECT b.event_id::bigint, b.event_type::text, b.store_id::text, b.ingested_at::timestamptz, " \
    "coalesce(b.event_data::jsonb, 'null'), b.source_system::text"                                  \
    " FROM scout.bronze_events b WHERE b.event_id = ANY ($1)"
pg::Statement fetch_anywhere(FETCH, pg::Plan::by_index);
pg::Statement fetch_within(FETCH " AND b.ingested_at BETWEEN $2 AND $3", pg::Plan::by_index);

// What is wanted of bronze, and where it is likely to be.
struct Selection {
    const int64 *ids;
    size_t count;
    const intake::Ingested *ingested;  // nullptr: anywhere
};

// What is settled among ids that lie close together, or anywhere.
#define IN_SILVER "SELECT s.source_event_id FROM scout.silver_transactions s WHERE s.source_event_id "
#define LETTERED                                       \
    "SELECT d.event_id FROM scout.bronze_events_dlq d" \
    " WHERE d.status IN ('open', 'discarded') AND d.event_id "
pg::Statement settled_between(IN_SILVER "BETWEEN $1 AND $2 UNION ALL " LETTERED "BETWEEN $1 AND $2",
                              pg::Plan::by_index);
pg::Statement settled_among(IN_SILVER "= ANY ($1) UNION ALL " LETTERED "= ANY ($1)", pg::Plan::by_index);

// Queue ids are hints: a load passes over what is settled already. `ids` are sorted. One range scan
// takes the place of two probes an event as long as it does not read much that nobody asked for.
pg::Array<int64> unsettled(const int64 *ids, size_t count) {
    constexpr int64 close_together = 16;
    pg::Array<int64> settled, out;
    const int64 first = ids[0], last = ids[count - 1];
    const bool dense = last - first < static_cast<int64>(count) * close_together;
    auto visit = [&settled](const pg::Row &row) { settled.push(row.int8(1)); };
    if (dense)
        settled_between.each_latest({pg::int8(first), pg::int8(last)}, visit);
    else
        settled_among.each_latest({pg::int8_array(ids, count)}, visit);
    std::sort(settled.begin(), settled.end());
    const int64 *s = settled.begin();
    for (size_t i = 0; i < count; i++) {
        while (s != settled.end() && *s < ids[i]) s++;
        if (s == settled.end() || *s != ids[i]) out.push(ids[i]);
    }
    return out;
}

// With the newest snapshot: an older one (REPEATABLE READ) would not show what was quarantined since.
void fetch(Mode mode, const Selection &selection, Batch &batch) {
    pg::Array<int64> wanted;
    if (mode == Mode::load)
        wanted = unsettled(selection.ids, selection.count);
    else
        for (size_t i = 0; i < selection.count; i++) wanted.push(selection.ids[i]);
    constexpr size_t lines_per_event = 4;  // a guess
    batch.events.reserve(wanted.size());
    batch.lines.reserve(wanted.size() * lines_per_event);
    const core::RuleSet rules = extension::current_rules();
    std::string_view type, source;  // nearly always the same
    auto visit = [&](const pg::Row &row) {
        bool null;
        if (row.text(2) != type) type = pg::keep(row.text(2));
        if (row.text(6) != source) source = pg::keep(row.text(6));
        auto *document = reinterpret_cast<Jsonb *>(PG_DETOAST_DATUM_COPY(row.value(5, null)));
        decode_event(batch, rules, row.int8(1), type, pg::keep(row.text(3)), row.timestamp(4), document);
        batch.events[batch.events.size() - 1].source = source;
    };
    // Without this the cost of a batch would grow with the number of partitions.
    if (selection.ingested != nullptr && pg::is_partitioned(extension::relation_oid("bronze_events"))) {
        fetch_within.each_latest(
            {pg::int8_array(wanted.begin(), wanted.size()), pg::timestamp(selection.ingested->first),
             pg::timestamp(selection.ingested->last)},
            visit);
        if (batch.events.size() == wanted.size()) return;
        pg::Array<int64> found, missing;
        for (const Event &e : batch.events) found.push(e.event_id);
        std::sort(found.begin(), found.end());
        for (int64 id : wanted)
            if (!std::binary_search(found.begin(), found.end(), id)) missing.push(id);
        wanted = missing;
    }
    fetch_anywhere.each_latest({pg::int8_array(wanted.begin(), wanted.size())}, visit);
}

// Batches of new transactions come in long runs, and so do batches that meet old ones. After a conflict
// this backend looks first for a while, each time longer.
class Optimism {
public:
    bool allowed() { return wait_ == 0 || --wait_ == 0; }
    void succeeded() { next_wait_ = shortest; }
    void failed() {
        wait_ = next_wait_;
        next_wait_ = std::min(next_wait_ * 2, longest);
    }

private:
    static constexpr int shortest = 8, longest = 1024;
    int wait_ = 0, next_wait_ = shortest;
};
Optimism optimism;

WritePath first_path(Mode mode) {
    if (write_path == write_general) return WritePath::general;
    return mode == Mode::load && optimism.allowed() ? WritePath::optimistic : WritePath::native;
}

// The path, or the general one where the tables do not allow it. Holds until the transaction ends.
WritePath allowed_path(WritePath path) {
    if (path == WritePath::general) return path;
    const char *why = native_refusal();
    if (why == nullptr) return path;
    if (write_path == write_native)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("silver cannot be written by the native path: %s", why),
                errhint("SET scout_ir.write_path = auto"));
    return WritePath::general;
}

void note(const Batch &batch, Outcomes &outcomes) {
    for (const Event &e : batch.events)
        outcomes.add(
            e.source,
            e.verdict == Verdict::rejected ? core::rule_info(e.finding.rule).code : std::string_view(),
            e.event_id);
}

void process(Mode mode, WritePath path, const Selection &selection, BatchCounts &counts, Outcomes *outcomes) {
    pg::Session session;  // its end gives back the rows of every statement of the batch
    pg::Workspace workspace("scout_ir batch");
    path = allowed_path(path);
    Batch batch;
    fetch(mode, selection, batch);
    counts.processed += static_cast<int64>(batch.events.size());

    pg::Array<std::string_view> orphaned;
    if (mode != Mode::load) remove_misplaced(batch, orphaned, counts);
    write_silver(mode, path, batch, counts);
    write_dead_letters(mode, batch, counts);
    if (mode != Mode::load) resolve_letters(batch, counts);
    write_warnings(mode, batch);
    promote_duplicates(orphaned.begin(), orphaned.size(), counts);
    if (outcomes != nullptr) note(batch, *outcomes);
    workspace.leave();
    session.end();
}

// Errors that an event's own content can cause: data exception, integrity constraint, RAISE in a
// trigger, a CHECK OPTION, program limits. Anything else is a fault of the system and stops the batch.
bool is_data_error(const ErrorData *error) {
    switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
        case ERRCODE_DATA_EXCEPTION:
        case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
        case ERRCODE_PLPGSQL_ERROR:
        case ERRCODE_TRIGGERED_ACTION_EXCEPTION:
        case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
        case ERRCODE_PROGRAM_LIMIT_EXCEEDED: return true;
        default: return false;
    }
}

bool is_conflict(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION ||
           error->sqlerrcode == ERRCODE_TRIGGERED_ACTION_EXCEPTION;
}

void process_from(WritePath path, Mode mode, const Selection &selection, BatchCounts &counts,
                  Outcomes *outcomes) {
    const auto [ids, count, ingested] = selection;
    if (count == 0) return;
    check_stack_depth();
    CHECK_FOR_INTERRUPTS();
    BatchCounts mine;
    ErrorData *error = pg::attempt([&] { process(mode, path, selection, mine, outcomes); });
    if (error == nullptr) {
        if (path == WritePath::optimistic) optimism.succeeded();
        counts += mine;
        return;
    }
    if (!is_data_error(error)) ReThrowError(error);
    if (path == WritePath::optimistic) optimism.failed();
    // A row that is there already is no fault of the batch. Anything else will be refused again: look for
    // the event, on the path that adds nothing of its own to what can go wrong.
    if (path != WritePath::general && (is_conflict(error) || count == 1)) {
        FreeErrorData(error);
        process_from(path == WritePath::optimistic ? WritePath::native : WritePath::general, mode, selection,
                     counts, outcomes);
        return;
    }
    if (count == 1) {
        pg::Array<std::string_view> orphaned;
        int64 lines = 0;
        counts.removed += remove_silver(ids, 1, orphaned, lines);
        dead_letter_failed_write(ids[0], error);
        if (outcomes != nullptr) outcomes->add_failed_write(ids[0]);
        counts.processed++;
        counts.dead_lettered++;
        FreeErrorData(error);
        promote_duplicates(orphaned.begin(), orphaned.size(), counts);
        return;
    }
    FreeErrorData(error);
    process_from(WritePath::general, mode, {ids, count / 2, ingested}, counts, outcomes);
    process_from(WritePath::general, mode, {ids + count / 2, count - count / 2, ingested}, counts, outcomes);
}

// Deadlock, or rows that another session was faster with. Under REPEATABLE READ the snapshot stays, and
// with it the failure.
bool lost_a_race(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
           (error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE && !IsolationUsesXactSnapshot());
}

}  // namespace

void process_batch(Mode mode, const int64 *ids, size_t count, BatchCounts &counts,
                   const intake::Ingested *ingested, Outcomes *outcomes) {
    constexpr int max_repeats = 5;
    WritePath path = first_path(mode);
    for (int repeats = 0;; repeats++) {
        CHECK_FOR_INTERRUPTS();
        BatchCounts mine;
        if (outcomes != nullptr) outcomes->clear();
        ErrorData *error = pg::attempt_step([&] {
            process_from(path, mode, {ids, count, ingested}, mine, outcomes);
        });
        if (error == nullptr) {
            counts += mine;
            return;
        }
        if (repeats == max_repeats || !lost_a_race(error)) ReThrowError(error);
        FreeErrorData(error);
        path = WritePath::general;
    }
}

}  // namespace scout::load
