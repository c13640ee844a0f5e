-- What reconcile() looks at beside the search: the events that are proven one by one, and what is left of events that
-- are no longer in bronze. What it means is in reconcile.sql, which calls these, with its settings.

-- With fingerprints no NULL and no second row is found: that there is none, the schema must say.
CREATE FUNCTION scout_internal.silver_is_unique() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT bool_and(EXISTS (
           SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           WHERE a.attrelid = to_regclass('scout.' || u.relation) AND a.attname = u.attribute
             AND (a.attnotnull OR u.nullable)
             -- from PostgreSQL 18 on NOT NULL may be NOT VALID: older rows may hold NULL
             AND NOT EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = c.oid AND n.contype = 'n'
                             AND n.conkey[1] = a.attnum AND NOT n.convalidated)
             AND (NOT u.once OR EXISTS (
                 SELECT FROM pg_index i
                 WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indnkeyatts = 1
                   AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
                   -- the index of a parent says nothing of its heirs
                   AND (c.relkind = 'p' OR NOT c.relhassubclass)))))
FROM (VALUES ('bronze_events', 'event_id', false, false), ('bronze_events', 'event_hash', false, false),
             ('bronze_event_keys', 'event_hash', true, false), ('bronze_event_keys', 'event_id', false, false),
             ('bronze_events_dlq', 'event_id', true, true),
             ('silver_transactions', 'transaction_id', true, false),
             ('silver_transactions', 'source_event_id', true, true),
             ('silver_line_items', 'transaction_id', false, false)) u (relation, attribute, once, nullable)
$$;
COMMENT ON FUNCTION scout_internal.silver_is_unique() IS
'Whether indexes and NOT NULL say that silver has an event once and that no key is NULL: part of reconcile().';

-- A letter, a hint in the queue or a logged deletion names them; all others are processed, if all is well.
CREATE FUNCTION scout_internal.events_apart(queued int8multirange) RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT coalesce(array_agg(DISTINCT a.event_id), '{}')
        FROM (SELECT q.event_id FROM scout.bronze_events_dlq q
              WHERE q.event_id IS NOT NULL AND q.status IN ('open', 'discarded')
              UNION ALL
              SELECT d.event_id FROM scout.bronze_deletions d
              UNION ALL
              SELECT generate_series(lower(r.ids), upper(r.ids) - 1) FROM unnest(queued) r (ids)) a);
END
$$;
COMMENT ON FUNCTION scout_internal.events_apart(int8multirange) IS
'Events that may be something else than processed: part of reconcile().';

-- What was deleted from bronze by hand, and what it left behind.
CREATE FUNCTION scout_internal.reconcile_deletions(start_ts timestamptz, end_ts timestamptz)
RETURNS TABLE (deletions bigint, first_deleted timestamptz, last_deleted timestamptz, back bigint, silver_rows bigint,
               lettered bigint, lettered_silver bigint, without_trace bigint, by_whom jsonb, sample jsonb,
               silver_sample jsonb, letter_sample jsonb, both_sample jsonb)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH logged AS (
        SELECT d.event_id, count(*) AS deletions, max(d.deleted_at) AS deleted_at,
               (array_agg(d.deleted_by ORDER BY d.deleted_at DESC))[1] AS deleted_by
        FROM scout.bronze_deletions d
        WHERE (start_ts IS NULL OR d.ingested_at >= start_ts) AND (end_ts IS NULL OR d.ingested_at < end_ts)
        GROUP BY d.event_id
    ), gone AS MATERIALIZED (
        SELECT l.*, EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = l.event_id) AS is_back,
               (SELECT count(*) FROM scout.silver_transactions s WHERE s.source_event_id = l.event_id) AS copies,
               EXISTS (SELECT FROM scout.bronze_events_dlq q
                       WHERE q.event_id = l.event_id AND q.status IN ('open', 'discarded')) AS is_lettered
        FROM logged l
    )
    SELECT coalesce(sum(g.deletions), 0)::bigint AS deletions,
           min(g.deleted_at) AS first_deleted, max(g.deleted_at) AS last_deleted,
           count(*) FILTER (WHERE g.is_back) AS back,
           coalesce(sum(g.copies) FILTER (WHERE NOT g.is_back), 0)::bigint AS silver_rows,
           count(*) FILTER (WHERE NOT g.is_back AND g.is_lettered) AS lettered,
           coalesce(sum(g.copies) FILTER (WHERE NOT g.is_back AND g.is_lettered), 0)::bigint AS lettered_silver,
           count(*) FILTER (WHERE NOT g.is_back AND g.copies = 0 AND NOT g.is_lettered) AS without_trace,
           (SELECT jsonb_object_agg(x.deleted_by, x.n)
            FROM (SELECT y.deleted_by, count(*) AS n FROM gone y
                  GROUP BY y.deleted_by ORDER BY n DESC LIMIT 10) x) AS by_whom,
           (SELECT jsonb_agg(x.event_id) FROM (SELECT y.event_id FROM gone y WHERE NOT y.is_back
                ORDER BY y.event_id LIMIT 10) x) AS sample,
           (SELECT jsonb_agg(x.event_id) FROM (SELECT y.event_id FROM gone y WHERE NOT y.is_back AND y.copies > 0
                ORDER BY y.event_id LIMIT 10) x) AS silver_sample,
           (SELECT jsonb_agg(to_jsonb(x))
            FROM (SELECT y.event_id, y.deleted_at, y.deleted_by FROM gone y WHERE NOT y.is_back AND y.is_lettered
                  ORDER BY y.event_id LIMIT 10) x) AS letter_sample,
           (SELECT jsonb_agg(x.event_id) FROM (SELECT y.event_id FROM gone y
                WHERE NOT y.is_back AND y.is_lettered AND y.copies > 0
                ORDER BY y.event_id LIMIT 10) x) AS both_sample
    FROM gone g;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile_deletions(timestamptz, timestamptz) IS
