-- Reports on the quality of the data: alerts, the report over the last hours, the dead letters.
-- The rules for reports are at the top of sql/load/reports.sql.

-- One look by index per rule.
CREATE FUNCTION scout_internal.failed_rules(since timestamptz)
RETURNS TABLE (rule text, built_in boolean, status text, failures bigint, scanned bigint, percentage numeric,
               hours numeric, anomalous boolean, sample jsonb, message text, window_end timestamptz, run_id bigint)
LANGUAGE plpgsql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT q.rule, r.built_in, q.status, q.failures, q.scanned, q.percentage, q.hours, q.anomalous, q.sample,
           q.message, q.window_end, q.run_id
    FROM scout_internal.quality_rule_list() r
    CROSS JOIN LATERAL (SELECT o.* FROM scout_internal.quality_results o WHERE o.rule = r.name
                        ORDER BY o.result_id DESC LIMIT 1) q
    WHERE r.enabled AND q.window_end >= since AND q.status <> 'pass'
    ORDER BY q.rule;
END
$$;
COMMENT ON FUNCTION scout_internal.failed_rules(timestamptz) IS
'Quality rules that are on and whose newest result, of a run since then, is none to pass.';

CREATE FUNCTION scout_internal.quality_alerts(hours numeric)
RETURNS TABLE (alert_type text, severity text, transaction_id text, processed_at timestamptz, alert_payload jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout_internal.hours_ago(hours);
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT coalesce(d.last_error_code, d.error_code) AS alert_type, 'critical' AS severity, d.transaction_id,
           d.failed_at AS processed_at,
           jsonb_build_object(
               'dlq_id', d.dlq_id, 'event_id', d.event_id, 'source_system', d.source_system,
               'message', coalesce(d.last_error_message, d.error_message),
               'details', coalesce(d.last_error_details, d.error_details),
               'attempts', d.attempts, 'last_retry_at', d.last_retry_at) AS alert_payload
    FROM scout.bronze_events_dlq d
    WHERE d.status = 'open' AND d.failed_at >= since
    UNION ALL
    SELECT w.code, 'warning', w.transaction_id, w.raised_at,
           jsonb_build_object('event_id', w.event_id, 'path', w.path, 'message', w.message)
    FROM scout_internal.quality_warnings w
    WHERE w.raised_at >= since
    UNION ALL
    SELECT f.rule, CASE f.status WHEN 'warn' THEN 'warning' ELSE 'critical' END, NULL, f.window_end,
           jsonb_build_object('rule', f.rule, 'status', f.status, 'failures', f.failures, 'scanned', f.scanned,
                              'percentage', f.percentage, 'hours', f.hours, 'anomalous', f.anomalous,
                              'sample_keys', f.sample, 'message', f.message, 'run_id', f.run_id)
    FROM scout_internal.failed_rules(since) f
    ORDER BY severity, processed_at DESC, alert_type, transaction_id;
END
$$;
COMMENT ON FUNCTION scout_internal.quality_alerts(numeric) IS 'The body of quality_alerts().';

CREATE FUNCTION scout.quality_alerts(hours numeric DEFAULT 24)
RETURNS TABLE (alert_type text, severity text, transaction_id text, processed_at timestamptz, alert_payload jsonb)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.quality_alerts(numeric) IS
'Alerts of the last hours, newest first: open dead letters (by first failure) and quality rules whose newest result is an error as critical, then warnings of events that were loaded and of rules.';

CREATE VIEW scout.v_quality_alerts AS
SELECT alert_type, severity, transaction_id, processed_at, alert_payload FROM scout.quality_alerts();
COMMENT ON VIEW scout.v_quality_alerts IS 'Quality alerts of the last 24 hours: quality_alerts().';

-- The parts of the report, each a function of its own, in its order. Compiling costs more than a window is worth, and
-- SELECT INTO cannot run in parallel, but the plan for it would be chosen.
CREATE FUNCTION scout_internal.data_quality_report(hours numeric)
RETURNS TABLE (check_category text, check_name text, status text, failure_count bigint, details text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout_internal.hours_ago(hours);
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT x.category, x.check_name, x.status, x.failures, x.details
    FROM (SELECT s.* FROM scout_internal.report_of_silver(since) s
          UNION ALL SELECT d.* FROM scout_internal.report_of_dead_letters(since) d
          UNION ALL SELECT w.* FROM scout_internal.report_of_warnings(since) w
          UNION ALL SELECT r.* FROM scout_internal.report_of_rules(since) r
          UNION ALL SELECT b.* FROM scout_internal.report_of_backlog() b) x
    ORDER BY x.ordinal, x.failures DESC, x.check_name;
END
$$;
COMMENT ON FUNCTION scout_internal.data_quality_report(numeric) IS 'The body of data_quality_report().';

CREATE FUNCTION scout.data_quality_report(hours numeric DEFAULT 1)
RETURNS TABLE (check_category text, check_name text, status text, failure_count bigint, details text)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.data_quality_report(numeric) IS
'Checks of the transactions processed in the last hours, with their dead letters, warnings, added quality rules whose newest result is none to pass, and the backlog; thresholds and severities are those of built_in_rules(). Reads only.';
