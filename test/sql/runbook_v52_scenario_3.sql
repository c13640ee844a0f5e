-- The drill of the v5.2 runbook, as written there unless marked "corrected": scenario 3, reprocess a window.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/runbook_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SELECT (r.x).events_reprocessed, (r.x).transactions_created, (r.x).transactions_updated, (r.x).transactions_removed, (r.x).events_dead_lettered, (r.x).status
FROM (SELECT scout.reprocess_bronze_window(
    '2025-08-24 14:00:00+08'::timestamptz,
    '2025-08-24 16:00:00+08'::timestamptz,
    2000  -- batch size
) AS x OFFSET 0) r;
SELECT
    COUNT(*) as reprocessed_transactions,
    MIN(processed_at) <= MAX(processed_at) AS ordered
FROM scout.silver_transactions
WHERE processed_at >= now() - interval '1 hour';
SELECT * FROM pg_temp.balance();
