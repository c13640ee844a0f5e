-- The drill: every SQL statement of the v5.2 runbook, in its order, as written there unless marked "corrected".
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set reset :abs_srcdir /sql/include/reset.sql
\i :reset
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ECHO all
-- Thirty events over two hours of one afternoon: 25 and 26 share a transaction, 27 to 30 are invalid, 8 is above the limit.
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, source_system, ingested_at, event_data)
SELECT n, CASE n % 3 WHEN 0 THEN 'web' ELSE 'pos' END, '2025-08-24 14:00:00+08'::timestamptz + n * interval '4 minutes',
       pg_temp.ev('T' || CASE n WHEN 26 THEN 25 ELSE n END, jsonb_build_object('customer_id', 'C' || n))
       || (CASE n WHEN 27 THEN '{"total_amount": -5}' WHEN 28 THEN '{"items": []}' WHEN 29 THEN '{"ts": "yesterday"}'
                  WHEN 30 THEN '{"total_amount": null}'
                  WHEN 8 THEN '{"total_amount": 20000, "items": [{"product_id": "P1", "qty": 1, "unit_price": 20000}]}'
                  ELSE '{}' END)::jsonb
FROM generate_series(1, 30) n;
SELECT events_processed, transactions_created, line_items_created, transactions_updated, events_dead_lettered, backlog
FROM scout.load_silver_from_bronze();
SELECT * FROM pg_temp.balance();

-- Quick actions: STOP INGESTION. (Columns are named where the runbook says *, so that times stay out.)
SELECT (scout.control_ingestion('pause')).ingestion_active;
SELECT action, ingestion_active, active_workers, source_system, paused_by, reason, expires_at, backlog FROM scout.control_ingestion('status');

-- ASSESS DAMAGE.
SELECT pipeline_health, bronze_staleness_minutes > 60 AS old, silver_staleness_minutes < 5 AS loaded, gold_staleness_minutes, backlog FROM scout.v_ingest_freshness;
SELECT alert_type, severity, transaction_id, processed_at IS NOT NULL AS at, alert_payload ->> 'event_id' AS event_id
FROM scout.v_quality_alerts WHERE severity = 'critical' ORDER BY (alert_payload ->> 'event_id')::int;
SELECT check_category, check_name, status, failure_count FROM scout.data_quality_report(1);

-- QUARANTINE DATA, in a transaction of its own. As written it copies, then deletes: rows that come between are lost,
-- and silver keeps the transactions; reconcile() says so.
SET ROLE regress_scout_owner;
BEGIN;
INSERT INTO scout.bronze_events_dlq (
    original_payload, error_code, error_message, source_system
)
SELECT
    event_data,
    'QUARANTINE',
    'Emergency quarantine during incident response',
    source_system
FROM scout.bronze_events
WHERE ingested_at >= '2025-08-24 15:30:00+08'::timestamptz;
DELETE FROM scout.bronze_events
WHERE ingested_at >= '2025-08-24 15:30:00+08'::timestamptz;
SELECT count(*) AS letters, count(event_id) AS linked, min(event_id) AS first, max(event_id) AS last
FROM scout.bronze_events_dlq WHERE last_error_code = 'QUARANTINE';
SELECT * FROM pg_temp.balance();
ROLLBACK;
-- Corrected: one statement, no race; silver goes along, bronze stays.
SET ROLE regress_scout_operator;
SELECT transactions_removed, line_items_removed, dry_run FROM scout.quarantine_window('2025-08-24 15:30:00+08'::timestamptz, '2025-08-24 17:00:00+08'::timestamptz, 'Emergency quarantine during incident response');
-- Event 26, the duplicate of 25, is in the window too: it is not promoted.
SELECT count(*) AS t25 FROM scout.silver_transactions WHERE transaction_id = 'T25';
SELECT * FROM pg_temp.balance();

-- Scenario 1. A hand has spoilt two transactions.
SET ROLE regress_scout_owner;
UPDATE scout.silver_transactions SET total_amount = -1 WHERE transaction_id = 'T2';
UPDATE scout.silver_transactions SET item_count = 0 WHERE transaction_id = 'T3';
SELECT MIN(processed_at) IS NOT NULL AS min, MAX(processed_at) IS NOT NULL AS max, COUNT(*)
FROM scout.silver_transactions
WHERE total_amount < 0 OR item_count <= 0;
-- As written: 4 expressions for 3 columns.
INSERT INTO scout.bronze_events_dlq (
    original_payload, error_code, error_message
)
SELECT
    jsonb_build_object('transaction_id', transaction_id),
    'INVALID_AMOUNTS',
    'Negative amounts detected',
    'data_quality'
FROM scout.silver_transactions
WHERE total_amount < 0;
-- With the column it lacks it runs, and the letter is linked to the event; but item_count <= 0 is not handled.
BEGIN;
INSERT INTO scout.bronze_events_dlq (
    original_payload, error_code, error_message, source_system
)
SELECT
    jsonb_build_object('transaction_id', transaction_id),
    'INVALID_AMOUNTS',
    'Negative amounts detected',
    'data_quality'
