-- The drill of the v5.2 runbook, as written there unless marked "corrected": quick actions.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/runbook_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
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

SELECT (scout.control_ingestion('resume')).ingestion_active;
-- The events themselves were good.
SELECT events_loaded, dry_run FROM scout.dlq_redrive('QUARANTINE');
SELECT * FROM pg_temp.balance();
