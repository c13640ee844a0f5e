-- The drill of the v5.2 runbook, as written there unless marked "corrected": the dashboard.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/runbook_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SELECT count(*) FROM scout.v_ingest_freshness;
SELECT sum(tx_count) AS transactions, sum(total_items) AS items, max(active_stores) AS stores FROM scout.v_pipeline_throughput;
SELECT sum(batches_processed) > 0 AS batches, sum(total_records_created) > 0 AS records, bool_and(max_duration_ms >= min_duration_ms) AS durations FROM scout.v_etl_performance;
SELECT alert_type, severity, count(*) FROM scout.v_quality_alerts GROUP BY alert_type, severity ORDER BY alert_type COLLATE "C";
SELECT check_category, check_name, status, failure_count FROM scout.data_quality_report(24);
SELECT sum(total_line_items) AS lines, sum(linked_items) AS linked, max(unique_product_ids) AS products FROM scout.v_product_linking_stats;
SELECT count(*), bool_and(latency_rating = 'critical') AS old_data FROM scout.v_ingest_latency WHERE transaction_id NOT IN ('T31', 'T32');
