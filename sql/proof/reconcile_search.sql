-- The search behind reconcile(): exact counts and examples, by joins for all of bronze and by index
-- probes for a window, whose size the planner may not know: scalar subqueries and OFFSET 0 keep it from
-- joining with the whole history. One statement each, as RETURN QUERY,
-- because that may run in parallel where SELECT INTO may not. What they mean is in reconcile.sql,
-- which calls them, with its settings.

-- Bronze, event by event. With `exceptions` only those events, and the sums of fingerprints of what is
-- found of them in bronze and in silver. The grouping makes it right without the unique constraints
-- too, on adopted tables; over the unique indexes it costs next to nothing.
CREATE FUNCTION scout_internal.reconcile_events(start_ts timestamptz, end_ts timestamptz, queued int8multirange,
                                       exceptions bigint[] DEFAULT NULL, salt uuid DEFAULT NULL)
RETURNS TABLE (lo bigint, hi bigint, bronze bigint, silver_rows bigint, processed bigint, dead_lettered bigint,
               discarded bigint, pending bigint, stateless bigint, several bigint, twice bigint,
               lettered_silver bigint, hinted bigint, stateless_ids jsonb, several_events jsonb, twice_ids jsonb,
               bronze_ids numeric, silver_exceptions bigint, silver_ids numeric)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    windowed boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
