-- Gold as a source of alerts.

-- The age of the pipeline's own views is a matter of freshness.
CREATE FUNCTION scout_internal.gold_alerts()
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'gold:' || g.materialized_view,
           CASE WHEN g.state = 'failed' OR g.state = 'stale' AND g.status = 'error' THEN 'critical' ELSE 'warning' END,
           g.materialized_view,
           CASE g.state WHEN 'failed' THEN 'its newest refresh failed' WHEN 'not populated' THEN 'it was never populated'
                WHEN 'missing' THEN 'it is registered, and gone'
                ELSE format('stale for %s s, the limit is %s', g.seconds_behind,
                            CASE g.status WHEN 'error' THEN g.error_after ELSE g.warn_after END) END,
           CASE g.state WHEN 'missing' THEN format('SELECT scout.unregister_gold(%L);', g.materialized_view)
                ELSE 'SELECT * FROM scout.refresh_gold_platinum();' END, NULL::text, g.own
    FROM (SELECT f.*, EXISTS (SELECT FROM scout_internal.dataset_list() d WHERE d.built_in AND quote_ident(d.dataset) = f.materialized_view) AS own
          FROM scout.gold_freshness() f) g
    WHERE g.state IN ('failed', 'not populated', 'missing') OR g.state = 'stale' AND g.status IN ('warn', 'error') AND NOT g.own;
END
$$;
COMMENT ON FUNCTION scout_internal.gold_alerts() IS
'Gold views that are missing, not populated, stale for too long, or whose newest refresh failed.';
