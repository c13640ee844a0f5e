-- DROP EXTENSION leaves the user's tables; an insert into bronze then fails closed, until it is back.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
DROP EXTENSION scout_ir;
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind IN ('r', 'm') ORDER BY c.relname COLLATE "C";
\set VERBOSITY sqlstate
INSERT INTO scout.bronze_events (event_data) VALUES ('{}');
\set VERBOSITY default
INSERT INTO scout.bronze_events (event_data, event_hash) VALUES ('{"a": 1}', '\x00');
CREATE EXTENSION scout_ir;
DO $$ BEGIN PERFORM scout.grant_access('admin', 'regress_scout_owner'); END $$;
SET ROLE regress_scout_owner;
SELECT status, detail FROM scout.create_pipeline() WHERE kind IN ('seed', 'trigger') ORDER BY object_name, kind;
SELECT events_processed, events_dead_lettered, backlog FROM scout.load_silver_from_bronze();
