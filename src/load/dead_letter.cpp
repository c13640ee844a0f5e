#include "load/dead_letter.hpp"

#include "audit/caller.hpp"
#include "extension/installed.hpp"
#include "pg/jsonb_reader.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "utils/json.h"
}

namespace scout::load {

namespace {

// Letters of events b; the values follow in this order.
#define INSERT_LETTERS                                                                               \
    "INSERT INTO scout.bronze_events_dlq AS d (event_id, original_payload, source_system, store_id," \
    " failed_at, transaction_id, error_code, error_message, error_details,"                          \
    " last_error_code, last_error_message, last_error_details)"                                      \
    " SELECT b.event_id, coalesce(b.event_data, 'null'), b.source_system, coalesce(b.store_id, '')," \
    " clock_timestamp(), "
#define ID_IN_EVENT "left(btrim(b.event_data ->> 'transaction_id'), 256)"
// A letter of an event is there: it is open again, with the newest error.
#define REOPEN                                                                                   \
    " ON CONFLICT (event_id) DO UPDATE SET status = 'open', last_retry_at = excluded.failed_at," \
    " last_error_code = excluded.error_code, last_error_message = excluded.error_message,"       \
    " last_error_details = excluded.error_details, resolved_at = NULL, resolved_by = NULL,"      \
    " resolution = NULL"

// $1 ids, $2 codes, $3 messages, $4 details, $5 transaction ids, $6 is this a redrive
pg::Statement upsert(INSERT_LETTERS
                     "coalesce(f.transaction_id, CASE WHEN f.code = 'WRITE_FAILED' THEN " ID_IN_EVENT
                     " END),"
                     " f.code, f.message, f.details::jsonb, f.code, f.message, f.details::jsonb"
                     " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])"
                     "      AS f(event_id, code, message, details, transaction_id)"
                     " JOIN scout.bronze_events b ON b.event_id = f.event_id ORDER BY b.event_id" REOPEN
                     ", attempts = d.attempts + CASE WHEN $6 OR d.status <> 'open' THEN 1 ELSE 0 END,"
                     " transaction_id = coalesce(excluded.transaction_id, d.transaction_id)");

class Letters {
public:
    explicit Letters(size_t capacity)
        : ids_(INT8OID, capacity),
          codes_(TEXTOID, capacity),
          messages_(TEXTOID, capacity),
          details_(TEXTOID, capacity),
          transactions_(TEXTOID, capacity) {}

    void add(int64 event_id, std::string_view code, const char *message, const char *details,
             std::string_view transaction_id) {
        ids_.add(Int64GetDatum(event_id));
        codes_.add_text(code);
        messages_.add_text(message);
        details_.add_text(details);
        transaction_id.empty() ? transactions_.add_null() : transactions_.add_text(transaction_id);
        count_++;
    }

    int64 write(bool redrive) {
        if (count_ == 0) return 0;
        const uint64 written = upsert
                                   .run({ids_.param(), codes_.param(), messages_.param(), details_.param(),
                                         transactions_.param(), pg::boolean(redrive)})
                                   .count();
        if (written < count_) refuse_dropped_letters();
        return static_cast<int64>(written);
    }

private:
    // Without its letter an event would be in no state. One that is not in bronze any more has none.
    void refuse_dropped_letters() const {
        static pg::Statement missing(
            "SELECT b.event_id FROM scout.bronze_events b WHERE b.event_id = ANY ($1)"
            " AND NOT EXISTS (SELECT FROM"
            " scout.bronze_events_dlq d WHERE d.event_id = b.event_id AND d.status = 'open') LIMIT 1",
            pg::Plan::by_index);
        pg::Rows rows = missing.run({ids_.param()});
        if (rows.count() == 0) return;
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("a trigger on \"scout.bronze_events_dlq\" dropped the letter of event %lld",
                       static_cast<long long>(rows.int8(0, 1))),
                errdetail("Without its letter the event would be in no state. Nothing was loaded."),
                errhint("Let the trigger return NEW; take letters away with scout.dlq_resolve()."));
    }

    pg::Column ids_, codes_, messages_, details_, transactions_;
    size_t count_ = 0;
};

const char *duplicate_details(int64 winner, std::string_view transaction_id) {
    audit::Json json;
    return json.add("path", "$.transaction_id")
        .add("value", transaction_id)
        .add("winner_event_id", winner)
        .text();
}

const char *duplicate_message(int64 winner) {
    return psprintf("Event " INT64_FORMAT " has this transaction.", winner);
}

}  // namespace

