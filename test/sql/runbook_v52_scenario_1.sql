-- The drill of the v5.2 runbook, as written there unless marked "corrected": scenario 1, bad data in silver.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/runbook_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
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
