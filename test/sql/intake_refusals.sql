-- The state of the event that refuses a redelivery is said.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1, pg_temp.ev('T2')), (2, '{"transaction_id": "C1", "total_amount": 1.50}'), (1000000, pg_temp.ev('O1'));
SELECT accepted, regexp_replace(reason, '\d+', 'N') AS reason FROM scout.ingest_event(pg_temp.ev('T2'));
SELECT events_processed, transactions_created, line_items_created, transactions_updated, events_dead_lettered, backlog
FROM scout.load_silver_from_bronze();
SELECT accepted, regexp_replace(reason, '\d+', 'N') AS reason FROM scout.ingest_event(pg_temp.ev('T2'));
SELECT accepted, regexp_replace(reason, '\d+', 'N') AS reason FROM scout.ingest_event('{"transaction_id": "C1", "total_amount": 1.5}');
DO $$ BEGIN PERFORM scout.quarantine_events(ARRAY[1000000], 'test'); END $$;
SELECT * FROM scout.ingest_event(pg_temp.ev('O1'));
DO $$ BEGIN PERFORM scout.dlq_resolve('not wanted', error_code => 'quarantine'); END $$;
SELECT * FROM scout.ingest_event(pg_temp.ev('O1'));
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('O1')) RETURNING 1;
SELECT * FROM pg_temp.balance();
SELECT sum(duplicates_skipped) AS duplicates_counted FROM scout.etl_runs WHERE kind = 'intake';
