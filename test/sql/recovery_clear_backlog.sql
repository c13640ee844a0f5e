-- clear_backlog(): dead-lettered, not deleted, and back by redrive.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, source_system, ingested_at, event_data) VALUES
 (21, 'pos', '2025-08-24 07:00Z', pg_temp.ev('K1')), (22, 'web', '2025-08-24 07:00Z', pg_temp.ev('K2')), (23, 'web', now(), pg_temp.ev('K3'));
SET ROLE regress_scout_owner;
INSERT INTO scout.bronze_ingestion_batches (source_system, payload, created_at) VALUES ('old', '{"n": 1}', '2025-08-24 07:00Z');
SET ROLE regress_scout_operator;
SELECT * FROM scout.clear_backlog(dry_run => true);
SELECT * FROM scout.clear_backlog(source_system => 'pos');
SELECT * FROM scout.clear_backlog();
SELECT * FROM scout.clear_backlog();
SELECT event_id, error_code, source_system, status FROM scout.bronze_events_dlq WHERE status = 'open' ORDER BY 1 NULLS LAST;
SELECT status FROM scout.bronze_ingestion_batches;
SELECT * FROM pg_temp.balance();
SELECT * FROM scout.dlq_redrive('backlog_cleared', source_system => 'web');
SELECT * FROM scout.dlq_redrive('backlog_cleared', source_system => 'pos');
SELECT * FROM pg_temp.load();
SELECT * FROM pg_temp.balance();
SELECT scout.clear_backlog(NULL);
SELECT scout.clear_backlog('-1 hour');
SELECT * FROM scout.dlq_resolve('not an event', error_code => 'BACKLOG_CLEARED');
