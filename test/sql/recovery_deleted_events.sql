-- Events that were deleted by hand come back from their dead letters, under their own ids.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
DO $$ BEGIN PERFORM scout.quarantine_events('{9}', 'then deleted'); END $$;
DELETE FROM scout.bronze_events WHERE event_id = 9;
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_operator;
SELECT * FROM scout.dlq_redrive(event_ids => '{9}');
SELECT source_event_id FROM scout.silver_transactions WHERE transaction_id = 'T9';
SELECT * FROM pg_temp.balance();