BEGIN
    PERFORM scout_internal.require_pipeline();
    IF windowed THEN
        -- The ids that the window spans. The count keeps the planner from walking the primary key in
        -- search of the minimum.
        SELECT CASE WHEN count(*) > 0 THEN min(b.event_id) ELSE 0 END,
               CASE WHEN count(*) > 0 THEN max(b.event_id) ELSE -1 END
        INTO lo, hi
        FROM scout.bronze_events b
        WHERE (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts);
    END IF;
    RETURN QUERY
    WITH state AS NOT MATERIALIZED (
        SELECT b.event_id, coalesce(s.copies, 0) AS copies,
               coalesce(d.is_open, false) AS is_open, coalesce(d.is_discarded, false) AS is_discarded,
               b.event_id <@ queued AS is_queued
        FROM scout.bronze_events b
        LEFT JOIN (SELECT t.source_event_id, count(*) AS copies
                   FROM scout.silver_transactions t WHERE t.source_event_id IS NOT NULL
                   GROUP BY t.source_event_id) s ON s.source_event_id = b.event_id
        LEFT JOIN (SELECT q.event_id, bool_or(q.status = 'open') AS is_open,
                          bool_or(q.status = 'discarded') AS is_discarded
                   FROM scout.bronze_events_dlq q
                   WHERE q.event_id IS NOT NULL AND q.status IN ('open', 'discarded')
                   GROUP BY q.event_id) d ON d.event_id = b.event_id
        WHERE NOT windowed AND exceptions IS NULL
        UNION ALL
        SELECT b.event_id, (s.source_event_id IS NOT NULL)::int::bigint,
               coalesce(q.status = 'open', false), coalesce(q.status = 'discarded', false), b.event_id <@ queued
        FROM unnest(exceptions) a (event_id)
        JOIN scout.bronze_events b ON b.event_id = a.event_id
        LEFT JOIN scout.silver_transactions s ON s.source_event_id = a.event_id
        LEFT JOIN scout.bronze_events_dlq q ON q.event_id = a.event_id
        WHERE NOT windowed AND exceptions IS NOT NULL
        UNION ALL
        SELECT b.event_id,
               (SELECT count(*) FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id),
               EXISTS (SELECT FROM scout.bronze_events_dlq q WHERE q.event_id = b.event_id AND q.status = 'open'),
               EXISTS (SELECT FROM scout.bronze_events_dlq q WHERE q.event_id = b.event_id AND q.status = 'discarded'),
               b.event_id <@ queued
        FROM scout.bronze_events b
        WHERE windowed AND b.event_id BETWEEN lo AND hi
          AND (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts)
    ), totals AS MATERIALIZED (
        SELECT count(*) AS bronze,
               coalesce(sum(e.copies), 0)::bigint AS silver_rows,
               count(*) FILTER (WHERE e.copies > 0) AS processed,
               count(*) FILTER (WHERE e.is_open) AS dead_lettered,
               count(*) FILTER (WHERE e.is_discarded) AS discarded,
               count(*) FILTER (WHERE e.copies = 0 AND NOT e.is_open AND NOT e.is_discarded AND e.is_queued) AS pending,
               count(*) FILTER (WHERE e.copies = 0 AND NOT e.is_open AND NOT e.is_discarded AND NOT e.is_queued) AS stateless,
               count(*) FILTER (WHERE (e.copies > 0)::int + e.is_open::int + e.is_discarded::int > 1) AS several,
               count(*) FILTER (WHERE e.copies > 1) AS twice,
               coalesce(sum(e.copies) FILTER (WHERE e.is_open OR e.is_discarded), 0)::bigint AS lettered_silver,
               count(*) FILTER (WHERE e.is_queued) AS hinted,
               sum(scout_internal.fingerprint(salt, 1, e.event_id)) AS ids
        FROM state e
    )
    SELECT lo, hi, t.bronze, t.silver_rows, t.processed, t.dead_lettered, t.discarded, t.pending, t.stateless,
           t.several, t.twice, t.lettered_silver, t.hinted,
           CASE WHEN t.stateless > 0 THEN
               (SELECT jsonb_agg(x.event_id ORDER BY x.event_id)
                FROM (SELECT e.event_id FROM state e
                      WHERE e.copies = 0 AND NOT e.is_open AND NOT e.is_discarded AND NOT e.is_queued
                      ORDER BY e.event_id LIMIT 10) x) END,
           CASE WHEN t.several > 0 THEN
               (SELECT jsonb_agg(jsonb_build_object('event_id', x.event_id, 'states', array_remove(ARRAY[
                                     CASE WHEN x.copies > 0 THEN 'processed' END,
                                     CASE WHEN x.is_open THEN 'dead_lettered' END,
                                     CASE WHEN x.is_discarded THEN 'discarded' END], NULL)) ORDER BY x.event_id)
                FROM (SELECT e.* FROM state e
                      WHERE (e.copies > 0)::int + e.is_open::int + e.is_discarded::int > 1
                      ORDER BY e.event_id LIMIT 10) x) END,
           CASE WHEN t.twice > 0 THEN
               (SELECT jsonb_agg(x.event_id ORDER BY x.event_id)
                FROM (SELECT e.event_id FROM state e WHERE e.copies > 1 ORDER BY e.event_id LIMIT 10) x) END,
           coalesce(t.ids, 0), x.copies, coalesce(x.ids, 0)
    FROM totals t, (SELECT count(*) AS copies, sum(scout_internal.fingerprint(salt, 1, s.source_event_id)) AS ids
                    FROM unnest(exceptions) a (event_id)
                    JOIN scout.silver_transactions s ON s.source_event_id = a.event_id) x;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile_events(timestamptz, timestamptz, int8multirange, bigint[], uuid) IS
'States of the events of bronze, of a window, or of the exceptions, counted, with examples of what breaks a check: part of reconcile().';

