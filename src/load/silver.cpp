// The winner rule, which makes loading have the same effect in any order and however often; above the two
// ways to write (silver_writer.hpp).
//
// Of the valid events of one transaction_id the lowest event_id wins (scout_ir.duplicate_winner: or the
// highest), whatever the order in which they are loaded. Existing rows are locked before they are
// compared. New ones go in by the page, which raises where another session was faster: the batch is then
// done again on the general path, whose ON CONFLICT DO NOTHING shows that there are such rows: the batch
// then gives its locks back and starts again (batch.cpp). Rows are locked first and inserted then, each in
// byte order of transaction_id, and none is locked after an insert, so that two sessions do not deadlock.

#include "load/silver.hpp"

#include "load/dead_letter.hpp"
#include "load/settings.hpp"
#include "load/silver_writer.hpp"
#include "pg/spi.hpp"

namespace scout::load {

namespace {

constexpr int max_races = 3;

bool better(int64 a, int64 b) {
    return duplicate_winner == winner_lowest ? a < b : a > b;
}

pg::Statement lock_existing(
    "SELECT t.transaction_id::text, coalesce(t.source_event_id, 0)::bigint FROM scout.silver_transactions t"
    " WHERE t.transaction_id = ANY ($1) ORDER BY t.transaction_id COLLATE \"C\" FOR UPDATE",
    pg::Plan::by_index);

// With the newest snapshot.
pg::Statement present("SELECT 1 FROM scout.silver_transactions t WHERE t.transaction_id = ANY ($1) LIMIT 1",
                      pg::Plan::by_index);

// Candidates in byte order of transaction_id, one per transaction; the others become duplicates.
pg::Array<size_t> choose_candidates(Batch &batch) {
    pg::Array<size_t> valid, chosen;
    for (size_t i = 0; i < batch.events.size(); i++)
        if (batch.events[i].verdict == Verdict::valid) valid.push(i);
    std::sort(valid.begin(), valid.end(), [&batch](size_t a, size_t b) {
        const Event &x = batch.events[a], &y = batch.events[b];
        int order = x.header.transaction_id.compare(y.header.transaction_id);
        return order != 0 ? order < 0 : better(x.event_id, y.event_id);
    });
    for (size_t i : valid) {
        Event &e = batch.events[i];
        if (!chosen.empty() &&
            batch.events[chosen[chosen.size() - 1]].header.transaction_id == e.header.transaction_id) {
            e.verdict = Verdict::duplicate;
            e.winner = batch.events[chosen[chosen.size() - 1]].event_id;
        } else {
            chosen.push(i);
        }
    }
    return chosen;
}

struct Existing {
    std::string_view transaction_id;
    int64 event_id;
};

pg::Param transactions_of(const Batch &batch, const pg::Array<size_t> &which) {
    pg::Array<std::string_view> ids;
    for (size_t i : which) ids.push(batch.events[i].header.transaction_id);
    return pg::text_array(ids.begin(), ids.size());
}

// The transactions of `candidates` that are in silver, locked, in byte order.
pg::Array<Existing> lock_rows(const Batch &batch, const pg::Array<size_t> &candidates) {
    pg::Rows rows = lock_existing.run({transactions_of(batch, candidates)});
    pg::Array<Existing> existing;
    for (uint64 i = 0; i < rows.count(); i++) existing.push({rows.text(i, 1), rows.int8(i, 2)});
    std::sort(existing.begin(), existing.end(),
              [](const Existing &a, const Existing &b) { return a.transaction_id < b.transaction_id; });
    return existing;
}

// What the winner rule made of the candidates.
struct Decision {
    pg::Array<size_t> fresh;   // not in silver
    pg::Array<size_t> update;  // replaces a row: the same event's, a worse one's, or one without lineage
};

struct Displaced {
    pg::Array<int64> losers, winners;
    pg::Array<std::string_view> transactions;
};

// Both sides are in byte order of transaction_id.
Decision decide(Batch &batch, const pg::Array<size_t> &candidates, const pg::Array<Existing> &existing,
                Displaced &displaced) {
    Decision out;
    size_t at = 0;
    for (size_t i : candidates) {
        Event &e = batch.events[i];
        while (at < existing.size() && existing[at].transaction_id < e.header.transaction_id) at++;
        if (at == existing.size() || existing[at].transaction_id != e.header.transaction_id) {
            out.fresh.push(i);
            continue;
        }
        const int64 holder = existing[at].event_id;  // 0: a row without lineage, which any event replaces
        const bool another = holder != 0 && holder != e.event_id;
        if (another && better(holder, e.event_id)) {
            e.verdict = Verdict::duplicate;
            e.winner = holder;
            continue;
        }
        if (another) {
            displaced.losers.push(holder);
            displaced.winners.push(e.event_id);
            displaced.transactions.push(e.header.transaction_id);
        }
        out.update.push(i);
    }
    return out;
}

// Splits `wanted` by whether a transaction was inserted; those that were not, another session has.
void split_inserted(const Batch &batch, const pg::Array<size_t> &wanted, const pg::Rows &rows,
                    pg::Array<size_t> &inserted, pg::Array<size_t> &raced) {
    pg::Array<std::string_view> ids;
    for (uint64 i = 0; i < rows.count(); i++) ids.push(rows.text(i, 1));
    std::sort(ids.begin(), ids.end());
    for (size_t i : wanted) {
        const bool there = std::binary_search(ids.begin(), ids.end(), batch.events[i].header.transaction_id);
        (there ? inserted : raced).push(i);
    }
}

bool is_present(const Batch &batch, const pg::Array<size_t> &which) {
    return !which.empty() && present.each_latest({transactions_of(batch, which)}, [](const pg::Row &) {}) > 0;
}

// The batch has to start again, without the locks that it has: what it wants now comes before them.
[[noreturn]] void refuse_raced_rows() {
    ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
            errmsg("another session wrote transactions of this batch at the same time"),
            errhint("Repeat the call."));
}

// The events whose rows need a new processed_at and nothing else; the rest goes into `others`. Where there is
// a rest, the rows of all are locked at once, in byte order.
pg::Array<size_t> renew_unchanged(const Batch &batch, const pg::Array<size_t> &candidates, TimestampTz now,
                                  bool lock_first, pg::Array<size_t> &others) {
    pg::Array<TimestampTz> versions;
    const pg::Array<size_t> unchanged = find_unchanged(batch, candidates, versions);
    const bool locked = lock_first || unchanged.size() < candidates.size();
    if (locked) lock_rows(batch, candidates);
    const pg::Array<size_t> renewed = renew(batch, unchanged, versions, now);
    if (!locked && renewed.size() < unchanged.size()) refuse_raced_rows();
    const size_t *next = renewed.begin();  // in the order of candidates
    for (size_t i : candidates) {
        if (next != renewed.end() && *next == i)
            next++;
        else
            others.push(i);
    }
    return renewed;
}

}  // namespace

