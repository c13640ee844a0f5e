-- A reprocess whose write fails leaves the event in one state, and redrive brings it back.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions ADD CONSTRAINT no_c1 CHECK (customer_id <> 'C1') NOT VALID;
SET ROLE regress_scout_operator;
SELECT events_reprocessed, events_dead_lettered FROM scout.reprocess_bronze_window('2025-08-24 06:01Z', '2025-08-24 06:02Z');
SELECT event_id, status, last_error_code FROM scout.bronze_events_dlq WHERE event_id = 1;
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions DROP CONSTRAINT no_c1;
SET ROLE regress_scout_operator;
SELECT * FROM scout.dlq_redrive('WRITE_FAILED');
SELECT * FROM pg_temp.balance();