-- Transactions against their lines. In a window, lines left behind are looked for under the
-- transaction ids of events that are not in silver.
CREATE FUNCTION scout_internal.reconcile_lines(start_ts timestamptz, end_ts timestamptz)
RETURNS TABLE (lineless bigint, declared_empty bigint, mismatched bigint, orphan_transactions bigint,
               orphan_lines numeric, lineless_sample jsonb, mismatched_sample jsonb, orphan_sample jsonb)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    windowed boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH counted AS (
        SELECT s.transaction_id, s.item_count, l.transaction_id AS line_transaction_id, l.lines
        FROM scout.silver_transactions s
        FULL JOIN (SELECT i.transaction_id, count(*) AS lines
                   FROM scout.silver_line_items i GROUP BY i.transaction_id) l ON l.transaction_id = s.transaction_id
        WHERE NOT windowed
          AND (s.transaction_id IS NULL OR l.transaction_id IS NULL OR s.item_count <> l.lines)
    ), counted_in_window AS (
        SELECT s.transaction_id, s.item_count,
               (SELECT count(*) FROM scout.silver_line_items i WHERE i.transaction_id = s.transaction_id) AS lines
        FROM scout.bronze_events b
        CROSS JOIN LATERAL (SELECT t.transaction_id, t.item_count FROM scout.silver_transactions t
                            WHERE t.source_event_id = b.event_id OFFSET 0) s
        WHERE windowed
          AND (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts)
    ), missing_in_window AS (
        SELECT btrim(b.event_data ->> 'transaction_id', E' \t\r\n') AS transaction_id
        FROM scout.bronze_events b
        WHERE windowed
          AND (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts)
          AND (SELECT count(*) FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id) = 0
        UNION
        SELECT btrim(d.event_data ->> 'transaction_id', E' \t\r\n')
        FROM scout.bronze_deletions d
        WHERE windowed
          AND (start_ts IS NULL OR d.ingested_at >= start_ts) AND (end_ts IS NULL OR d.ingested_at < end_ts)
    ), odd AS MATERIALIZED (
        SELECT coalesce(c.transaction_id, c.line_transaction_id) AS transaction_id, c.item_count,
               coalesce(c.lines, 0) AS lines, c.transaction_id IS NULL AS is_orphan
        FROM counted c
        UNION ALL
        SELECT c.transaction_id, c.item_count, c.lines, false
        FROM counted_in_window c WHERE c.lines = 0 OR c.item_count <> c.lines
        UNION ALL
        SELECT i.transaction_id, NULL, count(*), true
        FROM missing_in_window m JOIN scout.silver_line_items i ON i.transaction_id = m.transaction_id
        WHERE NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.transaction_id = i.transaction_id)
        GROUP BY i.transaction_id
    )
    SELECT count(*) FILTER (WHERE NOT o.is_orphan AND o.lines = 0 AND o.item_count > 0),
           count(*) FILTER (WHERE NOT o.is_orphan AND o.lines = 0 AND o.item_count <= 0),
           count(*) FILTER (WHERE o.lines > 0 AND o.item_count <> o.lines),
           count(*) FILTER (WHERE o.is_orphan),
           coalesce(sum(o.lines) FILTER (WHERE o.is_orphan), 0),
           (SELECT jsonb_agg(x.transaction_id) FROM (SELECT y.transaction_id FROM odd y
                WHERE NOT y.is_orphan AND y.lines = 0 AND y.item_count > 0 ORDER BY 1 LIMIT 10) x),
           (SELECT jsonb_agg(to_jsonb(x)) FROM (SELECT y.transaction_id, y.item_count, y.lines FROM odd y
                WHERE y.lines > 0 AND y.item_count <> y.lines ORDER BY 1 LIMIT 10) x),
           (SELECT jsonb_agg(x.transaction_id) FROM (SELECT y.transaction_id FROM odd y
                WHERE y.is_orphan ORDER BY 1 LIMIT 10) x)
    FROM odd o;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile_lines(timestamptz, timestamptz) IS
'Transactions without lines, lines without transaction and wrong item counts, with examples: part of reconcile().';

-- Bronze against its dedup keys. The key of an event that is gone stays by right as long as silver or
-- a dead letter holds the event: it refuses a redelivery. With `few` only what may differ by right:
-- logged deletions and what this transaction has not flushed, with the sums of their fingerprints.
CREATE FUNCTION scout_internal.reconcile_keys(start_ts timestamptz, end_ts timestamptz, unflushed int8multirange,
                                     few boolean DEFAULT false, salt uuid DEFAULT NULL)
