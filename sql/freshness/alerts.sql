-- Freshness and volume as sources of alerts.

CREATE FUNCTION scout_internal.freshness_alerts()
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'freshness:' || s.name, CASE f.status WHEN 'error' THEN 'critical' ELSE 'warning' END, s.name,
           CASE WHEN f.status = 'runtime error' THEN format('could not be looked at (SQLSTATE %s)', f.error_sqlstate)
                WHEN f.max_loaded_at IS NULL THEN 'no row has come of late'
                ELSE format('the newest row is of %s, the limit is %s', f.max_loaded_at,
                            CASE f.status WHEN 'error' THEN f.error_after ELSE f.warn_after END) END,
           format('SELECT * FROM scout.freshness(ARRAY[%L]);', f.dataset), f.source, d.relation_schema = 'scout'
    FROM scout.freshness() f
    JOIN scout_internal.dataset_list() d ON d.dataset = f.dataset
    CROSS JOIN LATERAL (SELECT f.dataset || coalesce('/' || f.source, '') AS name) s
    WHERE f.status <> 'pass';
END
$$;
COMMENT ON FUNCTION scout_internal.freshness_alerts() IS
'Datasets and sources of which nothing new has come in time.';

-- Of the last full hour: what it says does not change within the next one.
CREATE FUNCTION scout_internal.volume_alerts()
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'volume:' || s.name,
           CASE WHEN v.status = 'error' AND v.row_count < v.mean THEN 'critical' ELSE 'warning' END, s.name,
           CASE v.status WHEN 'runtime error' THEN format('could not be counted (SQLSTATE %s)', v.error_sqlstate)
                ELSE format('%s rows in the hour to %s, %s in the same hour of the weeks before', v.row_count, v.window_end, v.mean) END,
           format('SELECT * FROM scout.volume(ARRAY[%L]);', v.dataset), v.source, d.relation_schema = 'scout'
    FROM scout.volume(at => date_trunc('hour', statement_timestamp())) v
    JOIN scout_internal.dataset_list() d ON d.dataset = v.dataset
    CROSS JOIN LATERAL (SELECT v.dataset || coalesce('/' || v.source, '') AS name) s
    WHERE v.status IN ('warn', 'error', 'runtime error');
END
$$;
COMMENT ON FUNCTION scout_internal.volume_alerts() IS
'Datasets and sources with an unusual number of rows in the last full hour.';
