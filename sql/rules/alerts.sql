-- Quality rules as a source of alerts.

CREATE FUNCTION scout_internal.rule_alerts()
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'rule:' || r.name,
           CASE WHEN q.status = 'error' OR q.status = 'runtime error' AND r.severity = 'error'
                THEN 'critical' ELSE 'warning' END,
           r.name,
           CASE WHEN q.status = 'runtime error' THEN format('could not be evaluated (SQLSTATE %s)', q.error_sqlstate)
                ELSE concat_ws(', ', q.failures || coalesce(' of ' || q.scanned, '') || ' rows fail',
                               CASE WHEN q.anomalous THEN format('unlike its last %s runs', q.runs_compared) END) END,
           format('SELECT * FROM scout.quality_history(%L, 5);', r.name), NULL::text, false
    FROM scout_internal.quality_rule_list() r
    CROSS JOIN LATERAL (SELECT o.* FROM scout_internal.quality_results o WHERE o.rule = r.name
                        ORDER BY o.result_id DESC LIMIT 1) q
    WHERE r.enabled AND (q.status <> 'pass' OR q.anomalous);
END
$$;
COMMENT ON FUNCTION scout_internal.rule_alerts() IS
'What the newest result of each rule says is wrong, however old it is, of rules that are on.';
