-- Two events of one transaction: which has it while the other is quarantined, redriven, or both are.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- A quarantined winner, the next in its place, and back.
SELECT events_quarantined, transactions_removed FROM scout.quarantine_events('{3}', 'twice');
SELECT source_event_id FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT events_quarantined, transactions_removed FROM scout.quarantine_events('{4}', 'twice');
SELECT count(*) AS t3 FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT * FROM scout.dlq_redrive(event_ids => '{4}');
SELECT * FROM scout.dlq_redrive(event_ids => '{3}');
SELECT source_event_id FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT event_id, status, last_error_code, attempts FROM scout.bronze_events_dlq WHERE event_id IN (3, 4) ORDER BY 1;
SELECT * FROM pg_temp.balance();

-- Winner and waiting duplicate together: what was asked to be quarantined is not promoted.
SET client_min_messages = warning;
SELECT transactions_removed FROM scout.quarantine_events('{3, 4}', 'both');
RESET client_min_messages;
SELECT source_event_id AS t3 FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT events_loaded FROM scout.dlq_redrive(event_ids => '{3}');
SELECT events_loaded FROM scout.dlq_redrive(event_ids => '{4}');
SELECT source_event_id AS t3 FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT * FROM pg_temp.balance();
