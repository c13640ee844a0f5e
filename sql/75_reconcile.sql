-- The proof that nothing is lost: every bronze event in exactly one state, bronze against silver in
-- both directions, in one snapshot. (The rules for reports are at the top of 70_reports.sql.)
--
-- States of an event in bronze:
--   processed      a row of silver_transactions has it as source_event_id
--   dead_lettered  its letter is open
--   discarded      its letter is discarded
--   pending        none of these, and its id is in the queue or in the memory of this transaction
-- Ids in the queue are hints: of those that have another state, or that are not in bronze, none
-- counts as pending. A resolved letter is no state.
--
-- Cost. All of bronze: merge joins over the indexes of bronze, silver and lines, one pass each, and
-- one scan of bronze for its dedup keys; samples and causes are looked up only where a count says
-- that there is something to find. A window: bronze through its index on ingested_at, the others by
-- event id. Hence custom plans, in which the branches for the other case fold away; and no parallel
-- ones, which cannot run where plpgsql reads into variables, but would be chosen. JIT costs more here
-- than it saves.
--
-- A window is on bronze.ingested_at. What is no longer in bronze is placed by the ingested_at of
-- its logged deletion, or, where no deletion is logged, by silver's processed_at and the letter's failed_at.

CREATE FUNCTION scout.reconcile(start_ts timestamptz DEFAULT NULL, end_ts timestamptz DEFAULT NULL)
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    windowed    boolean := start_ts IS NOT NULL OR end_ts IS NOT NULL;
    lo          bigint;  -- ids that the window spans
    hi          bigint;
    unflushed   int8multirange;
    queued      int8multirange;
    hints       numeric;
    silver_rows bigint;
    events      record;
    deleted     record;
    strangers   record;
    letters     record;
    lines       record;
    keys        record;
