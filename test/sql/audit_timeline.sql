-- The timeline: actor, arguments, outcome, counts; an action rolled back leaves nothing.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SET client_min_messages = warning;
SELECT FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect', dry_run => true) \g /dev/null
SELECT FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect') \g /dev/null
SELECT FROM scout.quarantine_events('{6}', 'by hand') \g /dev/null
SELECT FROM scout.quarantine_failures('NEGATIVE_TOTAL', dry_run => true) \g /dev/null
SELECT FROM scout.quarantine_failures('NEGATIVE_TOTAL') \g /dev/null
SELECT FROM scout.dlq_redrive(dry_run => true) \g /dev/null
SELECT FROM scout.dlq_redrive(max_events => 2) \g /dev/null
SELECT FROM scout.dlq_resolve('late copy', error_code => 'duplicate_transaction') \g /dev/null
SELECT FROM scout.dlq_purge('0 seconds') \g /dev/null
SELECT FROM scout.clear_backlog(dry_run => true) \g /dev/null
SELECT FROM scout.clear_backlog() \g /dev/null
SELECT FROM scout.control_ingestion('pause', 'drill') \g /dev/null
SELECT FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z', 3, dry_run => true) \g /dev/null
SELECT FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z', 3) \g /dev/null
SELECT FROM scout.refresh_gold_platinum() \g /dev/null
SELECT FROM scout.control_ingestion('resume') \g /dev/null
SET ROLE regress_scout_owner;
SELECT FROM scout.set_rule('AMOUNT_ABOVE_LIMIT', severity => 'critical', threshold => 29) \g /dev/null
SELECT FROM scout.set_rule('AMOUNT_ABOVE_LIMIT') \g /dev/null
RESET ROLE;
RESET client_min_messages;

SELECT count(*) AS entries FROM scout.timeline \gset
BEGIN;
SELECT events_quarantined FROM scout.quarantine_events('{1}', 'rolled back');
ROLLBACK;
SELECT count(*) - :entries AS new_entries FROM scout.timeline;
SELECT action, acting_role, outcome, count(*) FROM scout.timeline GROUP BY action, acting_role, outcome ORDER BY action COLLATE "C", acting_role, outcome COLLATE "C";
SELECT arguments, counts FROM scout.timeline WHERE action = 'quarantine_window' ORDER BY entry_id LIMIT 2;
SELECT arguments - 'expires_at', counts FROM scout.timeline WHERE action = 'control_ingestion' ORDER BY entry_id;
SELECT arguments, counts FROM scout.timeline WHERE action = 'reprocess_bronze_window' ORDER BY entry_id LIMIT 1;
SELECT * FROM pg_temp.balance();
