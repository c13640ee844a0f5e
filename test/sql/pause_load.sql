-- While it is paused, of all or of one source, a load warns and does nothing; force loads.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, source_system, event_data) VALUES (601, 'pos', pg_temp.ev('Y1')), (602, 'web', pg_temp.ev('Y2'));
\set VERBOSITY sqlstate
SELECT action, ingestion_active, active_workers, source_system, reason, expires_at, backlog FROM scout.control_ingestion('pause', 'drill');
SELECT * FROM pg_temp.load();
SELECT action, ingestion_active, reason, backlog FROM scout.ingestion_status();
SELECT action, ingestion_active FROM scout.control_ingestion('pause', 'again');
SELECT action, ingestion_active, reason FROM scout.control_ingestion('resume');
SELECT action, ingestion_active FROM scout.control_ingestion('resume');
SELECT action, ingestion_active, source_system FROM scout.control_ingestion('pause', 'drill', 'pos');
SELECT * FROM pg_temp.load();
SELECT action, ingestion_active, backlog FROM scout.control_ingestion('status');
SELECT action, ingestion_active, backlog FROM scout.control_ingestion('status', source_system => 'pos');
SELECT action, ingestion_active, backlog FROM scout.control_ingestion('status', source_system => 'web');
SELECT * FROM pg_temp.load(force => true);
SELECT action, ingestion_active FROM scout.control_ingestion('resume', source_system => 'pos');

SELECT * FROM pg_temp.balance();
