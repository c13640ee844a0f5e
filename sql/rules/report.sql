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

-- What the rules of the contract find in silver rows of the window, next to what the queue and the
-- warnings say. A line total differs if by more than the threshold in percent and by more than 0.50,
-- as in core/contract.cpp. What belongs to a transaction is fetched by its key, so that no plan reads
-- the history. Compiling costs more than a window is worth, and SELECT INTO cannot run in parallel, but
-- the plan for it would be chosen.
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
    since         timestamptz := scout_internal.hours_ago(hours);
    found         record;
    orphans       bigint;
    linked        numeric;
    oldest_wait   interval;
    total_backlog bigint;
    about         text;  -- an estimate says so
BEGIN
    PERFORM scout_internal.require_pipeline();

    SELECT * INTO found FROM scout_internal.silver_counts(since);

    -- Lines carry no indexed time: those left behind are looked for where a quarantine by hand
    -- leaves them. reconcile() looks at all lines.
    SELECT coalesce(sum((SELECT count(*) FROM scout.silver_line_items l WHERE l.transaction_id = d.id)), 0)
    INTO orphans
    FROM (SELECT DISTINCT coalesce(q.transaction_id, btrim(q.original_payload ->> 'transaction_id')) AS id
          FROM scout.bronze_events_dlq q
          WHERE q.status = 'open' AND q.failed_at >= since) d
    WHERE NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.transaction_id = d.id);

    SELECT scout.backlog(), statement_timestamp() - min(w.oldest), CASE WHEN bool_or(w.is_estimate) THEN 'about ' ELSE '' END
    INTO total_backlog, oldest_wait, about
    FROM scout_internal.oldest_pending() w;

    linked := CASE WHEN found.lines > 0 THEN 100.0 * (found.lines - found.unlinked) / found.lines END;

    RETURN QUERY
    WITH rule_checks (ordinal, category, name, code, failures, what) AS (
        SELECT c.place, c.category, c.check_name, c.code, found.broken[c.place], c.details
        FROM scout_internal.rule_conditions() c
    ), checks (ordinal, category, name, status, failures, what) AS (
        SELECT c.ordinal, c.category, c.name,
               CASE WHEN c.failures = 0 OR NOT r.enabled THEN 'pass'
                    WHEN r.severity = 'warning' THEN 'warning' ELSE 'fail' END,
               c.failures, c.what || CASE WHEN r.enabled THEN '' ELSE ' (rule is switched off)' END
        FROM rule_checks c JOIN scout.built_in_rules() r ON r.code = c.code
        UNION ALL
        SELECT c.ordinal, c.category, c.name, CASE WHEN c.failures = 0 THEN 'pass' ELSE 'fail' END,
               c.failures, c.what
        FROM (VALUES
            (11, 'completeness', 'missing_store', found.no_store, 'no store'),
            (12, 'completeness', 'transactions_without_lines', found.no_lines, 'no line items in spite of item_count'),
            (13, 'completeness', 'item_count_mismatch', found.miscounted, 'item_count is not the number of lines'),
            (14, 'completeness', 'lines_without_transaction', orphans,
                 'line items of open dead letters whose transaction is not in silver')
        ) c (ordinal, category, name, failures, what)
    )
    SELECT x.category, x.name, x.status, x.failures, x.details
    FROM (
        SELECT c.ordinal, c.category, c.name, c.status, c.failures,
               format('%s (%s transactions with %s line items looked at)', c.what, found.transactions, found.lines)
                   AS details
        FROM checks c
        UNION ALL
        SELECT 15, 'linking', 'product_linking',
               CASE WHEN linked < 90 THEN 'fail' WHEN linked < 95 THEN 'warning' ELSE 'pass' END, found.unlinked,
               CASE WHEN found.lines = 0 THEN 'no line items'
                    ELSE format('%s%% of %s line items are linked to a product (95%% expected, below 90%% fails)',
                                round(linked, 2), found.lines) END
        UNION ALL
        SELECT 21, 'dead_letters', coalesce(d.code, 'open_dead_letters'),
               CASE WHEN d.letters > 0 THEN 'fail' ELSE 'pass' END, coalesce(d.letters, 0),
               CASE WHEN d.letters > 0
                    THEN format('open dead letters, failed from %s to %s', d.first_failed, d.last_failed)
                    ELSE 'no open dead letters' END
        FROM (SELECT) AS one LEFT JOIN (
            SELECT coalesce(q.last_error_code, q.error_code) AS code, count(*) AS letters,
                   min(q.failed_at) AS first_failed, max(q.failed_at) AS last_failed
            FROM scout.bronze_events_dlq q
            WHERE q.status = 'open' AND q.failed_at >= since
            GROUP BY 1) d ON true
        UNION ALL
        SELECT 22, 'warnings', coalesce(w.code, 'warnings'),
               CASE WHEN w.warnings > 0 THEN 'warning' ELSE 'pass' END, coalesce(w.warnings, 0),
               CASE WHEN w.warnings > 0
                    THEN format('warnings of loaded events, raised from %s to %s', w.first_raised, w.last_raised)
                    ELSE 'no warnings' END
        FROM (SELECT) AS one LEFT JOIN (
            SELECT q.code, count(*) AS warnings, min(q.raised_at) AS first_raised, max(q.raised_at) AS last_raised
            FROM scout_internal.quality_warnings q
            WHERE q.raised_at >= since
            GROUP BY 1) w ON true
        UNION ALL
        SELECT 23, 'rules', f.rule, CASE f.status WHEN 'warn' THEN 'warning' ELSE 'fail' END, coalesce(f.failures, 0),
               CASE WHEN f.message IS NULL
                    THEN format('newest result of %s, over %s hours, of run %s', f.window_end, trim_scale(f.hours), f.run_id)
                    ELSE format('could not be evaluated at %s: %s', f.window_end, f.message) END
        FROM scout_internal.failed_rules(since) f WHERE NOT f.built_in
        UNION ALL
        SELECT 31, 'pipeline', 'backlog',
               CASE WHEN oldest_wait > interval '15 minutes' THEN 'fail'
                    WHEN oldest_wait > interval '5 minutes' THEN 'warning' ELSE 'pass' END,
               total_backlog,
               CASE WHEN oldest_wait IS NULL THEN format('%s events pending', total_backlog)
                    ELSE format('%s%s events pending, the oldest for %s minutes', about, total_backlog,
                                greatest(round(extract(epoch FROM oldest_wait) / 60, 1), 0)) END
    ) x
    ORDER BY x.ordinal, x.failures DESC, x.name;
END
$$;
COMMENT ON FUNCTION scout_internal.data_quality_report(numeric) IS 'The body of data_quality_report().';

CREATE FUNCTION scout.data_quality_report(hours numeric DEFAULT 1)
RETURNS TABLE (check_category text, check_name text, status text, failure_count bigint, details text)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.data_quality_report(numeric) IS
'Checks of the transactions processed in the last hours, with their dead letters, warnings, added quality rules whose newest result is none to pass, and the backlog; thresholds and severities are those of built_in_rules(). Reads only.';
