-- Reports on the flow: freshness, throughput, latency.
--
-- Rules for every report: STABLE, so that all its statements read the caller's one snapshot and it runs in
-- a read-only transaction; plpgsql, so that it is bound to the pipeline's tables when it is called, not when
-- the extension is created; behind a C function that decides as whom it runs (src/extension/sight.hpp). Times
-- are judged by statement_timestamp(): it is the moment of the snapshot, the same in all columns, while now()
-- would stand still in a transaction that stays open. Views are over functions only: the extension must not
-- depend on the user's tables. What belongs to the rows of a window is fetched by its key (OFFSET 0 keeps the
-- planner from joining), so that no plan reads the history.

CREATE FUNCTION scout_internal.pipeline_throughput(hours numeric)
RETURNS TABLE (minute timestamptz, tx_count bigint, total_items bigint, avg_transaction_amount numeric,
               active_stores bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout_internal.hours_ago(hours);
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT date_trunc('minute', s.processed_at) AS minute, count(*), sum(s.item_count)::bigint,
           round(avg(s.total_amount), 2), count(DISTINCT s.store_id)
    FROM scout.silver_transactions s
    WHERE s.processed_at >= since
    GROUP BY 1
    ORDER BY 1 DESC;
END
$$;
COMMENT ON FUNCTION scout_internal.pipeline_throughput(numeric) IS 'The body of pipeline_throughput().';

CREATE FUNCTION scout.pipeline_throughput(hours numeric DEFAULT 1)
RETURNS TABLE (minute timestamptz, tx_count bigint, total_items bigint, avg_transaction_amount numeric,
               active_stores bigint)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
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
    since timestamptz := scout_internal.hours_ago(hours);
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT date_trunc('hour', r.finished_at) AS hour, count(*),
           sum(r.transactions_created + r.line_items_created)::bigint,
           round(avg(r.duration_ms), 3), max(r.duration_ms), min(r.duration_ms),
           round(percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms)::numeric, 3)
    FROM scout_internal.etl_runs r
    WHERE r.finished_at >= since AND r.events_processed > 0
    GROUP BY 1
    ORDER BY 1 DESC;
END
$$;
COMMENT ON FUNCTION scout.etl_performance(numeric) IS
'Batches that processed events, per hour of the last hours, newest first; total_records_created counts transactions and line items.';

CREATE FUNCTION scout_internal.ingest_latency(hours numeric)
RETURNS TABLE (transaction_id text, bronze_ingested_at timestamptz, silver_processed_at timestamptz,
               latency_seconds numeric, latency_rating text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout_internal.hours_ago(hours);
    warn_after  numeric;
    error_after numeric;
BEGIN
    PERFORM scout_internal.require_pipeline();
    SELECT extract(epoch FROM f.warn_after), extract(epoch FROM f.error_after) INTO warn_after, error_after
    FROM scout_internal.freshness_limits('pipeline'::text) f;
    RETURN QUERY
    SELECT l.transaction_id, l.ingested_at, l.processed_at, round(l.seconds, 3),
           CASE WHEN l.seconds <= warn_after THEN 'healthy' WHEN l.seconds <= error_after THEN 'warning' ELSE 'critical' END
    FROM (SELECT s.transaction_id, b.ingested_at, s.processed_at,
                 extract(epoch FROM s.processed_at - b.ingested_at) AS seconds
          FROM scout.silver_transactions s
          CROSS JOIN LATERAL (SELECT e.ingested_at FROM scout.bronze_events e
                              WHERE e.event_id = s.source_event_id OFFSET 0) b
          WHERE s.processed_at >= since) l
    ORDER BY l.processed_at DESC, l.transaction_id;
END
$$;
COMMENT ON FUNCTION scout_internal.ingest_latency(numeric) IS 'The body of ingest_latency().';

CREATE FUNCTION scout.ingest_latency(hours numeric DEFAULT 1)
RETURNS TABLE (transaction_id text, bronze_ingested_at timestamptz, silver_processed_at timestamptz,
               latency_seconds numeric, latency_rating text)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.ingest_latency(numeric) IS
'From ingestion to silver, per transaction processed in the last hours, newest first: healthy up to 5 minutes, warning up to 15, then critical. A reprocessed transaction counts up to its newest processing.';

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
