-- Reports on the flow: freshness, throughput, latency. Quality is in 72, the proof in 75.
--
-- Rules for every report (70 to 75): STABLE, so that all its statements read the caller's one
-- snapshot and it runs in a read-only transaction; plpgsql, so that it is bound to the pipeline's
-- tables when it is called, not when the extension is created; the caller's own rights. Times are
-- judged by statement_timestamp(): it is the moment of the snapshot, the same in all columns,
-- while now() would stand still in a transaction that stays open. Views are over functions only:
-- the extension must not depend on the user's tables. What belongs to the rows of a window is fetched
-- by its key (OFFSET 0 keeps the planner from joining), so that no plan reads the history.

CREATE FUNCTION scout.hours_ago(hours numeric) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF hours IS NULL OR hours < 0 OR hours > 87600 THEN  -- NaN and infinity are greater
        RAISE EXCEPTION 'invalid number of hours: %', coalesce(hours::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give a number from 0 to 87600 (ten years), such as hours => 24.';
    END IF;
    RETURN statement_timestamp() - hours::float8 * interval '1 hour';
END
$$;
COMMENT ON FUNCTION scout.hours_ago(numeric) IS
'Start of the window of a report over the last hours; refuses NULL, negative numbers and more than ten years.';

-- The newest batch that changed silver, and the first after a refresh: the predicate is spelled the same
-- everywhere, for the index etl_runs_silver_idx.

-- Up to 10,000 chunks each is looked at, beyond only the first of each source, as in backlog(). The
-- sources are found by a loose index scan.
CREATE FUNCTION scout.oldest_pending()
RETURNS TABLE (source_system text, oldest timestamptz, is_estimate boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM scout.require_pipeline();
    RETURN QUERY
    SELECT g.source_system, g.oldest, false
    FROM (SELECT w.source_system, min(w.since) AS oldest, sum(sum(w.chunk)) OVER () AS chunks
          FROM ((SELECT p.source_system, p.min_ingested_at, 1 FROM scout.bronze_pending p LIMIT 10001)
                UNION ALL
                SELECT u.source_system, (SELECT b.ingested_at FROM scout.bronze_events b WHERE b.event_id = u.event_id), 0
                FROM scout.unflushed_events() u) w (source_system, since, chunk)
          GROUP BY w.source_system) g
    WHERE g.chunks <= 10000;
    IF NOT FOUND THEN
        RETURN QUERY
        WITH RECURSIVE sources (name) AS (
            (SELECT p.source_system FROM scout.bronze_pending p ORDER BY p.source_system LIMIT 1)
            UNION ALL
            SELECT (SELECT p.source_system FROM scout.bronze_pending p WHERE p.source_system > s.name
                    ORDER BY p.source_system LIMIT 1)
            FROM sources s WHERE s.name IS NOT NULL
        )
        SELECT s.name, (SELECT p.min_ingested_at FROM scout.bronze_pending p WHERE p.source_system = s.name
                        ORDER BY p.chunk_id LIMIT 1), true
        FROM sources s WHERE s.name IS NOT NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION scout.oldest_pending() IS
'When the oldest waiting event of each source was ingested: exact up to 10,000 chunks in the queue, beyond an estimate from the first chunk of each source.';

CREATE FUNCTION scout.ingest_freshness()
RETURNS TABLE (bronze_staleness_minutes numeric, silver_staleness_minutes numeric, gold_staleness_minutes numeric,
               pipeline_health text, latest_bronze_event timestamptz, latest_silver_load timestamptz,
               latest_gold_refresh timestamptz, backlog bigint, oldest_pending timestamptz,
               backlog_is_estimate boolean)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM scout.require_pipeline();
    RETURN QUERY
    WITH pauses AS (
        SELECT p.source_system FROM scout.pipeline_pauses p
        WHERE p.expires_at IS NULL OR p.expires_at > clock_timestamp()  -- as the loader judges it
    ), pending AS (
        SELECT min(w.oldest) AS oldest,
               min(w.oldest) FILTER (WHERE NOT EXISTS (
                   SELECT FROM pauses p WHERE p.source_system = w.source_system)) AS oldest_loadable,
               coalesce(bool_or(w.is_estimate), false) AS is_estimate
        FROM scout.oldest_pending() w
    ), bronze AS (
        SELECT b.ingested_at AS latest FROM scout.bronze_events b ORDER BY b.event_id DESC LIMIT 1
    ), silver AS (
        SELECT r.finished_at AS latest FROM scout.etl_runs r
        WHERE r.transactions_created > 0 OR r.transactions_updated > 0 OR r.transactions_removed > 0
        ORDER BY r.finished_at DESC LIMIT 1
    ), gold AS (  -- by the clock, of the pipeline's own views that read silver: gold_freshness() is exact, and takes longer
        SELECT CASE WHEN count(*) = count(good.finished_at) THEN min(good.finished_at) END AS latest,
               max(coalesce(extract(epoch FROM statement_timestamp() - waiting.since), 0)) AS behind
        FROM pg_class v
        LEFT JOIN LATERAL (
            SELECT g.started_at, g.finished_at FROM scout.gold_refreshes g
            WHERE g.view_schema = 'scout' AND g.view_name = v.relname AND g.status = 'refreshed'
            ORDER BY g.refresh_id DESC LIMIT 1) good ON true
        LEFT JOIN LATERAL (
            SELECT r.finished_at AS since FROM scout.etl_runs r
            WHERE (r.transactions_created > 0 OR r.transactions_updated > 0 OR r.transactions_removed > 0)
              AND r.finished_at > coalesce(good.started_at, '-infinity')
            ORDER BY r.finished_at LIMIT 1) waiting ON true
        WHERE v.relnamespace = 'scout'::regnamespace AND v.relkind = 'm'
          AND NOT EXISTS (SELECT FROM scout.registered_gold r WHERE r.view_schema = 'scout' AND r.view_name = v.relname AND NOT r.enabled)
          AND (EXISTS (SELECT FROM scout.gold_sources s WHERE s.view_id = v.oid
                       AND s.source_id IN (to_regclass('scout.silver_transactions'), to_regclass('scout.silver_line_items')))
               OR NOT EXISTS (SELECT FROM scout.gold_baselines b WHERE b.view_id = v.oid))
    ), ages AS (
        SELECT extract(epoch FROM statement_timestamp() - bronze.latest) AS bronze,
               extract(epoch FROM statement_timestamp() - silver.latest) AS silver,
               extract(epoch FROM statement_timestamp() - gold.latest) AS gold,
               greatest(extract(epoch FROM statement_timestamp() - bronze.latest),  -- ignores NULL
                        extract(epoch FROM statement_timestamp() - pending.oldest_loadable),
                        gold.behind) AS worst,
               bronze.latest AS latest_bronze, silver.latest AS latest_silver, gold.latest AS latest_gold,
               pending.oldest, pending.is_estimate
        FROM pending CROSS JOIN gold LEFT JOIN bronze ON true LEFT JOIN silver ON true
    )
    SELECT round(CASE WHEN a.bronze < 0 THEN 0 ELSE a.bronze END / 60, 2),
           round(CASE WHEN a.silver < 0 THEN 0 ELSE a.silver END / 60, 2),
           round(CASE WHEN a.gold < 0 THEN 0 ELSE a.gold END / 60, 2),
           CASE WHEN EXISTS (SELECT FROM pauses p WHERE p.source_system IS NULL) THEN 'paused'
                WHEN a.latest_bronze IS NULL AND a.latest_silver IS NULL THEN 'unknown'
                WHEN a.worst <= 300 THEN 'healthy'
                WHEN a.worst <= 900 THEN 'warning'
                ELSE 'critical' END,
           a.latest_bronze, a.latest_silver, a.latest_gold, scout.backlog(), a.oldest, a.is_estimate
    FROM ages a;
END
$$;
COMMENT ON FUNCTION scout.ingest_freshness() IS
'Age of the newest bronze event, of the newest change of silver and of the least recently refreshed gold view (NULL: never), and one word of health. pipeline_health is paused (all sources), unknown (no data yet), or follows the longest of: silence of bronze, wait of the oldest pending event of a source that is not paused, wait of a silver change for a gold refresh: healthy up to 5 minutes, warning up to 15, then critical. Silver without a backlog and gold without changes of silver are not stale, however old. backlog_is_estimate says that more than 10,000 chunks wait: backlog and oldest_pending are then estimates.';

CREATE FUNCTION scout.pipeline_throughput(hours numeric DEFAULT 1)
RETURNS TABLE (minute timestamptz, tx_count bigint, total_items bigint, avg_transaction_amount numeric,
               active_stores bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout.hours_ago(hours);
BEGIN
    PERFORM scout.require_pipeline();
    RETURN QUERY
    SELECT date_trunc('minute', s.processed_at) AS minute, count(*), sum(s.item_count)::bigint,
           round(avg(s.total_amount), 2), count(DISTINCT s.store_id)
    FROM scout.silver_transactions s
    WHERE s.processed_at >= since
    GROUP BY 1
    ORDER BY 1 DESC;
END
$$;
COMMENT ON FUNCTION scout.pipeline_throughput(numeric) IS
'Transactions that reached silver, per minute of the last hours, newest first; a minute without any has no row.';

CREATE FUNCTION scout.etl_performance(hours numeric DEFAULT 24)
RETURNS TABLE (hour timestamptz, batches_processed bigint, total_records_created bigint, avg_duration_ms numeric,
               max_duration_ms numeric, min_duration_ms numeric, p95_duration_ms numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout.hours_ago(hours);
BEGIN
    PERFORM scout.require_pipeline();
    RETURN QUERY
    SELECT date_trunc('hour', r.finished_at) AS hour, count(*),
           sum(r.transactions_created + r.line_items_created)::bigint,
           round(avg(r.duration_ms), 3), max(r.duration_ms), min(r.duration_ms),
           round(percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms)::numeric, 3)
    FROM scout.etl_runs r
    WHERE r.finished_at >= since AND r.events_processed > 0
    GROUP BY 1
    ORDER BY 1 DESC;
END
$$;
COMMENT ON FUNCTION scout.etl_performance(numeric) IS
'Batches that processed events, per hour of the last hours, newest first; total_records_created counts transactions and line items.';

CREATE FUNCTION scout.ingest_latency(hours numeric DEFAULT 1)
RETURNS TABLE (transaction_id text, bronze_ingested_at timestamptz, silver_processed_at timestamptz,
               latency_seconds numeric, latency_rating text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout.hours_ago(hours);
BEGIN
    PERFORM scout.require_pipeline();
    RETURN QUERY
    SELECT l.transaction_id, l.ingested_at, l.processed_at, round(l.seconds, 3),
           CASE WHEN l.seconds <= 300 THEN 'healthy' WHEN l.seconds <= 900 THEN 'warning' ELSE 'critical' END
    FROM (SELECT s.transaction_id, b.ingested_at, s.processed_at,
                 extract(epoch FROM s.processed_at - b.ingested_at) AS seconds
          FROM scout.silver_transactions s
          CROSS JOIN LATERAL (SELECT e.ingested_at FROM scout.bronze_events e
                              WHERE e.event_id = s.source_event_id OFFSET 0) b
          WHERE s.processed_at >= since) l
    ORDER BY l.processed_at DESC, l.transaction_id;
END
$$;
COMMENT ON FUNCTION scout.ingest_latency(numeric) IS
'From ingestion to silver, per transaction processed in the last hours, newest first: healthy up to 5 minutes, warning up to 15, then critical. A reprocessed transaction counts up to its newest processing.';

CREATE FUNCTION scout.product_linking_stats(hours numeric DEFAULT 24)
RETURNS TABLE (hour timestamptz, total_line_items bigint, linked_items bigint, linking_percentage numeric,
               unique_product_ids bigint, unique_product_keys bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout.hours_ago(hours);
BEGIN
    PERFORM scout.require_pipeline();
    RETURN QUERY
    SELECT date_trunc('hour', s.processed_at) AS hour, count(*), count(l.product_key),
           round(100.0 * count(l.product_key) / count(*), 2),
           count(DISTINCT l.product_id), count(DISTINCT l.product_key)
    FROM scout.silver_transactions s
    CROSS JOIN LATERAL (SELECT i.product_id, i.product_key FROM scout.silver_line_items i
                        WHERE i.transaction_id = s.transaction_id OFFSET 0) l
    WHERE s.processed_at >= since
    GROUP BY 1
    ORDER BY 1 DESC;
END
$$;
COMMENT ON FUNCTION scout.product_linking_stats(numeric) IS
'Share of line items that are linked to the product catalogue, per hour in which their transaction was processed, newest first.';

CREATE VIEW scout.v_ingest_freshness AS
SELECT bronze_staleness_minutes, silver_staleness_minutes, gold_staleness_minutes, pipeline_health,
       latest_bronze_event, latest_silver_load, latest_gold_refresh, backlog, oldest_pending, backlog_is_estimate
FROM scout.ingest_freshness();
COMMENT ON VIEW scout.v_ingest_freshness IS 'Staleness per layer and health of the pipeline: ingest_freshness().';

CREATE VIEW scout.v_pipeline_throughput AS
SELECT minute, tx_count, total_items, avg_transaction_amount, active_stores
FROM scout.pipeline_throughput();
COMMENT ON VIEW scout.v_pipeline_throughput IS 'Transactions per minute of the last hour: pipeline_throughput().';

CREATE VIEW scout.v_etl_performance AS
SELECT hour, batches_processed, total_records_created, avg_duration_ms, max_duration_ms, min_duration_ms,
       p95_duration_ms
FROM scout.etl_performance();
COMMENT ON VIEW scout.v_etl_performance IS 'Batches per hour of the last 24 hours: etl_performance().';

CREATE VIEW scout.v_ingest_latency AS
SELECT transaction_id, bronze_ingested_at, silver_processed_at, latency_seconds, latency_rating
FROM scout.ingest_latency();
COMMENT ON VIEW scout.v_ingest_latency IS 'Latency of each transaction of the last hour: ingest_latency().';

CREATE VIEW scout.v_product_linking_stats AS
SELECT hour, total_line_items, linked_items, linking_percentage, unique_product_ids, unique_product_keys
FROM scout.product_linking_stats();
COMMENT ON VIEW scout.v_product_linking_stats IS 'Product linking per hour of the last 24 hours: product_linking_stats().';
