-- Verification: is it mended, may loading go on, does an event get through.

-- An admin's overrides of the thresholds of verification_checks(); NULL keeps the default.
CREATE TABLE scout_internal.verification_thresholds (
    check_name text PRIMARY KEY,
    warning    numeric,
    critical   numeric,
    set_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    set_by     text NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('scout_internal.verification_thresholds', '');
COMMENT ON TABLE scout_internal.verification_thresholds IS
'Overrides of the thresholds of verify_recovery(), set by set_verification_threshold(); empty means the defaults.';

-- The runbook's success and failure indicators as data; what each measures is in verification_value(). A value beyond
-- `warning` is a warning, beyond `critical` critical; beyond is above, or below where `low_is_bad`. NULL is ok: there is
-- nothing to judge.
CREATE FUNCTION scout_internal.verification_checks()
RETURNS TABLE (ordinal int, check_name text, unit text, warning numeric, critical numeric, low_is_bad boolean,
               overridden boolean, what_to_do text)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- patterns
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.ordinal, c.check_name, c.unit, coalesce(o.warning, c.warning, trim_scale(extract(epoch FROM l.warn_after) / 60)),
           coalesce(o.critical, c.critical, trim_scale(extract(epoch FROM l.error_after) / 60)),
           c.low_is_bad, o.check_name IS NOT NULL, c.what_to_do
    FROM (VALUES
    (1, 'ingestion_active', 'pauses', 0.0, NULL::numeric, NULL::text, false,
     'SELECT * FROM scout.ingestion_status(); then SELECT * FROM scout.control_ingestion(''resume''); when it is mended'),
    (2, 'bronze_staleness', 'minutes', NULL, NULL, 'bronze', false,
     'Look upstream: no event arrives. Whoever sends them, the network, the API.'),
    (3, 'silver_staleness', 'minutes', NULL, NULL, 'silver', false,
     'SELECT * FROM scout.load_backlog(); if it is stuck: SELECT * FROM scout.locks();'),
    (4, 'gold_staleness', 'minutes', NULL, NULL, 'gold', false,
     'SELECT * FROM scout.refresh_gold_platinum();'),
    (5, 'product_linking', 'percent', 95, 90, NULL, true,
     'SELECT * FROM scout.link_products_to_catalog(); what is left: SELECT * FROM scout.unmatched_products();'),
    (6, 'critical_alerts', 'alerts', 0, 0, NULL, false,
     'SELECT * FROM scout.v_quality_alerts WHERE severity = ''critical''; then dlq_redrive(), or dlq_resolve() with a reason'),
    (7, 'etl_duration', 'seconds', 60, 300, NULL, false,
     'SELECT * FROM scout.v_etl_performance; smaller batches, fewer indexes on silver, or who holds it up: SELECT * FROM scout.locks();'),
    (8, 'stuck_locks', 'minutes', 5, 10, NULL, false,
     'SELECT * FROM scout.clear_stuck_locks(dry_run => true);'),
    (9, 'schemas_closed', 'findings', 0, NULL, NULL, false,
     'SELECT * FROM scout_internal.schema_findings(); after the migration: REVOKE CREATE ON SCHEMA ..., and move what is foreign (ALTER ... SET SCHEMA) or drop it')
    ) c (ordinal, check_name, unit, warning, critical, layer, low_is_bad, what_to_do)
    LEFT JOIN scout_internal.verification_thresholds o ON o.check_name = c.check_name
    LEFT JOIN LATERAL scout_internal.freshness_limits(c.layer) l ON true
    ORDER BY c.ordinal;
END
$$;
COMMENT ON FUNCTION scout_internal.verification_checks() IS
'The checks of verify_recovery() with the thresholds in force: the runbook''s, or those of set_verification_threshold().';

CREATE FUNCTION scout_internal.cron_loads() RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (  -- a table of this name may be anybody's
           SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_cron'
           WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
             AND d.classid = 'pg_class'::regclass AND d.objid = to_regclass('cron.job')) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM cron.job c WHERE c.jobname = 'scout_ir load' AND c.active AND c.database = current_database());
END
$$;
COMMENT ON FUNCTION scout_internal.cron_loads() IS 'Whether pg_cron loads this database: part of accept_gate().';

