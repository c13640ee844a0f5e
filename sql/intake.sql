-- Intake: what happens to a row on its way into bronze, and the two ingest calls.
-- Trigger functions are the only functions that PUBLIC may execute: they check how they are called.

CREATE FUNCTION scout_internal.bronze_intake() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_bronze_intake';
COMMENT ON FUNCTION scout_internal.bronze_intake() IS
'Row trigger on bronze_events (INSERT, UPDATE): fills event_hash, event_ts and store_id, skips known duplicates, queues the event for loading.';

CREATE FUNCTION scout_internal.bronze_deleted() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_bronze_deleted';
COMMENT ON FUNCTION scout_internal.bronze_deleted() IS
'Row trigger on bronze_events (DELETE): keeps a copy of the row in bronze_deletions; refuses TRUNCATE.';

CREATE FUNCTION scout_internal.dead_letter_link() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_dead_letter_link';
COMMENT ON FUNCTION scout_internal.dead_letter_link() IS
'Row trigger on bronze_events_dlq (INSERT): links a dead letter that came without an event id to its bronze event.';

CREATE FUNCTION scout.event_hash(event jsonb, event_type text DEFAULT 'transaction.v1') RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'scout_event_hash';
COMMENT ON FUNCTION scout.event_hash(jsonb, text) IS
'The dedup key of an event: 16 bytes of SHA-256 over its business content (keys in any order, ids trimmed and case-folded, metadata left out).';

CREATE FUNCTION scout.ingest_event(
    event jsonb, event_type text DEFAULT 'transaction.v1', source_system text DEFAULT 'api')
RETURNS TABLE (event_id bigint, accepted boolean, duplicate boolean, reason text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_ingest_event';
COMMENT ON FUNCTION scout.ingest_event(jsonb, text, text) IS
'Takes one event into bronze; a known one is skipped and the reason says in which state it is.';

CREATE FUNCTION scout.ingest_events(
    events jsonb, event_type text DEFAULT 'transaction.v1', source_system text DEFAULT 'api')
RETURNS TABLE (ordinal int, event_id bigint, accepted boolean, duplicate boolean, reason text)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_ingest_events';
COMMENT ON FUNCTION scout.ingest_events(jsonb, text, text) IS
'Takes a JSON array of events into bronze, one row of outcome per element.';

-- Events of this transaction that are not in bronze_pending yet (they go there before commit).
CREATE FUNCTION scout_internal.unflushed_events() RETURNS TABLE (event_id bigint, source_system text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_unflushed_events';
COMMENT ON FUNCTION scout_internal.unflushed_events() IS
'Events that this transaction inserted and that are still in its own memory; empty in any other transaction.';

-- The queue, as its owner. A chunk that somebody else has is waited for.
CREATE FUNCTION scout_internal.remove_from_queue(ids int8multirange) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    WITH hit AS (
        SELECT p.source_system, p.chunk_id, p.events - remove_from_queue.ids AS rest, p.event_count AS n
        FROM scout.bronze_pending p WHERE p.events && remove_from_queue.ids FOR UPDATE
    ), counted AS (
        SELECT h.*, (SELECT coalesce(sum(upper(r) - lower(r)), 0)::int FROM unnest(h.rest) r) AS left_over FROM hit h
    ), shortened AS (
        UPDATE scout.bronze_pending p SET events = c.rest, event_count = c.left_over
        FROM counted c
        WHERE p.source_system = c.source_system AND p.chunk_id = c.chunk_id AND c.left_over > 0
    ), emptied AS (
        DELETE FROM scout.bronze_pending p USING counted c
        WHERE p.source_system = c.source_system AND p.chunk_id = c.chunk_id AND c.left_over = 0
    )
    SELECT coalesce(sum(c.n - c.left_over), 0) INTO removed FROM counted c;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION scout_internal.remove_from_queue(int8multirange) IS
'Takes events out of the queue, whichever chunks they are in; returns how many were there.';

-- The first chunks of each source say how many events an id of the sequence stands for; the last one says how many
-- ids there are. Statistics of the table know neither the source nor, before the next ANALYZE, the backlog.
CREATE FUNCTION scout_internal.estimated_backlog(source text) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        WITH RECURSIVE sources (name) AS (
            (SELECT p.source_system FROM scout.bronze_pending p
             WHERE estimated_backlog.source IS NULL OR p.source_system = estimated_backlog.source
             ORDER BY p.source_system LIMIT 1)
            UNION ALL
            SELECT (SELECT p.source_system FROM scout.bronze_pending p WHERE p.source_system > s.name
                    ORDER BY p.source_system LIMIT 1)
            FROM sources s WHERE estimated_backlog.source IS NULL AND s.name IS NOT NULL
        )
        SELECT coalesce(sum(h.events::numeric * greatest(l.last - h.low + 1, 1) / (h.high - h.low + 1)), 0)::bigint
        FROM sources s
        CROSS JOIN LATERAL (
            SELECT sum(c.event_count) AS events, min(c.chunk_id) AS low, max(c.chunk_id) AS high
            FROM (SELECT p.event_count, p.chunk_id FROM scout.bronze_pending p WHERE p.source_system = s.name
                  ORDER BY p.chunk_id LIMIT 1000) c) h
        CROSS JOIN LATERAL (
            SELECT p.chunk_id AS last FROM scout.bronze_pending p WHERE p.source_system = s.name
            ORDER BY p.chunk_id DESC LIMIT 1) l);
END
$$;
COMMENT ON FUNCTION scout_internal.estimated_backlog(text) IS
'How many events wait, by their first chunks: of one source, or (NULL) of all. For a queue that is too long to be counted.';
