#include "pipeline/queue.hpp"

#include "pg/relation.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"
#include "pg/wrapper.hpp"
#include "pipeline/pending.hpp"

namespace scout::pipeline {

namespace {

constexpr int exact_chunks = 10'000;

// Sources with waiting chunks, the one with the oldest chunk first. A loose index scan: its cost is
// the number of sources, also where one of them, paused, has a hundred thousand chunks.
pg::Statement waiting_sources(
    "WITH RECURSIVE s(source) AS ("
    " (SELECT p.source_system FROM scout.bronze_pending p ORDER BY p.source_system LIMIT 1)"
    " UNION ALL"
    " SELECT (SELECT p.source_system FROM scout.bronze_pending p WHERE p.source_system > s.source"
    "         ORDER BY p.source_system LIMIT 1) FROM s WHERE s.source IS NOT NULL)"
    " SELECT s.source FROM s,"
    " LATERAL (SELECT p.chunk_id FROM scout.bronze_pending p WHERE p.source_system = s.source"
    "          ORDER BY p.chunk_id LIMIT 1) c"
    " WHERE s.source <> ALL ($1) ORDER BY c.chunk_id");

pg::Statement next_chunks(
    "SELECT p.chunk_id, (SELECT array_agg(lower(r) ORDER BY r) FROM unnest(p.events) r),"
    " (SELECT array_agg(upper(r) ORDER BY r) FROM unnest(p.events) r)"
    " FROM scout.bronze_pending p WHERE p.source_system = $1 AND p.chunk_id > $2"
    " ORDER BY p.chunk_id LIMIT $3 FOR UPDATE SKIP LOCKED");

pg::Statement remove_chunks(
    "DELETE FROM scout.bronze_pending WHERE source_system = $1 AND chunk_id = ANY ($2)");

pg::Statement shorten_chunk(
    "UPDATE scout.bronze_pending SET events = events - $3::text::int8multirange, event_count = event_count - "
    "$4"
    " WHERE source_system = $1 AND chunk_id = $2");

const int64 *array_values(const pg::Rows &rows, uint64 row, int column, int &count) {
    bool null;
    Datum d = rows.value(row, column, null);
    count = 0;
    if (null) return nullptr;
    ArrayType *array = DatumGetArrayTypeP(d);
    count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    return reinterpret_cast<const int64 *>(ARR_DATA_PTR(array));
}

void claim_source(std::string_view source, size_t limit, pg::Array<int64> &ids) {
    int64 last_chunk = 0;
    int fetch = static_cast<int>((limit - ids.size()) / 1000 + 1);  // full chunks hold 1,000 events
    pg::Array<int64> emptied;
    while (ids.size() < limit) {
        CHECK_FOR_INTERRUPTS();
        pg::Rows chunks = next_chunks.run({pg::text(source), pg::int8(last_chunk), pg::int4(fetch)});
        if (chunks.count() == 0) break;
        for (uint64 i = 0; i < chunks.count() && ids.size() < limit; i++) {
            last_chunk = chunks.int8(i, 1);
            int ranges, uppers;
            const int64 *from = array_values(chunks, i, 2, ranges);
            const int64 *to = array_values(chunks, i, 3, uppers);
            const size_t first = ids.size();
            bool all = true;
            for (int r = 0; r < ranges; r++)
                for (int64 id = from[r]; id < to[r]; id++) {
                    if (ids.size() == limit) {
                        all = false;
                        break;
                    }
                    ids.push(id);
                }
            if (all) {
                emptied.push(last_chunk);
            } else {
                size_t taken = ids.size() - first;
                shorten_chunk.run({pg::text(source), pg::int8(last_chunk),
                                   pg::text(multirange_text(ids.begin() + first, taken)),
                                   pg::int4(static_cast<int32>(taken))});
            }
        }
        chunks.free();
        fetch = std::min(fetch * 2, 1000);  // many small chunks: fewer round trips
    }
    if (!emptied.empty())
        remove_chunks.run({pg::text(source), pg::int8_array(emptied.begin(), emptied.size())});
}

}  // namespace

void claim(int limit, const pg::Array<std::string_view> &paused, pg::Array<int64> &ids) {
    pg::Rows sources = waiting_sources.run({pg::text_array(paused.begin(), paused.size())});
    for (uint64 i = 0; i < sources.count() && ids.size() < static_cast<size_t>(limit); i++)
        claim_source(sources.text(i, 1), static_cast<size_t>(limit), ids);
    sources.free();
}

int64 remove_from_queue(const int64 *ids, size_t count) {
    if (count == 0) return 0;
    static pg::Statement subtract(
        "WITH hit AS (SELECT p.source_system, p.chunk_id, p.events - $1::text::int8multirange AS rest, "
        "p.event_count AS n"
        "  FROM scout.bronze_pending p WHERE p.events && $1::text::int8multirange FOR UPDATE),"
        " counted AS (SELECT h.*, (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int FROM unnest(h.rest) r) "
        "AS left_over"
        "  FROM hit h),"
        " shortened AS (UPDATE scout.bronze_pending p SET events = c.rest, event_count = c.left_over FROM "
        "counted c"
        "  WHERE p.source_system = c.source_system AND p.chunk_id = c.chunk_id AND c.left_over > 0),"
        " emptied AS (DELETE FROM scout.bronze_pending p USING counted c"
        "  WHERE p.source_system = c.source_system AND p.chunk_id = c.chunk_id AND c.left_over = 0)"
        " SELECT coalesce(sum(n - left_over), 0) FROM counted");
    pg::Rows rows = subtract.run({pg::text(multirange_text(ids, count))});
    int64 removed = rows.int8(0, 1);
    rows.free();
    return removed;
}

Backlog backlog(const char *source) {
    static pg::Statement count(
        "SELECT count(*), coalesce(sum(c.event_count), 0)::bigint"
        " FROM (SELECT p.event_count FROM scout.bronze_pending p WHERE $1 IS NULL OR p.source_system = $1 "
        "LIMIT $2) c");
    // The first chunks of each source say how many events an id of the sequence stands for; the last
    // one says how many ids there are. Statistics of the table know neither the source nor, before
    // the next ANALYZE, the backlog.
    static pg::Statement extrapolate(
        "WITH RECURSIVE s(source) AS ("
        " (SELECT p.source_system FROM scout.bronze_pending p WHERE $1 IS NULL OR p.source_system = $1"
        "  ORDER BY p.source_system LIMIT 1)"
        " UNION ALL"
        " SELECT (SELECT p.source_system FROM scout.bronze_pending p WHERE p.source_system > s.source"
        "         ORDER BY p.source_system LIMIT 1) FROM s WHERE $1 IS NULL AND s.source IS NOT NULL)"
        " SELECT coalesce(sum(h.events::numeric * greatest(l.last - h.low + 1, 1) / (h.high - h.low + 1)),"
        " 0)::bigint FROM s,"
        " LATERAL (SELECT sum(c.event_count) AS events, min(c.chunk_id) AS low, max(c.chunk_id) AS high"
        "  FROM (SELECT p.event_count, p.chunk_id FROM scout.bronze_pending p WHERE p.source_system = "
        "s.source"
        "        ORDER BY p.chunk_id LIMIT 1000) c) h,"
        " LATERAL (SELECT p.chunk_id AS last FROM scout.bronze_pending p WHERE p.source_system = s.source"
        "  ORDER BY p.chunk_id DESC LIMIT 1) l");
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

}  // namespace scout::pipeline

SCOUT_FUNCTION(scout_backlog) {
    using namespace scout;
    const char *source = PG_ARGISNULL(0) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(0));
    (void)pg::require_pipeline();
    pg::Session session;
    int64 events = pipeline::backlog(source).events;
    session.end();
    PG_RETURN_INT64(events);
}

SCOUT_FUNCTION(scout_require_pipeline) {
    (void)scout::pg::require_pipeline();
    PG_RETURN_VOID();
}
