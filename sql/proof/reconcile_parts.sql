-- What reconcile() looks at beside the search: the events that are proven one by one, what is left of events that are no
-- longer in bronze, and what it makes of the counts. What it means is in reconcile.sql, which calls these, with its settings.

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
CREATE FUNCTION scout_internal.events_to_check(queued int8multirange) RETURNS bigint[]
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
COMMENT ON FUNCTION scout_internal.events_to_check(int8multirange) IS
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
CREATE FUNCTION scout_internal.reconcile_silver_without_bronze(start_ts timestamptz, end_ts timestamptz, settled boolean, exceptions bigint[])
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
COMMENT ON FUNCTION scout_internal.reconcile_silver_without_bronze(timestamptz, timestamptz, boolean, bigint[]) IS
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

-- What is left of either side without the exceptions has the same fingerprints: these events, keys and lines are settled.
CREATE FUNCTION scout_internal.fingerprints_agree(
    seen record, exceptions record, exception_keys record, OUT events boolean, OUT keys boolean, OUT lines boolean)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    prime CONSTANT numeric := 2305843009213693951;  -- 2^61 - 1
BEGIN
    events := seen.bronze_rows - exceptions.bronze = seen.silver_sources - exceptions.silver_exceptions
        AND mod(seen.bronze_ids - exceptions.bronze_ids - seen.silver_ids + exceptions.silver_ids, prime) = 0;
    keys := seen.bronze_rows - exception_keys.bronze_rows = seen.key_rows - exception_keys.key_rows
        AND mod(seen.bronze_keys - exception_keys.bronze_keys - seen.keys + exception_keys.keys, prime) = 0;
    lines := mod(seen.silver_lines - seen.lines, prime) = 0;
END
$$;
COMMENT ON FUNCTION scout_internal.fingerprints_agree(record, record, record) IS
'Whether fingerprints prove that events, keys and lines beside the exceptions are in order: part of reconcile().';

-- The counts as checks. They come as rows of reconcile_events(), reconcile_deletions(), ...: each column as it is named there.
CREATE FUNCTION scout_internal.reconcile_rows(
    start_ts timestamptz, end_ts timestamptz, hints numeric, events record, deleted record, orphans record, letters record,
    lines record, keys record)
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    windowed boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
BEGIN
    RETURN QUERY
    SELECT c.name,
           CASE WHEN c.name = 'balance' AND events.stateless + events.several > 0 THEN 'critical'  -- they may cancel out
                WHEN c.value = 0 THEN 'ok' ELSE c.severity END,
           c.value, c.threshold,
           jsonb_strip_nulls(c.details)
    FROM (VALUES
        (1, 'bronze_events', 'ok', events.bronze::numeric, NULL::numeric,
            jsonb_build_object('start_ts', start_ts, 'end_ts', end_ts, 'first_id_of_window', events.lo, 'last_id_of_window', events.hi)),
        (2, 'pending', 'ok', events.pending, NULL, '{}'::jsonb),
        (3, 'processed', 'ok', events.processed, NULL, '{}'),
        (4, 'dead_lettered', 'ok', events.dead_lettered, NULL, '{}'),
        (5, 'discarded', 'ok', events.discarded, NULL, '{}'),
        (6, 'balance', 'critical',
            events.bronze - events.pending - events.processed - events.dead_lettered - events.discarded, 0,
            jsonb_build_object('meaning', 'bronze_events - pending - processed - dead_lettered - discarded',
                               'without_state', events.stateless, 'in_several_states', events.several)),
        (7, 'events_without_state', 'critical', events.stateless, 0,
            jsonb_build_object('event_ids', events.stateless_ids)),
        (8, 'events_in_several_states', 'critical', events.several, 0,
            jsonb_build_object('events', events.several_events)),
        (9, 'processed_twice', 'critical', events.twice, 0, jsonb_build_object('event_ids', events.twice_ids)),
        (10, 'silver_without_bronze', CASE WHEN orphans.never_seen > 0 THEN 'critical' ELSE 'warning' END,
            deleted.silver_rows + orphans.no_lineage + orphans.never_seen, 0,
            jsonb_build_object(
                'deleted_by_hand', deleted.silver_rows, 'deleted_event_ids', deleted.silver_sample,
                'never_seen', orphans.never_seen, 'never_seen_event_ids', orphans.never_seen_sample,
                'no_lineage', orphans.no_lineage, 'no_lineage_transaction_ids', orphans.no_lineage_sample)),
        (11, 'silver_of_dead_letters', 'critical',
            events.lettered_silver + deleted.lettered_silver + orphans.lettered, 0,
            jsonb_build_object(
                'in_bronze', events.lettered_silver,
                'not_in_bronze', deleted.lettered_silver + orphans.lettered,
                'not_in_bronze_event_ids',
                nullif(coalesce(deleted.both_sample, '[]') || coalesce(orphans.lettered_sample, '[]'), '[]'))),
        (12, 'transactions_without_lines', 'critical', lines.lineless, 0,
            jsonb_build_object('transaction_ids', lines.lineless_sample, 'with_item_count_0', lines.declared_empty)),
        (13, 'lines_without_transaction', 'critical', lines.orphan_lines, 0,
            jsonb_build_object('transactions', lines.orphan_transactions, 'transaction_ids', lines.orphan_sample)),
        (14, 'item_count_mismatch', 'critical', lines.mismatched, 0,
            jsonb_build_object('transactions', lines.mismatched_sample)),
        (15, 'dead_letters_unlinked', 'warning', letters.unlinked, 0,
            jsonb_build_object('dlq_ids', letters.unlinked_sample)),
        (16, 'dead_letters_without_bronze', 'warning', deleted.lettered + letters.never_seen, 0,
            jsonb_build_object(
                'deleted_by_hand', deleted.lettered, 'deletions', deleted.letter_sample,
                'never_seen', letters.never_seen, 'never_seen_event_ids', letters.never_seen_sample)),
        (17, 'bronze_deleted', 'warning', deleted.deletions, 0,
            jsonb_build_object(
                'first_deleted_at', deleted.first_deleted, 'last_deleted_at', deleted.last_deleted,
                'deleted_by', deleted.by_whom, 'event_ids', deleted.sample, 'back_in_bronze', deleted.back,
                'in_silver', deleted.silver_rows, 'dead_lettered', deleted.lettered,
                'without_trace', deleted.without_trace)),
        (18, 'queue_hints_stale', 'ok',
            CASE WHEN windowed THEN events.hinted ELSE hints END - events.pending, NULL,
            jsonb_build_object('settled', events.hinted - events.pending,
                               'not_in_bronze', CASE WHEN NOT windowed THEN hints - events.hinted END)),
        (19, 'events_without_key', 'warning', keys.keyless, 0, jsonb_build_object('event_ids', keys.keyless_sample)),
        (20, 'keys_without_event', 'warning', keys.forgotten, 0,
            jsonb_build_object('event_ids', keys.forgotten_sample, 'held_by_silver_or_dead_letter', keys.held))
    ) c (ordinal, name, severity, value, threshold, details)
    ORDER BY c.ordinal;
END
$$;
COMMENT ON FUNCTION scout_internal.reconcile_rows(timestamptz, timestamptz, numeric, record, record, record, record, record, record) IS
'The rows of reconcile(), made of what its parts have counted.';
