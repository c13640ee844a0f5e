#include "intake/queue.hpp"

#include "extension/pipeline.hpp"
#include "extension/sight.hpp"
#include "intake/pending.hpp"
#include "pg/ranges.hpp"
#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"

namespace scout::intake {

namespace {

constexpr int exact_chunks = 10'000;
constexpr const char *written_by_hand =
    "Somebody wrote scout.bronze_pending by hand: delete that row and run "
    "SELECT * FROM scout.create_pipeline().";

// Sources with chunks, and the oldest chunk of each. A loose index scan: its cost is the
// number of sources, also where one of them, paused, has a hundred thousand chunks.
pg::Statement find_sources(
    "WITH RECURSIVE s(source) AS ("
    " (SELECT p.source_system FROM scout.bronze_pending p ORDER BY p.source_system LIMIT 1)"
    " UNION ALL"
    " SELECT (SELECT p.source_system FROM scout.bronze_pending p WHERE p.source_system > s.source"
    "         ORDER BY p.source_system LIMIT 1) FROM s WHERE s.source IS NOT NULL)"
    " SELECT s.source, c.chunk_id FROM s,"
    " LATERAL (SELECT p.chunk_id FROM scout.bronze_pending p WHERE p.source_system = s.source"
    "          ORDER BY p.chunk_id LIMIT 1) c",
    pg::Plan::in_order);

pg::Statement oldest_chunk(
    "SELECT p.chunk_id FROM scout.bronze_pending p WHERE p.source_system = $1 AND p.chunk_id >= $2"
    " ORDER BY p.chunk_id LIMIT 1",
    pg::Plan::in_order);

pg::Statement next_chunks(
    "SELECT p.chunk_id, p.events, p.min_ingested_at, p.max_ingested_at FROM scout.bronze_pending p WHERE "
    "p.source_system = $1 AND p.chunk_id >= $2"
    " ORDER BY p.chunk_id LIMIT $3 FOR UPDATE SKIP LOCKED",
    pg::Plan::in_order);

// The bounds are for the planner: with statistics of an empty queue it would read the source's whole
// part of the index, dead entries and all, and compare each with the array.
pg::Statement remove_chunks(
    "DELETE FROM scout.bronze_pending WHERE source_system = $1 AND chunk_id BETWEEN $3 AND $4"
    " AND chunk_id = ANY ($2)",
    pg::Plan::by_index);

pg::Statement shorten_chunk(
    "UPDATE scout.bronze_pending SET events = events - $3, event_count = event_count - $4"
    " WHERE source_system = $1 AND chunk_id = $2",
    pg::Plan::by_index);

// Where this backend goes on looking. Chunks that were claimed stay in the index until a vacuum, which a
// long-running transaction holds back: without this every claim would pass over all of them again. It is
// a hint: chunks below it may appear (late commits, a claim that another session rolled back), and so it
// is dropped with every empty claim, every 100th claim and whenever a (sub)transaction rolls back.
struct Position {
    char *source;
    int64 first;  // no chunk below this one was seen
};
constexpr size_t max_positions = 1000;
constexpr int claims_per_search = 100;
pg::Array<Position> *positions = nullptr;  // in memory of the backend's life
int claims_to_search = 0;
Oid positions_of =
    InvalidOid;  // the file of the queue that they were seen in: TRUNCATE and DROP make another

void forget_positions() {
    claims_to_search = 0;
}

bool positions_hold() {
    return claims_to_search > 0 && positions_of == pg::file_of(extension::relation_oid("bronze_pending"));
}

void search_sources() {
    if (positions == nullptr) {
        positions =
            static_cast<pg::Array<Position> *>(MemoryContextAlloc(TopMemoryContext, sizeof *positions));
        new (positions) pg::Array<Position>(TopMemoryContext);
        RegisterXactCallback(
            [](XactEvent event, void *) {
                if (event == XACT_EVENT_ABORT) forget_positions();
            },
            nullptr);
        RegisterSubXactCallback(
            [](SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
                if (event == SUBXACT_EVENT_ABORT_SUB) forget_positions();
            },
            nullptr);
    }
    for (Position &p : *positions) pfree(p.source);
    positions->truncate(0);
    pg::Rows sources = find_sources.run();
    for (uint64 i = 0; i < sources.count(); i++) {
        std::string_view name = sources.text(i, 1);
        positions->push({MemoryContextStrdup(TopMemoryContext, pg::c_string(name)), sources.int8(i, 2)});
    }
    sources.free();
    claims_to_search = positions->size() > max_positions ? 0 : claims_per_search;
    positions_of = pg::file_of(extension::relation_oid("bronze_pending"));
}

// Takes up to `limit` ids in all; moves the position past the chunks that were emptied.
void claim_source(Position &position, size_t limit, Claim &claim) {
    pg::Array<int64> &ids = claim.ids;
    const std::string_view source(position.source);
    int fetch = static_cast<int>((limit - ids.size()) / chunk_events + 1);
    pg::Array<int64> emptied;
    while (ids.size() < limit) {
        CHECK_FOR_INTERRUPTS();
        pg::Rows chunks = next_chunks.run({pg::text(source), pg::int8(position.first), pg::int4(fetch)});
        if (chunks.count() == 0) break;
        for (uint64 i = 0; i < chunks.count() && ids.size() < limit; i++) {
            const int64 chunk = chunks.int8(i, 1);
            const size_t first = ids.size();
            claim.ingested.first = std::min(claim.ingested.first, chunks.timestamp(i, 3));
            claim.ingested.last = std::max(claim.ingested.last, chunks.timestamp(i, 4));
            bool none, all = true;
            const Datum events = chunks.value(i, 2, none);
            if (none)
                ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("the queue holds a chunk without ids"),
                        errhint("%s", written_by_hand));
            for (const pg::IdRange &r : pg::ranges_of(events, written_by_hand)) {
                const int64 end = std::min(r.end, r.first + static_cast<int64>(limit - ids.size()));
                for (int64 id = r.first; id < end; id++) ids.push(id);
                all = all && end == r.end;
            }
            if (all) {
                emptied.push(chunk);
                position.first = chunk + 1;
                continue;
            }
            const size_t taken = ids.size() - first;
            shorten_chunk.run({pg::text(source), pg::int8(chunk),
                               pg::datum(INT8MULTIRANGEOID, pg::multirange_of(ids.begin() + first, taken)),
                               pg::int4(static_cast<int32>(taken))});
            position.first = chunk;
        }
        chunks.free();
        fetch = std::min(fetch * 2, 1000);  // many small chunks: fewer round trips
    }
    if (!emptied.empty())
        remove_chunks.run({pg::text(source), pg::int8_array(emptied.begin(), emptied.size()),
                           pg::int8(emptied[0]), pg::int8(emptied[emptied.size() - 1])});
}

// The sources that may be loaded, the one with the oldest chunk first.
pg::Array<Position *> loadable_sources(const pg::Array<std::string_view> &paused) {
    pg::Array<Position *> out;
    for (Position &p : *positions) {
        if (std::find(paused.begin(), paused.end(), std::string_view(p.source)) != paused.end()) continue;
        pg::Rows chunk = oldest_chunk.run({pg::text(p.source), pg::int8(p.first)});
        if (chunk.count() == 0) continue;
        p.first = chunk.int8(0, 1);
        chunk.free();
        out.push(&p);
    }
    std::sort(out.begin(), out.end(),
              [](const Position *a, const Position *b) { return a->first < b->first; });
    return out;
}

}  // namespace

