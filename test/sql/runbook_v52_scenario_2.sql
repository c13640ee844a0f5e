-- The drill of the v5.2 runbook, as written there unless marked "corrected": scenario 2, a stuck load.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/runbook_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- Scenario 2. As written it looks among waiters; the stuck lock is the granted one.
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
 AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
-- Corrected: who holds a lock of the pipeline; and the end of those who have held one for too long.
SELECT count(*) FROM scout.locks();
SELECT * FROM scout.clear_stuck_locks(dry_run => true);
RESET ROLE;
GRANT pg_read_all_stats TO regress_scout_operator;
SET ROLE regress_scout_operator;
SELECT * FROM scout.clear_stuck_locks();
-- As written it misses sessions idle in transaction and hits whoever mentions the function in a query.
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE query LIKE '%load_silver_from_bronze%'
  AND state = 'active'
  AND query_start < now() - interval '10 minutes';
-- As written it frees the caller's own locks only.
SELECT pg_advisory_unlock_all();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (31, pg_temp.ev('T31'));
SELECT (r.x).events_processed, (r.x).transactions_created, (r.x).line_items_created, (r.x).backlog
FROM (SELECT scout.load_silver_from_bronze(1000) AS x OFFSET 0) r;
