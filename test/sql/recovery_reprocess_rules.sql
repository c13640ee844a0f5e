-- Reprocess after the rules changed: what now fails goes, what now passes comes; quarantine stays.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
DO $$ BEGIN PERFORM scout.quarantine_events('{6}', 'stays'); END $$;
SET ROLE regress_scout_owner;
SELECT * FROM scout.set_rule('AMOUNT_ABOVE_LIMIT', severity => 'critical', threshold => 29);
SET ROLE regress_scout_operator;
SELECT events_reprocessed, transactions_created, transactions_updated, transactions_removed, events_dead_lettered, dead_letters_resolved FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z');
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_owner;
SELECT * FROM scout.set_rule('AMOUNT_ABOVE_LIMIT');
SET ROLE regress_scout_operator;
SELECT events_reprocessed, transactions_created, transactions_updated, transactions_removed, events_dead_lettered, dead_letters_resolved FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z');
SELECT event_id, status, last_error_code, attempts FROM scout.bronze_events_dlq WHERE event_id <= 10 AND event_id <> 4 ORDER BY 1;
SELECT * FROM pg_temp.balance();
