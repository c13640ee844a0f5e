-- Redrive of dead letters: limited, dry, by source, failing again; bad input.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
-- Letters of the load for 4 (until 3 is quarantined) and 5, of a quarantine, and of a rule broken in silver.
UPDATE scout.silver_transactions SET total_amount = -3 WHERE transaction_id = 'T7';
SET ROLE regress_scout_operator;
SELECT events_quarantined FROM scout.quarantine_events('{1, 2, 3, 6, 8, 10}', 'suspect');
SELECT events_quarantined FROM scout.quarantine_failures('NEGATIVE_TOTAL');

SELECT * FROM scout.dlq_redrive(dry_run => true);
SELECT * FROM scout.dlq_redrive(max_events => 2);
SELECT event_id, status, attempts, last_error_code, resolution FROM scout.bronze_events_dlq ORDER BY dlq_id;
SELECT * FROM scout.dlq_redrive('quarantine', source_system => 'web');
SELECT * FROM scout.dlq_redrive();
SELECT event_id, status, error_code, attempts, last_error_code, resolution FROM scout.bronze_events_dlq ORDER BY event_id;
SELECT * FROM scout.dlq_redrive(event_ids => '{5}');
SELECT event_id, status, attempts, last_retry_at > failed_at AS retried FROM scout.bronze_events_dlq WHERE event_id = 5;
SELECT transaction_id, source_event_id FROM scout.silver_transactions ORDER BY source_event_id;
SELECT * FROM pg_temp.balance();
SELECT scout.dlq_redrive(max_events => 0);
SELECT scout.dlq_redrive(failed_after => '2025-01-02Z', failed_before => '2025-01-01Z');
-- What a correction makes valid is loaded by the next redrive.
SET ROLE regress_scout_owner;
UPDATE scout.bronze_events SET event_data = event_data || '{"total_amount": 30}' WHERE event_id = 5;
SET ROLE regress_scout_operator;
SELECT * FROM scout.dlq_redrive('NEGATIVE_TOTAL');
SELECT * FROM pg_temp.balance();
