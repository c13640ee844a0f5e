-- Quarantine of a window: half-open, of one source, dry run first; bad input.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SELECT * FROM pg_temp.balance();
SELECT * FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect', dry_run => true);
SELECT * FROM pg_temp.balance();
SELECT * FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect');
-- Event 4 took the place of event 3.
SELECT transaction_id, source_event_id, customer_id FROM scout.silver_transactions ORDER BY source_event_id;
SELECT event_id, error_code, last_error_code, error_message, error_details, status, attempts FROM scout.bronze_events_dlq ORDER BY event_id;
SELECT * FROM pg_temp.balance();
SELECT * FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect');
SELECT * FROM scout.quarantine_window('2025-08-24 06:06Z', '2025-08-24 06:09Z', 'one source', source_system => 'web');
SELECT * FROM scout.quarantine_window('2020-01-01Z', '2020-01-02Z', 'nothing there');
SELECT * FROM pg_temp.balance();
SELECT scout.quarantine_window('2025-08-24 06:04Z', '2025-08-24 06:01Z', 'x');
SELECT scout.quarantine_window('2025-08-24 06:04Z', '2025-08-24 06:04Z', 'x');
SELECT scout.quarantine_window(NULL, '2025-08-24 06:04Z', 'x');
SELECT scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', ' ');
SELECT scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', NULL);