Claim claim(int limit, const pg::Array<std::string_view> &paused) {
    Claim out{{}, {DT_NOEND, DT_NOBEGIN}};
    const auto wanted = static_cast<size_t>(limit);
    for (;;) {
        const bool searched = !positions_hold();
        if (searched) search_sources();
        claims_to_search--;
        for (Position *position : loadable_sources(paused)) {
            if (out.ids.size() == wanted) break;
            claim_source(*position, wanted, out);
        }
        if (!out.ids.empty() || searched) break;
        forget_positions();
    }
    if (out.ids.empty()) forget_positions();
    std::sort(out.ids.begin(), out.ids.end());
    return out;
}

int64 remove_from_queue(const int64 *ids, size_t count) {
    if (count == 0) return 0;
    static pg::Statement subtract("SELECT scout_internal.remove_from_queue($1::text::int8multirange)");
    pg::Rows rows = subtract.run({pg::text(multirange_text(ids, count))});
    int64 removed = rows.int8(0, 1);
    rows.free();
    return removed;
}

Backlog backlog(const char *source) {
    static pg::Statement count(
        "SELECT count(*), coalesce(sum(c.event_count), 0)::bigint"
        " FROM (SELECT p.event_count FROM scout.bronze_pending p"
        " WHERE $1 IS NULL OR p.source_system = $1 LIMIT $2) c");
    static pg::Statement extrapolate("SELECT scout_internal.estimated_backlog($1)");
    pg::Rows rows = count.read({pg::text_or_null(source), pg::int4(exact_chunks + 1)});
    const int64 chunks = rows.int8(0, 1), counted = rows.int8(0, 2);
    rows.free();
    Backlog out{counted, chunks <= exact_chunks};
    if (!out.exact) {
        rows = extrapolate.read({pg::text_or_null(source)});
        out.events = std::max(counted, rows.int8(0, 1));
        rows.free();
    }
    const auto *own = buffered_events();
    if (own != nullptr)
        for (const PendingEvent &e : *own)
            out.events += e.flushed == 0 && (source == nullptr || strcmp(source, e.source) == 0);
    return out;
}

