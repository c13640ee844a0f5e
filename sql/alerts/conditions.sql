-- What is wrong now, by one source. Texts name relations, rules and counts; messages of errors that user data
-- may have caused are left out for their SQLSTATE.
CREATE FUNCTION scout_internal.alert_conditions(source text)
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    CASE alert_conditions.source
    WHEN 'rule' THEN  -- the newest result of each rule that is on, however old
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

    WHEN 'freshness' THEN
        RETURN QUERY
        SELECT 'freshness:' || s.name, CASE f.status WHEN 'error' THEN 'critical' ELSE 'warning' END, s.name,
               CASE WHEN f.status = 'runtime error' THEN format('could not be looked at (SQLSTATE %s)', right(rtrim(f.details, ')'), 5))
                    WHEN f.max_loaded_at IS NULL THEN 'no row has come of late'
                    ELSE format('the newest row is of %s, the limit is %s', f.max_loaded_at,
                                CASE f.status WHEN 'error' THEN f.error_after ELSE f.warn_after END) END,
               format('SELECT * FROM scout.freshness(ARRAY[%L]);', f.dataset), f.source, d.relation_schema = 'scout'
        FROM scout.freshness() f
        JOIN scout_internal.dataset_list() d ON d.dataset = f.dataset
        CROSS JOIN LATERAL (SELECT f.dataset || coalesce('/' || f.source, '') AS name) s
        WHERE f.status <> 'pass';

    WHEN 'volume' THEN  -- of the last full hour: what it says does not change within the next one
        RETURN QUERY
        SELECT 'volume:' || s.name,
               CASE WHEN v.status = 'error' AND v.row_count < v.mean THEN 'critical' ELSE 'warning' END, s.name,
               CASE v.status WHEN 'runtime error' THEN format('could not be counted (SQLSTATE %s)', right(rtrim(v.details, ')'), 5))
                    ELSE format('%s rows in the hour to %s, %s in the same hour of the weeks before', v.row_count, v.window_end, v.mean) END,
               format('SELECT * FROM scout.volume(ARRAY[%L]);', v.dataset), v.source, d.relation_schema = 'scout'
        FROM scout.volume(at => date_trunc('hour', statement_timestamp())) v
        JOIN scout_internal.dataset_list() d ON d.dataset = v.dataset
        CROSS JOIN LATERAL (SELECT v.dataset || coalesce('/' || v.source, '') AS name) s
        WHERE v.status IN ('warn', 'error', 'runtime error');

    WHEN 'job' THEN  -- failed ones until they are resumed, done again, or acknowledged
        RETURN QUERY
        SELECT 'job:' || r.job_id, 'critical', r.job_id::text,
               format('%s failed (SQLSTATE %s)', r.kind, r.error_sqlstate),
               format('SELECT * FROM scout.job(%s); then SELECT scout.resume_job(%1$s);', r.job_id), NULL::text, false
        FROM scout_internal.job_records r
        WHERE r.state = 'failed'
          AND NOT EXISTS (SELECT FROM scout_internal.job_records n WHERE n.kind = r.kind AND n.job_id > r.job_id
                          AND n.arguments = r.arguments AND n.state = 'succeeded')
          AND NOT EXISTS (SELECT FROM scout_internal.alerts a WHERE a.dedup_key = 'job:' || r.job_id
                          AND a.acknowledged_at >= r.finished_at)
        UNION ALL
        SELECT 'job:' || j.job_id, 'warning', j.job_id::text, format('%s is interrupted', j.kind),
               format('SELECT * FROM scout.job(%s); then SELECT scout.resume_job(%1$s);', j.job_id), NULL,
               j.error_sqlstate IS NOT DISTINCT FROM '55000'  -- a pause holds it back
        FROM scout_internal.job_records r CROSS JOIN LATERAL scout_internal.job_list(r.job_id) j
        WHERE r.finished_at IS NULL AND j.state = 'interrupted';

    WHEN 'health' THEN  -- what no other source says
        PERFORM scout_internal.require_pipeline();
        RETURN QUERY
        SELECT 'health:' || v.check_name, CASE v.status WHEN 'critical' THEN 'critical' ELSE 'warning' END, v.check_name,
               CASE v.status WHEN 'unknown' THEN format('could not be checked (SQLSTATE %s)', v.details ->> 'sqlstate')
                    ELSE concat_ws(', ', trim_scale(v.value) || ' ' || v.unit, 'the limit is ' ||
                                   trim_scale(CASE v.status WHEN 'critical' THEN v.critical_threshold ELSE v.threshold END)) END,
               v.what_to_do, NULL::text, false
        FROM scout.verify_recovery() v
        WHERE v.status <> 'ok' AND v.check_name NOT IN ('bronze_staleness', 'silver_staleness', 'gold_staleness')
          AND (v.check_name <> 'critical_alerts' OR EXISTS (  -- rules alert themselves
              SELECT FROM scout.quality_alerts() a WHERE a.severity = 'critical' AND a.alert_payload ->> 'rule' IS NULL))
          AND NOT (v.check_name = 'product_linking' AND EXISTS (
              SELECT FROM scout_internal.quality_results q WHERE q.rule = 'product_linking'
              AND q.window_end > statement_timestamp() - interval '1 day'));

    WHEN 'gold' THEN  -- the age of the pipeline's own views is a matter of freshness
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
    ELSE
        RAISE EXCEPTION 'alert_conditions: unknown source %', coalesce(quote_literal(alert_conditions.source), 'NULL')
            USING ERRCODE = CASE WHEN alert_conditions.source IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
                  HINT = 'Valid sources are rule, freshness, volume, job, health and gold.';
    END CASE;
END
$$;
COMMENT ON FUNCTION scout_internal.alert_conditions(text) IS
'What check_alerts() would find wrong now in one source: rule, freshness, volume, job, health or gold. Reads only, as the caller.';