FROM scout.silver_transactions
WHERE total_amount < 0;
DELETE FROM scout.silver_line_items
WHERE transaction_id IN (
    SELECT transaction_id FROM scout.silver_transactions
    WHERE total_amount < 0
);
DELETE FROM scout.silver_transactions WHERE total_amount < 0;
SELECT event_id, transaction_id, error_code, source_system, status FROM scout.bronze_events_dlq WHERE error_code = 'INVALID_AMOUNTS';
SELECT * FROM pg_temp.balance();
ROLLBACK;
-- Corrected: both rules, with their events.
SET ROLE regress_scout_operator;
SELECT events_quarantined, transactions_removed, line_items_removed FROM scout.quarantine_failures('NEGATIVE_TOTAL');
SELECT events_quarantined, transactions_removed, line_items_removed FROM scout.quarantine_failures('EMPTY_ITEMS');
SELECT (scout.control_ingestion('resume')).ingestion_active;
SELECT * FROM pg_temp.balance();
-- The events themselves were good.
SELECT events_loaded, dry_run FROM scout.dlq_redrive('QUARANTINE');
SELECT * FROM pg_temp.balance();

-- Scenario 2. As written it looks among waiters; the stuck lock is the granted one.
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
 AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
-- Corrected: who holds a lock of the pipeline; and the end of those who have held one for too long.
SELECT count(*) FROM scout.locks();
SELECT * FROM scout.clear_stuck_locks(dry_run => true);
RESET ROLE;
GRANT pg_read_all_stats TO regress_scout_operator;
SET ROLE regress_scout_operator;
SELECT * FROM scout.clear_stuck_locks();
-- As written it misses sessions idle in transaction and hits whoever mentions the function in a query.
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE query LIKE '%load_silver_from_bronze%'
  AND state = 'active'
  AND query_start < now() - interval '10 minutes';
-- As written it frees the caller's own locks only.
SELECT pg_advisory_unlock_all();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (31, pg_temp.ev('T31'));
SELECT (r.x).events_processed, (r.x).transactions_created, (r.x).line_items_created, (r.x).backlog
FROM (SELECT scout.load_silver_from_bronze(1000) AS x OFFSET 0) r;

-- Scenario 3.
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

-- Scenario 4.
SELECT materialized_view, last_refresh IS NOT NULL AS refreshed, status FROM scout.v_gold_freshness;
SELECT (r.x).operation, (r.x).status, (r.x).rows_before, (r.x).rows_after FROM (SELECT scout.refresh_gold_platinum() AS x OFFSET 0) r;
SELECT materialized_view, last_refresh IS NOT NULL AS refreshed, status FROM scout.v_gold_freshness;
-- As written it takes ACCESS EXCLUSIVE, and keeps readers out; refresh_gold_platinum() does it concurrently, in order.
SET ROLE regress_scout_owner;
REFRESH MATERIALIZED VIEW scout.gold_daily_metrics;
REFRESH MATERIALIZED VIEW scout.gold_region_choropleth;
SELECT date_key, store_id, tx_count, revenue, line_items, customers FROM scout.gold_daily_metrics;
SELECT region, tx_count, revenue, stores FROM scout.gold_region_choropleth;
SET ROLE regress_scout_operator;

-- Script 1: emergency pipeline reset.
SELECT (scout.control_ingestion('pause')).ingestion_active;
SELECT pg_advisory_unlock_all();
-- As written the load comes before the resume: nothing is loaded, and a WARNING says why.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (32, pg_temp.ev('T32'));
\set VERBOSITY sqlstate
SELECT (r.x).events_processed, (r.x).backlog FROM (SELECT scout.load_silver_from_bronze(500) AS x OFFSET 0) r;
SELECT (scout.control_ingestion('resume')).ingestion_active;
\set VERBOSITY default
-- Corrected: pause, clear, probe, resume, each only if the one before went well.
SET client_min_messages = warning;
SELECT step, action, status, details FROM scout.emergency_reset(probe_events => 500);
RESET client_min_messages;
SELECT (scout.control_ingestion('status')).ingestion_active;

-- Script 2: deletes without trace, and the next reprocess brings the rows back. Corrected:
SELECT events_quarantined FROM scout.quarantine_failures('NEGATIVE_TOTAL');

-- Script 3. With a zone: an untyped literal shifts with the time zone of the session.
SELECT (r.x).events_reprocessed FROM (SELECT scout.reprocess_bronze_window(
    '2025-08-24 15:00:00+08'::timestamptz,
    '2025-08-24 16:00:00+08'::timestamptz,
    1000
) AS x OFFSET 0) r;

-- Monitoring dashboard.
SELECT count(*) FROM scout.v_ingest_freshness;
SELECT sum(tx_count) AS transactions, sum(total_items) AS items, max(active_stores) AS stores FROM scout.v_pipeline_throughput;
SELECT sum(batches_processed) > 0 AS batches, sum(total_records_created) > 0 AS records, bool_and(max_duration_ms >= min_duration_ms) AS durations FROM scout.v_etl_performance;
SELECT alert_type, severity, count(*) FROM scout.v_quality_alerts GROUP BY alert_type, severity ORDER BY alert_type COLLATE "C";
SELECT check_category, check_name, status, failure_count FROM scout.data_quality_report(24);
SELECT sum(total_line_items) AS lines, sum(linked_items) AS linked, max(unique_product_ids) AS products FROM scout.v_product_linking_stats;
SELECT count(*), bool_and(latency_rating = 'critical') AS old_data FROM scout.v_ingest_latency WHERE transaction_id NOT IN ('T31', 'T32');

-- Rollback to previous version: DROP FUNCTION without arguments misses overloads; scout has none.
DROP FUNCTION IF EXISTS scout.problematic_function();
SELECT * FROM pg_temp.balance();
SELECT action, outcome, count(*) FROM scout.timeline GROUP BY action, outcome ORDER BY action COLLATE "C", outcome COLLATE "C";
