-- While it is paused recovery runs and loading does not.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, ingested_at, event_data) VALUES (11, '2025-08-24 07:00Z', pg_temp.ev('T11'));
DO $$ BEGIN PERFORM scout.control_ingestion('pause', 'drill'); END $$;
\set VERBOSITY terse
SELECT events_reprocessed FROM scout.reprocess_bronze_window('2025-08-24 06:01Z', '2025-08-24 06:02Z');
\set VERBOSITY sqlstate
SELECT * FROM pg_temp.load();
\set VERBOSITY default
DO $$ BEGIN PERFORM scout.control_ingestion('resume'); END $$;
SELECT * FROM pg_temp.load();
SELECT * FROM pg_temp.balance();
