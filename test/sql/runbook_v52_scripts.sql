-- The drill of the v5.2 runbook, as written there unless marked "corrected": its three scripts, and the rollback to a previous version.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/runbook_events.sql
\i :include
\set ECHO all
GRANT pg_read_all_stats TO regress_scout_operator;
SET ROLE regress_scout_operator;
-- Script 1: emergency pipeline reset.
SELECT (scout.control_ingestion('pause')).ingestion_active;
SELECT pg_advisory_unlock_all();
-- As written the load comes before the resume: nothing is loaded, and a WARNING says why.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (32, pg_temp.ev('T32'));
\set VERBOSITY sqlstate
SELECT (r.x).events_processed, (r.x).backlog FROM (SELECT scout.load_silver_from_bronze(500) AS x OFFSET 0) r;
SELECT (scout.control_ingestion('resume')).ingestion_active;
\set VERBOSITY default
-- Corrected: pause, clear, probe, resume, each only if the one before went well.
SET client_min_messages = warning;
SELECT step, action, status, details FROM scout.emergency_reset(probe_events => 500);
RESET client_min_messages;
SELECT (scout.control_ingestion('status')).ingestion_active;

-- Script 2: deletes without trace, and the next reprocess brings the rows back. Corrected:
SELECT events_quarantined FROM scout.quarantine_failures('NEGATIVE_TOTAL');

-- Script 3. With a zone: an untyped literal shifts with the time zone of the session.
SELECT (r.x).events_reprocessed FROM (SELECT scout.reprocess_bronze_window(
    '2025-08-24 15:00:00+08'::timestamptz,
    '2025-08-24 16:00:00+08'::timestamptz,
    1000
) AS x OFFSET 0) r;

-- Rollback to previous version: DROP FUNCTION without arguments misses overloads; scout has none.
DROP FUNCTION IF EXISTS scout.problematic_function();
SELECT * FROM pg_temp.balance();
SELECT action, outcome, count(*) FROM scout.timeline GROUP BY action, outcome ORDER BY action COLLATE "C", outcome COLLATE "C";