-- `status` is set where the value alone does not say it. What a branch reads need not be there until it is asked.
CREATE FUNCTION scout_internal.verification_value(check_name text, OUT value numeric, OUT details jsonb, OUT status text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    CASE verification_value.check_name
    WHEN 'ingestion_active' THEN
        SELECT count(*) FILTER (WHERE NOT s.ingestion_active), jsonb_build_object('message', string_agg(s.message, ' '))
        INTO value, details
        FROM scout.ingestion_status() s;
    WHEN 'bronze_staleness' THEN
        SELECT f.bronze_staleness_minutes, jsonb_build_object('message', coalesce(
                   'the newest event came ' || f.latest_bronze_event, 'no event has ever come')),
               CASE WHEN f.latest_bronze_event IS NULL THEN 'unknown' END
        INTO value, details, status
        FROM scout.ingest_freshness() f;
    WHEN 'silver_staleness' THEN
        SELECT coalesce(round(greatest(extract(epoch FROM statement_timestamp() - f.oldest_pending), 0) / 60, 2), 0),
               jsonb_build_object('message', CASE WHEN f.oldest_pending IS NULL THEN 'no event waits'
                   ELSE format('%s events wait, the oldest since %s', f.backlog, f.oldest_pending) END,
                   'backlog', f.backlog)
        INTO value, details
        FROM scout.ingest_freshness() f;
    WHEN 'gold_staleness' THEN
        SELECT round(max(g.seconds_behind) / 60, 2),
               jsonb_build_object('message', coalesce(string_agg(g.materialized_view || ': ' || g.state, ', '), 'no gold views')),
               CASE WHEN bool_or(g.state IN ('failed', 'not populated')) THEN 'critical' END
        INTO value, details, status
        FROM scout.gold_freshness() g;
    WHEN 'product_linking' THEN
        SELECT round(100.0 * sum(p.linked_items) / nullif(sum(p.total_line_items), 0), 2),
               jsonb_build_object('message', format('%s of %s line items of the last 24 hours are linked',
                   coalesce(sum(p.linked_items), 0), coalesce(sum(p.total_line_items), 0)))
        INTO value, details
        FROM scout.product_linking_stats() p;
    WHEN 'critical_alerts' THEN
        SELECT count(*), jsonb_build_object('message', coalesce(
                   string_agg(DISTINCT a.alert_type, ', '), 'none in the last 24 hours'))
        INTO value, details
        FROM scout.quality_alerts() a WHERE a.severity = 'critical';
    WHEN 'etl_duration' THEN
        SELECT round(avg(r.duration_ms) / 1000, 3),
               jsonb_build_object('message', format('%s batches in the last hour', count(*)))
        INTO value, details
        FROM scout_internal.etl_runs r
        WHERE r.finished_at >= scout_internal.hours_ago(1::numeric) AND r.events_processed > 0;
    WHEN 'stuck_locks' THEN
        SELECT coalesce(round((extract(epoch FROM max(l.age)) / 60)::numeric, 2), 0),
               jsonb_build_object('message', CASE WHEN count(*) = 0 THEN 'nobody holds a lock of the pipeline'
                   ELSE format('%s holders, the oldest transaction is open for %s', count(*), max(l.age)) END)
        INTO value, details
        FROM scout.locks() l
        WHERE l.granted AND l.lock_name IN ('gate', 'flight') AND l.pid IS DISTINCT FROM pg_backend_pid();
    WHEN 'schemas_closed' THEN
        SELECT count(*), jsonb_build_object('message', CASE WHEN count(*) = 0 THEN 'nothing foreign is in them, and nobody else may create in them'
                   ELSE (array_to_string((array_agg(f.finding ORDER BY f.finding))[1:10], ', ')) END)
        INTO value, details
        FROM scout_internal.schema_findings() f;
    WHEN 'schedule_present' THEN
        SELECT (c.loads OR s.every > 0 AND scout_internal.library_preloaded())::int, jsonb_build_object('message',
                   CASE WHEN c.loads THEN 'pg_cron runs the job scout_ir load'
                        WHEN s.every > 0 AND scout_internal.library_preloaded() THEN 'the supervisor loads at scout_ir.load_interval'
                        WHEN s.every > 0 THEN 'scout_ir.load_interval is set, but the library is not preloaded'
                        ELSE 'nothing loads by itself: no pg_cron job "scout_ir load", and scout_ir.load_interval is 0' END)
        INTO value, details
        FROM (SELECT scout_internal.cron_loads() AS loads) c,
             (SELECT g.setting::numeric AS every FROM pg_settings g WHERE g.name = 'scout_ir.load_interval') s;
    END CASE;
END
$$;
COMMENT ON FUNCTION scout_internal.verification_value(text) IS
'What one check of verify_recovery() or accept_gate() measures; errors are the caller''s to catch.';

-- One check, in a guard of its own: whatever it fails with is an outcome. A cancel is not caught. It waits for
-- no lock longer than the caller lets it (lock_timeout).
CREATE FUNCTION scout_internal.verification_check(
    check_name text, warning numeric, critical numeric, low_is_bad boolean,
    OUT status text, OUT value numeric, OUT details jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    beyond CONSTANT int := CASE WHEN low_is_bad THEN -1 ELSE 1 END;
    state text; message text; hint text;
BEGIN
    SELECT v.value, v.details, v.status INTO value, details, status FROM scout_internal.verification_value(check_name) v;
    status := coalesce(status, CASE WHEN (value - critical) * beyond > 0 THEN 'critical'
                                    WHEN (value - warning) * beyond > 0 THEN 'warning' ELSE 'ok' END);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    status := 'unknown';
    value := NULL;
    details := jsonb_strip_nulls(jsonb_build_object('message', message, 'sqlstate', state, 'hint', nullif(hint, '')));
END
$$;
COMMENT ON FUNCTION scout_internal.verification_check(text, numeric, numeric, boolean) IS
'Runs one check of verify_recovery() or accept_gate() by its name, and judges it.';

CREATE FUNCTION scout.verify_recovery()
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb, what_to_do text,
               critical_threshold numeric, unit text)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
SET lock_timeout = '5s'
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.check_name, r.status, r.value, c.warning, r.details,
           CASE WHEN r.status <> 'ok' THEN c.what_to_do END, c.critical, c.unit
    FROM scout_internal.verification_checks() c
    CROSS JOIN LATERAL scout_internal.verification_check(c.check_name, c.warning, c.critical, c.low_is_bad) r
    ORDER BY c.ordinal;
END
$$;
COMMENT ON FUNCTION scout.verify_recovery() IS
'The runbook''s success and failure indicators, one row each: ok, warning, critical, or unknown with the reason, and what to do. Reads only.';

CREATE FUNCTION scout.set_verification_threshold(
    check_name text, warning numeric DEFAULT NULL, critical numeric DEFAULT NULL)
RETURNS TABLE (check_name text, warning numeric, critical numeric, overridden boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_set_verification_threshold';
COMMENT ON FUNCTION scout.set_verification_threshold(text, numeric, numeric) IS
'Overrides the thresholds of a check of verify_recovery(); what is left out returns to its default.';

-- Store and product are those of the dimensions, where they have any: silver may have foreign keys to them.
CREATE FUNCTION scout_internal.smoke_test_event() RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    product text := coalesce((SELECT d.product_id FROM scout.dim_product d LIMIT 1), 'scout_ir smoke test');
BEGIN
    RETURN jsonb_build_object(
        'transaction_id', 'scout_ir smoke test ' || gen_random_uuid(),
        'store_id', coalesce((SELECT s.store_id FROM scout.dim_store s LIMIT 1), 'scout_ir smoke test'),
        'ts', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'total_amount', 17.50,
        'items', jsonb_build_array(
            jsonb_build_object('product_id', product, 'qty', 2, 'unit_price', 5, 'line_amount', 10),
            jsonb_build_object('product_id', product, 'qty', 1.5, 'unit_price', 5, 'line_amount', 7.5)));
END
$$;
COMMENT ON FUNCTION scout_internal.smoke_test_event() IS 'The event that smoke_test() takes through the pipeline.';

CREATE FUNCTION scout.smoke_test(with_gold boolean DEFAULT true)
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb)
LANGUAGE c ROWS 5 AS 'MODULE_PATHNAME', 'scout_smoke_test';
COMMENT ON FUNCTION scout.smoke_test(boolean) IS
'Takes one event through intake, silver, a second delivery and gold, and rolls all of it back; one row per check, also while loading is paused.';

CREATE FUNCTION scout_internal.library_preloaded() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_library_preloaded';
COMMENT ON FUNCTION scout_internal.library_preloaded() IS
'Whether shared_preload_libraries has scout_ir, which the supervisor needs.';

-- The schedule is a pg_cron job, or the supervisor.
CREATE FUNCTION scout.accept_gate()
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, details jsonb)
LANGUAGE plpgsql VOLATILE ROWS 8
SET search_path = pg_catalog, pg_temp
SET jit = off
SET lock_timeout = '5s'
AS $$
#variable_conflict use_column
BEGIN
    BEGIN
        RETURN QUERY SELECT t.check_name, t.status, t.value, t.threshold, t.details
                     FROM scout.smoke_test(with_gold => false) t;
    EXCEPTION WHEN OTHERS THEN
        RETURN QUERY SELECT 'event_in', 'unknown', NULL::numeric, NULL::numeric,
                            jsonb_build_object('message', SQLERRM, 'sqlstate', SQLSTATE);
    END;
    RETURN QUERY
    SELECT c.name, r.status, r.value, c.warning, r.details
    FROM (
        SELECT 1, 'gold_behind_silver', 'gold_staleness', l.minutes, l.minutes, false
        FROM (SELECT round(extract(epoch FROM f.warn_after) / 60, 1) AS minutes FROM scout_internal.freshness_limits('pipeline'::text) f) l
        UNION ALL
        SELECT 2, 'schedule_present', 'schedule_present', 1, NULL, true
        UNION ALL
        SELECT 3, 'linking_coverage', v.check_name, v.warning, v.critical, v.low_is_bad
        FROM scout_internal.verification_checks() v WHERE v.check_name = 'product_linking'
    ) c (ordinal, name, check_name, warning, critical, low_is_bad)
    CROSS JOIN LATERAL scout_internal.verification_check(c.check_name, c.warning, c.critical, c.low_is_bad) r
    ORDER BY c.ordinal;
END
$$;
COMMENT ON FUNCTION scout.accept_gate() IS
'The acceptance gate: an event gets through (rolled back), duplicates are refused, gold is at most 5 minutes behind, something loads on a schedule, lines are linked. Passed if nothing is critical or unknown.';

-- What no other source says.
CREATE FUNCTION scout_internal.health_alerts()
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
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
END
$$;
COMMENT ON FUNCTION scout_internal.health_alerts() IS
'Checks of verify_recovery() that fail.';