RETURNS TABLE (keyless bigint, forgotten bigint, held bigint, keyless_sample jsonb, forgotten_sample jsonb,
               bronze_rows bigint, bronze_keys numeric, key_rows bigint, keys numeric)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    windowed boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH paired AS (
        SELECT b.event_id AS event, k.event_id AS key
        FROM scout.bronze_events b
        FULL JOIN scout.bronze_event_keys k ON k.event_hash = b.event_hash AND k.event_id = b.event_id
        WHERE NOT windowed AND NOT few AND (b.event_id IS NULL OR k.event_id IS NULL)
    ), probed AS MATERIALIZED (
        SELECT p.event_id, p.event_hash, b.event_id AS event, k.event_id AS key
        FROM (SELECT d.event_id, d.event_hash FROM scout.bronze_deletions d WHERE few
              UNION
              SELECT e.event_id, e.event_hash
              FROM scout_internal.unflushed_events() u JOIN scout.bronze_events e ON e.event_id = u.event_id WHERE few) p
        LEFT JOIN scout.bronze_events b ON b.event_id = p.event_id AND b.event_hash = p.event_hash
        LEFT JOIN scout.bronze_event_keys k ON k.event_hash = p.event_hash AND k.event_id = p.event_id
    ), odd AS MATERIALIZED (
        SELECT p.event, p.key FROM paired p
        UNION ALL
        SELECT p.event, p.key FROM probed p WHERE (p.event IS NULL) <> (p.key IS NULL)
        UNION ALL
        SELECT b.event_id, NULL
        FROM scout.bronze_events b
        WHERE windowed
          AND (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts)
          AND (SELECT count(*) FROM scout.bronze_event_keys k
               WHERE k.event_hash = b.event_hash AND k.event_id = b.event_id) = 0
        UNION ALL
        SELECT NULL, k.event_id
        FROM (SELECT DISTINCT d.event_id, d.event_hash FROM scout.bronze_deletions d
              WHERE windowed
                AND (start_ts IS NULL OR d.ingested_at >= start_ts) AND (end_ts IS NULL OR d.ingested_at < end_ts)) g
        JOIN scout.bronze_event_keys k ON k.event_hash = g.event_hash AND k.event_id = g.event_id
        WHERE NOT EXISTS (SELECT FROM scout.bronze_events b
                          WHERE b.event_id = k.event_id AND b.event_hash = k.event_hash)
    ), judged AS MATERIALIZED (
        SELECT o.event, o.key,
               o.key IS NOT NULL
               AND (EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = o.key)
                    OR EXISTS (SELECT FROM scout.bronze_events_dlq q WHERE q.event_id = o.key)) AS is_held
        FROM odd o
        WHERE o.event IS NULL OR NOT o.event <@ unflushed  -- their keys are written with the queue
    )
    SELECT count(j.event),
           count(j.key) FILTER (WHERE NOT j.is_held),
           count(j.key) FILTER (WHERE j.is_held),
           (SELECT jsonb_agg(x.event) FROM (SELECT y.event FROM judged y
                WHERE y.event IS NOT NULL ORDER BY 1 LIMIT 10) x),
           (SELECT jsonb_agg(x.key) FROM (SELECT y.key FROM judged y
                WHERE y.key IS NOT NULL AND NOT y.is_held ORDER BY 1 LIMIT 10) x),
           (SELECT count(p.event) FROM probed p),
           (SELECT coalesce(sum(scout_internal.fingerprint(salt, 1, p.event_id, p.event_hash)), 0)
            FROM probed p WHERE p.event IS NOT NULL),
           (SELECT count(p.key) FROM probed p),
           (SELECT coalesce(sum(scout_internal.fingerprint(salt, 1, p.event_id, p.event_hash)), 0)
            FROM probed p WHERE p.key IS NOT NULL)
    FROM judged j;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile_keys(timestamptz, timestamptz, int8multirange, boolean, uuid) IS
'Events without a dedup key and keys without an event, with examples: part of reconcile().';