'Logged deletions from bronze, and what of those events is in silver and dead letters, with examples: part of reconcile().';

-- Silver rows without lineage, or of events that neither bronze nor the log of deletions knows. `settled`: fingerprints
-- have proven the others, and they can only be exceptions.
CREATE FUNCTION scout_internal.reconcile_strangers(start_ts timestamptz, end_ts timestamptz, settled boolean, exceptions bigint[])
RETURNS TABLE (no_lineage bigint, never_seen bigint, lettered bigint, no_lineage_sample jsonb, never_seen_sample jsonb,
               lettered_sample jsonb)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    windowed boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH orphan AS MATERIALIZED (
        SELECT s.transaction_id, s.source_event_id,
               EXISTS (SELECT FROM scout.bronze_events_dlq q
                       WHERE q.event_id = s.source_event_id AND q.status IN ('open', 'discarded')) AS is_lettered
        FROM (SELECT t.transaction_id, t.source_event_id
              FROM scout.silver_transactions t
              WHERE NOT settled
                AND (start_ts IS NULL OR t.processed_at >= start_ts) AND (end_ts IS NULL OR t.processed_at < end_ts)
                -- in a window by probes, whatever the planner thinks of its size
                AND (NOT windowed
                     OR (SELECT count(*) FROM scout.bronze_events b WHERE b.event_id = t.source_event_id) = 0)
              UNION ALL
              SELECT t.transaction_id, t.source_event_id
              FROM scout.silver_transactions t
              WHERE settled AND t.source_event_id IS NULL
              UNION ALL
              SELECT t.transaction_id, t.source_event_id
              FROM unnest(exceptions) a (event_id) JOIN scout.silver_transactions t ON t.source_event_id = a.event_id
              WHERE settled) s
        WHERE NOT EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = s.source_event_id)
          AND NOT EXISTS (SELECT FROM scout.bronze_deletions d WHERE d.event_id = s.source_event_id)
    )
    SELECT count(*) FILTER (WHERE x.source_event_id IS NULL) AS no_lineage,
           count(x.source_event_id) AS never_seen,
           count(*) FILTER (WHERE x.is_lettered) AS lettered,
           (SELECT jsonb_agg(y.transaction_id) FROM (SELECT z.transaction_id FROM orphan z
                WHERE z.source_event_id IS NULL ORDER BY 1 LIMIT 10) y) AS no_lineage_sample,
           (SELECT jsonb_agg(y.source_event_id) FROM (SELECT z.source_event_id FROM orphan z
                WHERE z.source_event_id IS NOT NULL ORDER BY 1 LIMIT 10) y) AS never_seen_sample,
           (SELECT jsonb_agg(y.source_event_id) FROM (SELECT z.source_event_id FROM orphan z
                WHERE z.is_lettered ORDER BY 1 LIMIT 10) y) AS lettered_sample
    FROM orphan x;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile_strangers(timestamptz, timestamptz, boolean, bigint[]) IS
'Rows of silver whose event was never seen, or that name none, with examples: part of reconcile().';

-- Letters without an event id, or of events that were never seen. In a window only open letters: closed ones have no
-- index on failed_at.
CREATE FUNCTION scout_internal.reconcile_letters(start_ts timestamptz, end_ts timestamptz)
RETURNS TABLE (unlinked bigint, never_seen bigint, unlinked_sample jsonb, never_seen_sample jsonb)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    windowed boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH loose AS MATERIALIZED (
        SELECT q.dlq_id, q.event_id, q.status
        FROM scout.bronze_events_dlq q
        WHERE (q.status = 'open' OR NOT windowed AND q.status = 'discarded')
          AND (start_ts IS NULL OR q.failed_at >= start_ts) AND (end_ts IS NULL OR q.failed_at < end_ts)
          AND NOT EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = q.event_id)
          AND NOT EXISTS (SELECT FROM scout.bronze_deletions d WHERE d.event_id = q.event_id)
    )
    SELECT count(*) FILTER (WHERE x.event_id IS NULL AND x.status = 'open') AS unlinked,
           count(x.event_id) AS never_seen,
           (SELECT jsonb_agg(y.dlq_id) FROM (SELECT z.dlq_id FROM loose z
                WHERE z.event_id IS NULL AND z.status = 'open' ORDER BY 1 LIMIT 10) y) AS unlinked_sample,
           (SELECT jsonb_agg(y.event_id) FROM (SELECT z.event_id FROM loose z WHERE z.event_id IS NOT NULL
                ORDER BY 1 LIMIT 10) y) AS never_seen_sample
    FROM loose x;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile_letters(timestamptz, timestamptz) IS
'Dead letters whose event is not known, with examples: part of reconcile().';
