-- dlq_purge(): closed letters only, and never one that alone accounts for an event.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- Letters of 1 and 2 are resolved, of 4 discarded, of 3 and 5 open.
SET client_min_messages = warning;
DO $$ BEGIN PERFORM scout.dlq_resolve('late copy', error_code => 'duplicate_transaction'); PERFORM scout.quarantine_events('{1, 2, 3}', 'suspect');
    PERFORM scout.dlq_redrive(event_ids => '{1, 2}'); END $$;
RESET client_min_messages;
SELECT event_id, status FROM scout.bronze_events_dlq ORDER BY 1;
SELECT * FROM scout.dlq_purge();
SELECT * FROM scout.dlq_purge('0 seconds', dry_run => true);
SELECT * FROM scout.dlq_purge('0 seconds');
SELECT event_id, status FROM scout.bronze_events_dlq ORDER BY 1;
SELECT scout.dlq_purge('-1 day');
SELECT scout.dlq_purge(NULL);
SELECT * FROM pg_temp.balance();