void write_silver(Mode mode, WritePath path, Batch &batch, BatchCounts &counts) {
    const SilverTables tables = examine_tables();
    const TimestampTz now = GetCurrentTimestamp();
    pg::Array<size_t> candidates = choose_candidates(batch), inserted, replaced;
    Displaced displaced;
    if (mode == Mode::reprocess) {
        pg::Array<size_t> others;
        replaced = renew_unchanged(batch, candidates, now, path == WritePath::general, others);
        counts.updated += static_cast<int64>(replaced.size());
        candidates = others;
    }
    for (int round = 0; !candidates.empty(); round++) {
        CHECK_FOR_INTERRUPTS();
        pg::Array<Existing> existing;
        if (path != WritePath::optimistic) existing = lock_rows(batch, candidates);
        Decision decision = decide(batch, candidates, existing, displaced);
        const int64 updated = update_transactions(batch, decision.update, now);
        if (updated < static_cast<int64>(decision.update.size())) refuse_dropped_rows("silver_transactions");
        counts.updated += updated;
        for (size_t i : decision.update) replaced.push(i);
        candidates.truncate(0);
        if (decision.fresh.empty()) break;
        if (path != WritePath::general) {
            counts.lines += copy_transactions(batch, decision.fresh, now);
            counts.created += static_cast<int64>(decision.fresh.size());
            counts.paths |= audit::path_native;
            // After a repair by hand, lines may be left of a transaction that was gone.
            if (mode != Mode::load) remove_extra_lines(batch, decision.fresh);
            break;
        }
        counts.paths |= audit::path_general;
        pg::Rows rows = insert_transactions(batch, decision.fresh, now);
        counts.created += static_cast<int64>(rows.count());
        split_inserted(batch, decision.fresh, rows, inserted, candidates);
        if (is_present(batch, candidates)) refuse_raced_rows();
        // Neither there nor inserted, time and again: it was no race.
        if (round == max_races && !candidates.empty()) refuse_dropped_rows("silver_transactions");
    }
    if (!replaced.empty()) counts.paths |= audit::path_general;
    auto in_byte_order = [&batch](size_t a, size_t b) {
        return batch.events[a].header.transaction_id < batch.events[b].header.transaction_id;
    };
    std::sort(replaced.begin(), replaced.end(), in_byte_order);
    replaced = with_other_lines(batch, replaced);
    remove_extra_lines(batch, replaced);
    if (mode != Mode::load) remove_extra_lines(batch, inserted);
    for (size_t i : replaced) inserted.push(i);
    std::sort(inserted.begin(), inserted.end(), in_byte_order);
    counts.lines += upsert_lines(batch, inserted, now);
    verify_written(tables, batch);
    dead_letter_displaced(displaced.losers, displaced.winners, displaced.transactions, counts);
    if (!displaced.losers.empty()) clear_warnings(displaced.losers.begin(), displaced.losers.size());
}

}  // namespace scout::load