void write_dead_letters(Mode mode, const Batch &batch, BatchCounts &counts) {
    static pg::Statement open_already(
        "SELECT count(*) FROM scout.bronze_events_dlq WHERE event_id = ANY ($1) AND status = 'open'");
    Letters letters(batch.events.size());
    pg::Array<int64> ids;
    for (const Event &e : batch.events) {
        if (e.verdict != Verdict::valid) ids.push(e.event_id);
        if (e.verdict == Verdict::rejected) {
            char path[core::path_text_size];
            audit::Json json;
            const char *value = e.finding.field == core::Field::event_type
                                    ? pg::c_string(e.type)
                                    : pg::value_at(e.document, e.finding);
            json.add("path", core::format_path(e.finding, path)).add_or_null("value", value);
            letters.add(e.event_id, core::rule_info(e.finding.rule).code, e.finding.message, json.text(),
                        e.header.transaction_id);
        } else if (e.verdict == Verdict::duplicate) {
            letters.add(e.event_id, duplicate_transaction, duplicate_message(e.winner),
                        duplicate_details(e.winner, e.header.transaction_id), e.header.transaction_id);
        }
    }
    // A reprocess counts what it dead-letters, not what stays dead-lettered.
    if (mode == Mode::reprocess && !ids.empty())
        counts.dead_lettered -= open_already.run({pg::int8_array(ids.begin(), ids.size())}).int8(0, 1);
    counts.dead_lettered += letters.write(mode == Mode::redrive);
}

void dead_letter_displaced(const pg::Array<int64> &losers, const pg::Array<int64> &winners,
                           const pg::Array<std::string_view> &transactions, BatchCounts &counts) {
    Letters letters(losers.size());
    for (size_t i = 0; i < losers.size(); i++)
        letters.add(losers[i], duplicate_transaction, duplicate_message(winners[i]),
                    duplicate_details(winners[i], transactions[i]), transactions[i]);
    counts.dead_lettered += letters.write(false);
}

void dead_letter_failed_write(int64 event_id, const ErrorData *error) {
    audit::Json json;
    json.add("path", "$")
        .add("sqlstate", unpack_sql_state(error->sqlerrcode))
        .add_or_null("detail", error->detail)
        .add_or_null("constraint", error->constraint_name)
        .add_or_null("table", error->table_name);
    Letters letters(1);
    letters.add(event_id, write_failed, error->message, json.text(), {});
    (void)letters.write(true);
}

int64 dead_letter_chosen(const int64 *ids, size_t count, const char *code, const char *message,
                         const char *details) {
    static pg::Statement insert(
        INSERT_LETTERS ID_IN_EVENT
        ", $2, $3, $4::text::jsonb, $2, $3, $4::text::jsonb"
        " FROM scout.bronze_events b WHERE b.event_id = ANY ($1) ORDER BY b.event_id" REOPEN);
    return static_cast<int64>(
        insert.run({pg::int8_array(ids, count), pg::text(code), pg::text(message), pg::text(details)})
            .count());
}

void resolve_letters(const Batch &batch, BatchCounts &counts) {
    static pg::Statement resolve(
        "UPDATE scout.bronze_events_dlq SET status = 'resolved',"
        " resolved_at = clock_timestamp(), resolved_by = $2,"
        " resolution = 'loaded', last_retry_at = clock_timestamp() WHERE event_id = ANY ($1)"
        " AND status = 'open'");
    pg::Array<int64> loaded;
    for (const Event &e : batch.events)
        if (e.verdict == Verdict::valid) loaded.push(e.event_id);
    if (loaded.empty()) return;
    counts.resolved += static_cast<int64>(
        resolve.run({pg::int8_array(loaded.begin(), loaded.size()), pg::text(audit::actor())}).count());
}

void clear_warnings(const int64 *ids, size_t count) {
    static pg::Statement clear("DELETE FROM scout_internal.quality_warnings WHERE event_id = ANY ($1)");
    pg::AsRole owner(extension::extension_owner());
    clear.run({pg::int8_array(ids, count)});
    owner.end();
}

void write_warnings(Mode mode, const Batch &batch) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.quality_warnings (event_id, code, transaction_id,"
        " path, message, raised_at)"
        " SELECT w.e, w.c, w.t, w.p, w.m, clock_timestamp()"
        " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) AS w(e, c, t, p, m)"
        " ON CONFLICT (event_id, code) DO NOTHING");
    if (mode == Mode::load && batch.warnings.empty()) return;
    if (mode != Mode::load) {
        pg::Array<int64> all;
        for (const Event &e : batch.events) all.push(e.event_id);
        clear_warnings(all.begin(), all.size());
    }
    pg::AsRole owner(extension::extension_owner());
    const size_t n = batch.warnings.size();
    pg::Column ids(INT8OID, n), codes(TEXTOID, n), transactions(TEXTOID, n), paths(TEXTOID, n),
        messages(TEXTOID, n);
    for (const Event &e : batch.events) {
        if (e.verdict != Verdict::valid) continue;
        for (size_t i = e.first_warning; i < e.first_warning + e.warning_count; i++) {
            const core::Finding &w = batch.warnings[i];
            char path[core::path_text_size];
            ids.add(Int64GetDatum(e.event_id));
            codes.add_text(core::rule_info(w.rule).code);
            transactions.add_text(e.header.transaction_id);
            paths.add_text(core::format_path(w, path));
            messages.add_text(w.message);
        }
    }
    if (n > 0)
        insert.run({ids.param(), codes.param(), transactions.param(), paths.param(), messages.param()});
    owner.end();
}

pg::Array<std::string_view> automatic_codes() {
    pg::Array<std::string_view> codes;
    for (int i = 0; i < core::rule_count; i++) codes.push(core::rule_info(static_cast<core::Rule>(i)).code);
    codes.push(duplicate_transaction);
    codes.push(write_failed);
    return codes;
}

}  // namespace scout::load