Backlog backlog_after_claim() {
    static pg::Statement count(
        "SELECT count(*), coalesce(sum(c.event_count), 0)::bigint FROM (SELECT p.event_count"
        " FROM scout.bronze_pending p WHERE p.source_system = $1 AND p.chunk_id >= $2"
        " ORDER BY p.chunk_id LIMIT $3) c",
        pg::Plan::in_order);
    // As in backlog(), but not over the chunks that are behind the position.
    static pg::Statement extrapolate(
        "SELECT coalesce(h.events::numeric"
        " * greatest(l.last - h.low + 1, 1) / (h.high - h.low + 1), 0)::bigint"
        " FROM (SELECT sum(c.event_count) AS events, min(c.chunk_id) AS low, max(c.chunk_id) AS high"
        "  FROM (SELECT p.event_count, p.chunk_id FROM scout.bronze_pending p WHERE p.source_system = $1"
        "        AND p.chunk_id >= $2 ORDER BY p.chunk_id LIMIT 1000) c) h,"
        " LATERAL (SELECT p.chunk_id AS last FROM scout.bronze_pending p WHERE p.source_system = $1"
        "  ORDER BY p.chunk_id DESC LIMIT 1) l",
        pg::Plan::in_order);
    Backlog out{0, true};
    if (positions_hold()) {
        int64 chunks = 0;
        for (const Position &p : *positions) {
            pg::Rows rows =
                count.read_latest({pg::text(p.source), pg::int8(p.first), pg::int4(exact_chunks + 1)});
            chunks += rows.int8(0, 1);
            out.events += rows.int8(0, 2);
            rows.free();
            if (chunks > exact_chunks) break;
        }
        if (chunks > exact_chunks) {
            out = {0, false};
            for (const Position &p : *positions) {
                pg::Rows rows = extrapolate.read_latest({pg::text(p.source), pg::int8(p.first)});
                if (rows.count() > 0) out.events += rows.int8(0, 1);
                rows.free();
            }
        }
    }
    if (out.events > 0) return out;
    PushActiveSnapshot(GetLatestSnapshot());
    out = backlog(nullptr);
    PopActiveSnapshot();
    return out;
}

char *multirange_text(const int64 *ids, size_t count) {
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfoChar(&out, '{');
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && ids[end] == ids[end - 1] + 1) end++;
        appendStringInfo(&out, "%s[" INT64_FORMAT "," INT64_FORMAT ")", i == 0 ? "" : ",", ids[i],
                         ids[end - 1] + 1);
        i = end;
    }
    appendStringInfoChar(&out, '}');
    return out.data;
}

}  // namespace scout::intake

SCOUT_FUNCTION(scout_backlog, 1) {
    using namespace scout;
    const char *source = PG_ARGISNULL(0) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(0));
    (void)extension::require_pipeline();
    pg::Session session(extension::pipeline_reader());
    int64 events = intake::backlog(source).events;
    session.end();
    PG_RETURN_INT64(events);
}