BEGIN
    IF start_ts >= end_ts THEN
        RAISE EXCEPTION 'the window [%, %) is empty or reversed', start_ts, end_ts
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give start_ts before end_ts: the window is half-open, and NULL leaves a side open.';
    END IF;
    PERFORM scout.require_pipeline();

    IF windowed THEN
        -- The count keeps the planner from walking the primary key in search of the minimum.
        SELECT CASE WHEN count(*) > 0 THEN min(b.event_id) ELSE 0 END,
               CASE WHEN count(*) > 0 THEN max(b.event_id) ELSE -1 END
        INTO lo, hi
        FROM scout.bronze_events b
        WHERE (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts);
    END IF;

    SELECT coalesce(range_agg(int8range(u.event_id, u.event_id, '[]')), '{}') INTO unflushed
    FROM scout.unflushed_events() u;
    SELECT coalesce(range_agg(p.events), '{}') + unflushed INTO queued
    FROM scout.bronze_pending p;
    SELECT coalesce(sum(upper(r.ids) - lower(r.ids)), 0) INTO hints FROM unnest(queued) r (ids);

    -- Bronze, event by event: joins for all of it, index probes for a window, whose size the planner
    -- may not know. The grouping makes it right without the unique constraints too, on adopted
    -- tables; over the unique indexes it costs next to nothing.
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
        WHERE NOT windowed
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
               count(*) FILTER (WHERE e.is_queued) AS hinted
        FROM state e
    )
    SELECT t.*,
           CASE WHEN t.stateless > 0 THEN
               (SELECT jsonb_agg(x.event_id ORDER BY x.event_id)
                FROM (SELECT e.event_id FROM state e
                      WHERE e.copies = 0 AND NOT e.is_open AND NOT e.is_discarded AND NOT e.is_queued
                      ORDER BY e.event_id LIMIT 10) x) END AS stateless_ids,
           CASE WHEN t.several > 0 THEN
               (SELECT jsonb_agg(jsonb_build_object('event_id', x.event_id, 'states', array_remove(ARRAY[
                                     CASE WHEN x.copies > 0 THEN 'processed' END,
                                     CASE WHEN x.is_open THEN 'dead_lettered' END,
                                     CASE WHEN x.is_discarded THEN 'discarded' END], NULL)) ORDER BY x.event_id)
                FROM (SELECT e.* FROM state e
                      WHERE (e.copies > 0)::int + e.is_open::int + e.is_discarded::int > 1
                      ORDER BY e.event_id LIMIT 10) x) END AS several_events,
           CASE WHEN t.twice > 0 THEN
               (SELECT jsonb_agg(x.event_id ORDER BY x.event_id)
                FROM (SELECT e.event_id FROM state e WHERE e.copies > 1 ORDER BY e.event_id LIMIT 10) x) END AS twice_ids
    INTO events
    FROM totals t;

    -- What was deleted from bronze by hand, and what it left behind.
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
    INTO deleted
    FROM gone g;

    -- Silver rows without lineage, or of events that neither bronze nor the log of deletions knows.
    -- For all of bronze subtraction says whether there are any.
    IF NOT windowed THEN
        SELECT count(*) INTO silver_rows FROM scout.silver_transactions s;
    END IF;
    IF windowed OR silver_rows > events.silver_rows + deleted.silver_rows THEN
        WITH stranger AS MATERIALIZED (
            SELECT s.transaction_id, s.source_event_id,
                   EXISTS (SELECT FROM scout.bronze_events_dlq q
                           WHERE q.event_id = s.source_event_id AND q.status IN ('open', 'discarded')) AS is_lettered
            FROM scout.silver_transactions s
            WHERE (start_ts IS NULL OR s.processed_at >= start_ts) AND (end_ts IS NULL OR s.processed_at < end_ts)
              AND NOT EXISTS (SELECT FROM scout.bronze_events b WHERE b.event_id = s.source_event_id)
              AND NOT EXISTS (SELECT FROM scout.bronze_deletions d WHERE d.event_id = s.source_event_id)
        )
        SELECT count(*) FILTER (WHERE x.source_event_id IS NULL) AS no_lineage,
               count(x.source_event_id) AS never_seen,
               count(*) FILTER (WHERE x.is_lettered) AS lettered,
               (SELECT jsonb_agg(y.transaction_id) FROM (SELECT z.transaction_id FROM stranger z
                    WHERE z.source_event_id IS NULL ORDER BY 1 LIMIT 10) y) AS no_lineage_sample,
               (SELECT jsonb_agg(y.source_event_id) FROM (SELECT z.source_event_id FROM stranger z
                    WHERE z.source_event_id IS NOT NULL ORDER BY 1 LIMIT 10) y) AS never_seen_sample,
               (SELECT jsonb_agg(y.source_event_id) FROM (SELECT z.source_event_id FROM stranger z
                    WHERE z.is_lettered ORDER BY 1 LIMIT 10) y) AS lettered_sample
        INTO strangers
        FROM stranger x;
    ELSE
        SELECT 0::bigint AS no_lineage, 0::bigint AS never_seen, 0::bigint AS lettered, NULL::jsonb AS no_lineage_sample,
               NULL::jsonb AS never_seen_sample, NULL::jsonb AS lettered_sample
        INTO strangers;
    END IF;

    -- Letters without an event id, or of events that were never seen. In a window only open letters:
    -- closed ones have no index on failed_at.
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
    INTO letters
    FROM loose x;

    -- Transactions against their lines. In a window, lines left behind are looked for under the
    -- transaction ids of events that are not in silver.
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
        FROM scout.bronze_events b JOIN scout.silver_transactions s ON s.source_event_id = b.event_id
        WHERE windowed
          AND (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts)
    ), missing_in_window AS (
        SELECT btrim(b.event_data ->> 'transaction_id', E' \t\r\n') AS transaction_id
        FROM scout.bronze_events b
        WHERE windowed
          AND (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts)
          AND NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id)
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
    SELECT count(*) FILTER (WHERE NOT o.is_orphan AND o.lines = 0 AND o.item_count > 0) AS lineless,
           count(*) FILTER (WHERE NOT o.is_orphan AND o.lines = 0 AND o.item_count <= 0) AS declared_empty,
           count(*) FILTER (WHERE o.lines > 0 AND o.item_count <> o.lines) AS mismatched,
           count(*) FILTER (WHERE o.is_orphan) AS orphan_transactions,
           coalesce(sum(o.lines) FILTER (WHERE o.is_orphan), 0) AS orphan_lines,
           (SELECT jsonb_agg(x.transaction_id) FROM (SELECT y.transaction_id FROM odd y
                WHERE NOT y.is_orphan AND y.lines = 0 AND y.item_count > 0 ORDER BY 1 LIMIT 10) x) AS lineless_sample,
           (SELECT jsonb_agg(to_jsonb(x)) FROM (SELECT y.transaction_id, y.item_count, y.lines FROM odd y
                WHERE y.lines > 0 AND y.item_count <> y.lines ORDER BY 1 LIMIT 10) x) AS mismatched_sample,
           (SELECT jsonb_agg(x.transaction_id) FROM (SELECT y.transaction_id FROM odd y
                WHERE y.is_orphan ORDER BY 1 LIMIT 10) x) AS orphan_sample
    INTO lines
    FROM odd o;

    -- Bronze against its dedup keys. The key of an event that is gone stays by right as long as
    -- silver or a dead letter holds the event: it refuses a redelivery.
    WITH paired AS (
        SELECT b.event_id AS event, k.event_id AS key
        FROM scout.bronze_events b
        FULL JOIN scout.bronze_event_keys k ON k.event_hash = b.event_hash AND k.event_id = b.event_id
        WHERE NOT windowed AND (b.event_id IS NULL OR k.event_id IS NULL)
    ), odd AS MATERIALIZED (
        SELECT p.event, p.key FROM paired p
        UNION ALL
        SELECT b.event_id, NULL
        FROM scout.bronze_events b
        WHERE windowed
          AND (start_ts IS NULL OR b.ingested_at >= start_ts) AND (end_ts IS NULL OR b.ingested_at < end_ts)
          AND NOT EXISTS (SELECT FROM scout.bronze_event_keys k
                          WHERE k.event_hash = b.event_hash AND k.event_id = b.event_id)
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
    SELECT count(j.event) AS keyless,
           count(j.key) FILTER (WHERE NOT j.is_held) AS forgotten,
           count(j.key) FILTER (WHERE j.is_held) AS held,
           (SELECT jsonb_agg(x.event) FROM (SELECT y.event FROM judged y
                WHERE y.event IS NOT NULL ORDER BY 1 LIMIT 10) x) AS keyless_sample,
           (SELECT jsonb_agg(x.key) FROM (SELECT y.key FROM judged y
                WHERE y.key IS NOT NULL AND NOT y.is_held ORDER BY 1 LIMIT 10) x) AS forgotten_sample
    INTO keys
    FROM judged j;

    RETURN QUERY
    SELECT c.name,
           CASE WHEN c.name = 'balance' AND events.stateless + events.several > 0 THEN 'critical'  -- they may cancel out
                WHEN c.value = 0 THEN 'ok' ELSE c.severity END,
           c.value, c.threshold,
           jsonb_strip_nulls(c.details)
    FROM (VALUES
        (1, 'bronze_events', 'ok', events.bronze::numeric, NULL::numeric,
            jsonb_build_object('start_ts', start_ts, 'end_ts', end_ts, 'first_id_of_window', lo, 'last_id_of_window', hi)),
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
        (10, 'silver_without_bronze', CASE WHEN strangers.never_seen > 0 THEN 'critical' ELSE 'warning' END,
            deleted.silver_rows + strangers.no_lineage + strangers.never_seen, 0,
            jsonb_build_object(
                'deleted_by_hand', deleted.silver_rows, 'deleted_event_ids', deleted.silver_sample,
                'never_seen', strangers.never_seen, 'never_seen_event_ids', strangers.never_seen_sample,
                'no_lineage', strangers.no_lineage, 'no_lineage_transaction_ids', strangers.no_lineage_sample)),
        (11, 'silver_of_dead_letters', 'critical',
            events.lettered_silver + deleted.lettered_silver + strangers.lettered, 0,
            jsonb_build_object(
                'in_bronze', events.lettered_silver,
                'not_in_bronze', deleted.lettered_silver + strangers.lettered,
                'not_in_bronze_event_ids',
                nullif(coalesce(deleted.both_sample, '[]') || coalesce(strangers.lettered_sample, '[]'), '[]'))),
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
COMMENT ON FUNCTION scout.reconcile(timestamptz, timestamptz) IS
'Proof that nothing is lost, in one snapshot: counts bronze events by state, checks that the states add up, and compares bronze with silver, lines, dead letters, queue and dedup keys, for all of bronze or the half-open window [start_ts, end_ts) on ingested_at (NULL leaves a side open). Names up to 10 examples of whatever breaks a check.';
