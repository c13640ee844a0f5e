-- The parts of data_quality_report(): each looks at one thing, and says what it found as rows of the report.

-- What the rules of the contract find in silver rows of the window, and what its rows lack; what the rules are stands in
-- core/rules.cpp. Lines carry no indexed time: those left behind are looked for where a quarantine by hand leaves
-- them. reconcile() looks at all lines.
CREATE FUNCTION scout_internal.report_of_silver(since timestamptz)
RETURNS TABLE (ordinal int, category text, check_name text, status text, failures bigint, details text)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    found   record;
    orphans bigint;
    linked  numeric;
BEGIN
    SELECT * INTO found FROM scout_internal.silver_counts(since);
    SELECT coalesce(sum((SELECT count(*) FROM scout.silver_line_items l WHERE l.transaction_id = d.id)), 0)
    INTO orphans
    FROM (SELECT DISTINCT coalesce(q.transaction_id, btrim(q.original_payload ->> 'transaction_id')) AS id
          FROM scout.bronze_events_dlq q
          WHERE q.status = 'open' AND q.failed_at >= since) d
    WHERE NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.transaction_id = d.id);
    linked := CASE WHEN found.lines > 0 THEN 100.0 * (found.lines - found.unlinked) / found.lines END;

    RETURN QUERY
    SELECT c.ordinal, c.category, c.name, c.status, c.failures,
           format('%s (%s transactions with %s line items looked at)', c.what, found.transactions, found.lines)
    FROM (
        SELECT c.place AS ordinal, c.category, c.check_name AS name,
               CASE WHEN found.broken[c.place] = 0 OR NOT r.enabled THEN 'pass'
                    WHEN r.severity = 'warning' THEN 'warning' ELSE 'fail' END AS status,
               found.broken[c.place] AS failures,
               c.details || CASE WHEN r.enabled THEN '' ELSE ' (rule is switched off)' END AS what
        FROM scout_internal.rule_conditions() c JOIN scout.built_in_rules() r ON r.code = c.code
        UNION ALL
        SELECT v.ordinal, 'completeness', v.name, CASE WHEN v.failures = 0 THEN 'pass' ELSE 'fail' END, v.failures, v.what
        FROM (VALUES
            (11, 'missing_store', found.no_store, 'no store'),
            (12, 'transactions_without_lines', found.no_lines, 'no line items in spite of item_count'),
            (13, 'item_count_mismatch', found.miscounted, 'item_count is not the number of lines'),
            (14, 'lines_without_transaction', orphans,
                 'line items of open dead letters whose transaction is not in silver')
        ) v (ordinal, name, failures, what)
    ) c
    UNION ALL
    SELECT 15, 'linking', 'product_linking',
           CASE WHEN linked < 90 THEN 'fail' WHEN linked < 95 THEN 'warning' ELSE 'pass' END, found.unlinked,
           CASE WHEN found.lines = 0 THEN 'no line items'
                ELSE format('%s%% of %s line items are linked to a product (95%% expected, below 90%% fails)',
                            round(linked, 2), found.lines) END;
END
$$;
COMMENT ON FUNCTION scout_internal.report_of_silver(timestamptz) IS
'Built-in rules, completeness and linking of what was processed since then: part of data_quality_report().';

CREATE FUNCTION scout_internal.report_of_dead_letters(since timestamptz)
RETURNS TABLE (ordinal int, category text, check_name text, status text, failures bigint, details text)
LANGUAGE plpgsql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
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
        GROUP BY 1) d ON true;
END
$$;
COMMENT ON FUNCTION scout_internal.report_of_dead_letters(timestamptz) IS
'Open dead letters since then, per code, or one row that says there are none: part of data_quality_report().';

CREATE FUNCTION scout_internal.report_of_warnings(since timestamptz)
RETURNS TABLE (ordinal int, category text, check_name text, status text, failures bigint, details text)
LANGUAGE plpgsql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 22, 'warnings', coalesce(w.code, 'warnings'),
           CASE WHEN w.warnings > 0 THEN 'warning' ELSE 'pass' END, coalesce(w.warnings, 0),
           CASE WHEN w.warnings > 0
                THEN format('warnings of loaded events, raised from %s to %s', w.first_raised, w.last_raised)
                ELSE 'no warnings' END
    FROM (SELECT) AS one LEFT JOIN (
        SELECT q.code, count(*) AS warnings, min(q.raised_at) AS first_raised, max(q.raised_at) AS last_raised
        FROM scout_internal.quality_warnings q
        WHERE q.raised_at >= since
        GROUP BY 1) w ON true;
END
$$;
COMMENT ON FUNCTION scout_internal.report_of_warnings(timestamptz) IS
'Warnings of loaded events since then, per code, or one row that says there are none: part of data_quality_report().';

CREATE FUNCTION scout_internal.report_of_rules(since timestamptz)
RETURNS TABLE (ordinal int, category text, check_name text, status text, failures bigint, details text)
LANGUAGE plpgsql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 23, 'rules', f.rule, CASE f.status WHEN 'warn' THEN 'warning' ELSE 'fail' END, coalesce(f.failures, 0),
           CASE WHEN f.message IS NULL
                THEN format('newest result of %s, over %s hours, of run %s', f.window_end, trim_scale(f.hours), f.run_id)
                ELSE format('could not be evaluated at %s: %s', f.window_end, f.message) END
    FROM scout_internal.failed_rules(since) f WHERE NOT f.built_in;
END
$$;
COMMENT ON FUNCTION scout_internal.report_of_rules(timestamptz) IS
'Added quality rules whose newest result, of a run since then, is none to pass: part of data_quality_report().';

CREATE FUNCTION scout_internal.report_of_backlog()
RETURNS TABLE (ordinal int, category text, check_name text, status text, failures bigint, details text)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    waiting     record;
    backlog     bigint := scout.backlog();
    warn_after  interval;
    error_after interval;
BEGIN
    SELECT l.warn_after, l.error_after INTO warn_after, error_after FROM scout_internal.freshness_limits('pipeline'::text) l;
    SELECT statement_timestamp() - min(w.oldest) AS age, bool_or(w.is_estimate) AS is_estimate
    INTO waiting
    FROM scout_internal.oldest_pending() w;
    RETURN QUERY
    SELECT 31, 'pipeline', 'backlog',
           CASE WHEN waiting.age > error_after THEN 'fail' WHEN waiting.age > warn_after THEN 'warning' ELSE 'pass' END,
           backlog,
           CASE WHEN waiting.age IS NULL THEN format('%s events pending', backlog)
                ELSE format('%s%s events pending, the oldest for %s minutes',
                            CASE WHEN waiting.is_estimate THEN 'about ' END, backlog,
                            greatest(round(extract(epoch FROM waiting.age) / 60, 1), 0)) END;
END
$$;
COMMENT ON FUNCTION scout_internal.report_of_backlog() IS
'How many events wait to be loaded, and for how long: part of data_quality_report().';
