-- Up to 10,000 chunks each is looked at, beyond only the first of each source, as in backlog(). The
-- sources are found by a loose index scan.
CREATE FUNCTION scout_internal.oldest_pending()
RETURNS TABLE (source_system text, oldest timestamptz, is_estimate boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT g.source_system, g.oldest, false
    FROM (SELECT w.source_system, min(w.since) AS oldest, sum(sum(w.chunk)) OVER () AS chunks
          FROM ((SELECT p.source_system, p.min_ingested_at, 1 FROM scout.bronze_pending p LIMIT 10001)
                UNION ALL
                SELECT u.source_system, (SELECT b.ingested_at FROM scout.bronze_events b WHERE b.event_id = u.event_id), 0
                FROM scout_internal.unflushed_events() u) w (source_system, since, chunk)
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
COMMENT ON FUNCTION scout_internal.oldest_pending() IS
'When the oldest waiting event of each source was ingested: exact up to 10,000 chunks in the queue, beyond an estimate from the first chunk of each source.';

CREATE FUNCTION scout_internal.ingest_freshness()
RETURNS TABLE (bronze_staleness_minutes numeric, silver_staleness_minutes numeric, gold_staleness_minutes numeric,
               pipeline_health text, latest_bronze_event timestamptz, latest_silver_load timestamptz,
               latest_gold_refresh timestamptz, backlog bigint, oldest_pending timestamptz,
               backlog_is_estimate boolean)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH pauses AS (
        SELECT p.source_system FROM scout.pipeline_pauses p
        WHERE p.expires_at IS NULL OR p.expires_at > clock_timestamp()  -- as the loader judges it
    ), pending AS (
        SELECT min(w.oldest) AS oldest,
               min(w.oldest) FILTER (WHERE NOT EXISTS (
                   SELECT FROM pauses p WHERE p.source_system = w.source_system)) AS oldest_loadable,
               coalesce(bool_or(w.is_estimate), false) AS is_estimate
        FROM scout_internal.oldest_pending() w
    ), bronze AS (
        SELECT b.ingested_at AS latest FROM scout.bronze_events b ORDER BY b.event_id DESC LIMIT 1
    ), silver AS (
        SELECT r.finished_at AS latest FROM scout_internal.etl_runs r
        WHERE r.changed_silver
        ORDER BY r.finished_at DESC LIMIT 1
    ), gold AS (  -- by the clock, of the pipeline's own views that read silver: gold_freshness() is exact, and takes longer
        SELECT CASE WHEN count(*) = count(good.finished_at) THEN min(good.finished_at) END AS latest,
               max(coalesce(extract(epoch FROM statement_timestamp() - waiting.since), 0)) AS behind
        FROM pg_class v
        LEFT JOIN LATERAL (
            SELECT g.started_at, g.finished_at FROM scout_internal.gold_refreshes g
            WHERE g.view_schema = 'scout' AND g.view_name = v.relname AND g.status = 'refreshed'
            ORDER BY g.refresh_id DESC LIMIT 1) good ON true
        LEFT JOIN LATERAL (
            SELECT r.finished_at AS since FROM scout_internal.etl_runs r
            WHERE r.changed_silver AND r.finished_at > coalesce(good.started_at, '-infinity')
            ORDER BY r.finished_at LIMIT 1) waiting ON true
        WHERE v.relnamespace = 'scout'::regnamespace AND v.relkind = 'm'
          AND NOT EXISTS (SELECT FROM scout_internal.registered_gold r WHERE r.view_schema = 'scout' AND r.view_name = v.relname AND NOT r.enabled)
          AND (EXISTS (SELECT FROM scout_internal.gold_sources s WHERE s.view_id = v.oid
                       AND s.source_id IN (to_regclass('scout.silver_transactions'), to_regclass('scout.silver_line_items')))
               OR NOT EXISTS (SELECT FROM scout_internal.gold_baselines b WHERE b.view_id = v.oid))
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
                WHEN a.worst <= extract(epoch FROM l.warn_after) THEN 'healthy'
                WHEN a.worst <= extract(epoch FROM l.error_after) THEN 'warning'
                ELSE 'critical' END,
           a.latest_bronze, a.latest_silver, a.latest_gold, scout.backlog(), a.oldest, a.is_estimate
    FROM ages a CROSS JOIN scout_internal.freshness_limits('pipeline'::text) l;
END
$$;
COMMENT ON FUNCTION scout_internal.ingest_freshness() IS 'The body of ingest_freshness().';

CREATE FUNCTION scout.ingest_freshness()
RETURNS TABLE (bronze_staleness_minutes numeric, silver_staleness_minutes numeric, gold_staleness_minutes numeric,
               pipeline_health text, latest_bronze_event timestamptz, latest_silver_load timestamptz,
               latest_gold_refresh timestamptz, backlog bigint, oldest_pending timestamptz,
               backlog_is_estimate boolean)
LANGUAGE c STABLE COST 100 ROWS 1 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.ingest_freshness() IS
'Age of the newest bronze event, of the newest change of silver and of the least recently refreshed gold view (NULL: never), and one word of health. pipeline_health is paused (all sources), unknown (no data yet), or follows the longest of: silence of bronze, wait of the oldest pending event of a source that is not paused, wait of a silver change for a gold refresh: healthy up to 5 minutes, warning up to 15, then critical. Silver without a backlog and gold without changes of silver are not stale, however old. backlog_is_estimate says that more than 10,000 chunks wait: backlog and oldest_pending are then estimates.';

CREATE VIEW scout.v_ingest_freshness AS
SELECT bronze_staleness_minutes, silver_staleness_minutes, gold_staleness_minutes, pipeline_health,
       latest_bronze_event, latest_silver_load, latest_gold_refresh, backlog, oldest_pending, backlog_is_estimate
FROM scout.ingest_freshness();
COMMENT ON VIEW scout.v_ingest_freshness IS 'Staleness per layer and health of the pipeline: ingest_freshness().';
