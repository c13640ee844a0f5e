-- As whom a look runs: as the owner of what it looks at, where the caller is above him or may see all of it; otherwise as
-- the caller, with what grants and policies leave. SQL that somebody registers runs as he.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(31);
CREATE ROLE sight_owner;
CREATE ROLE sight_reader;
CREATE ROLE sight_admin;
CREATE ROLE sight_mart;
CREATE ROLE sight_member IN ROLE sight_owner;
CREATE SCHEMA sight;
GRANT ALL ON SCHEMA sight TO PUBLIC;
SELECT count(*) AS ignored FROM scout.create_pipeline('sight_owner') \gset
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'sight_reader') r, scout.grant_access('admin', 'sight_admin') a \gset
INSERT INTO scout.bronze_events (source_system, event_data) VALUES ('pos', '{"transaction_id": "t"}');

-- Statistics of the owner's note who plans, by a lock that neither a rollback nor a read-only transaction takes back.
SET ROLE sight_owner;
CREATE FUNCTION sight.who() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM pg_advisory_lock(current_user::regrole::oid::int, 4711);
    RETURN 1;
END
$$;
CREATE STATISTICS sight.of_letters ON (sight.who() + length(error_code)), error_code FROM scout.bronze_events_dlq;
RESET ROLE;
CREATE FUNCTION pg_temp.planners() RETURNS text LANGUAGE plpgsql AS $$
DECLARE who text;
BEGIN
    SELECT coalesce(string_agg(DISTINCT l.classid::regrole::text, ','), 'nobody') INTO who FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objid = 4711 AND l.pid = pg_backend_pid();
    PERFORM pg_advisory_unlock_all();
    RETURN who;
END
$$;
CREATE FUNCTION pg_temp.planner(caller text, query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.planners();
    DISCARD PLANS;
    EXECUTE format('SET LOCAL ROLE %I', caller);
    EXECUTE 'SELECT count(*) FROM ' || query;
    RESET ROLE;
    RETURN pg_temp.planners();
END
$$;
SELECT is(pg_temp.planner(caller, 'scout.dlq_summary()'), who, why) FROM (VALUES
    (current_user::text, 'sight_owner', 'a superuser''s look is planned as the owner'),
    ('sight_owner', 'sight_owner', 'the owner''s as he'),
    ('sight_member', 'sight_owner', 'that of who has the owner''s rights as the owner'),
    ('sight_reader', 'sight_owner', 'that of who may see everything as the owner'),
    ('sight_admin', 'sight_owner', 'an admin''s, too')) v (caller, who, why);
SELECT is(pg_temp.planner(current_user::text, 'scout.bronze_events_dlq'), current_user::text, 'a statement by hand as whoever gives it');

-- What grants and policies hide stays hidden.
REVOKE SELECT ON scout.dim_store FROM sight_reader;
SELECT is(pg_temp.planner('sight_reader', 'scout.dlq_summary()'), 'sight_reader', 'who may not read one of the tables looks as himself');
GRANT SELECT ON scout.dim_store TO sight_reader;
REVOKE SELECT ON scout.bronze_pending FROM sight_reader;
SET ROLE sight_reader;
SELECT throws_ok('SELECT * FROM scout.ingest_freshness()', '42501', 'permission denied for table bronze_pending', 'and does not see by a report what he may not');
RESET ROLE;
GRANT SELECT ON scout.bronze_pending TO sight_reader;
ALTER TABLE scout.bronze_events ENABLE ROW LEVEL SECURITY;
SET ROLE sight_reader;
SELECT is((SELECT value FROM scout.reconcile() WHERE check_name = 'bronze_events'), 0::numeric, 'rows that a policy hides are hidden in reports');
SELECT is((SELECT latest_bronze_event FROM scout.v_ingest_freshness), NULL, 'and in views');
RESET ROLE;
SELECT is((SELECT value FROM scout.reconcile() WHERE check_name = 'bronze_events'), 1::numeric, 'the owner sees them, and who is above him');

-- Never a false "ok": the owner himself is kept from rows.
ALTER TABLE scout.bronze_events FORCE ROW LEVEL SECURITY;
SELECT throws_ok('SELECT * FROM scout.reconcile()', '55000', '"sight_owner" does not see all of its own rows in scout.bronze_events', 'an owner under row security is no witness');
ALTER TABLE scout.bronze_events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE scout.bronze_events DISABLE ROW LEVEL SECURITY;
-- Nor does the owner lack what the report calls.
REVOKE EXECUTE ON FUNCTION scout_internal.dlq_summary() FROM sight_owner;
SELECT throws_ok('SELECT * FROM scout.dlq_summary()', '42501', 'permission denied for function scout_internal.dlq_summary()', 'an owner without access is named');
SELECT count(*) AS ignored FROM scout.create_pipeline() \gset
SELECT lives_ok('SELECT * FROM scout.dlq_summary()', 'and the hint helps');

-- Relations of other owners.
SET ROLE sight_mart;
CREATE TABLE sight.mart AS SELECT 1::bigint AS event_id, now() AS at, 'a' AS source;
RESET ROLE;
CREATE TABLE sight.of_superuser AS SELECT 1::bigint AS event_id;
CREATE VIEW sight.over_letters AS SELECT event_id, failed_at FROM scout.bronze_events_dlq;
SELECT throws_ok($$SELECT * FROM scout.compare_layers('sight.mart', 'scout.bronze_events_dlq', '{event_id}')$$, '42501',
                 'no owner of these relations stands below the others and may read all of them', 'two owners who may not read each other''s: by nobody');
GRANT SELECT ON sight.mart TO sight_owner;
SELECT throws_ok($$SELECT * FROM scout.compare_layers('sight.mart', 'scout.bronze_events_dlq', '{event_id}')$$, '42501', NULL, 'nor by one who may read both, and is beside the other');
GRANT sight_owner TO sight_mart;
SELECT is(pg_temp.planner(current_user::text, $$scout.compare_layers('sight.mart', 'scout.bronze_events_dlq', '{event_id}')$$), 'sight_owner', 'but by one who is below the other');
REVOKE sight_owner FROM sight_mart;
SELECT throws_ok($$SELECT * FROM scout.compare_layers('sight.of_superuser', 'scout.bronze_events_dlq', '{event_id}')$$, '42501', NULL, 'not by a superuser, who owns one');
GRANT SELECT ON sight.of_superuser, sight.over_letters TO sight_owner;
SELECT is(pg_temp.planner(current_user::text, $$scout.compare_layers('sight.of_superuser', 'scout.bronze_events_dlq', '{event_id}')$$), 'sight_owner', 'but by the owner who may read it');
SELECT is(pg_temp.planner(current_user::text, $$scout.compare_layers('sight.of_superuser', 'sight.over_letters', '{event_id}')$$), 'sight_owner', 'also below a superuser''s view');
SET ROLE sight_reader;
SELECT throws_ok($$SELECT * FROM scout.compare_layers('sight.mart', 'sight.mart', '{event_id}')$$, '42501', 'permission denied for table mart', 'who may not read gets nothing by it');
RESET ROLE;

-- Datasets and rules.
SELECT is((SELECT status FROM scout.register_dataset('x', 'sight.over_letters', 'failed_at', '1 day', '2 days', name => 'letters')), 'registered', 'a superuser''s view over the letters');
SELECT is(pg_temp.planner(current_user::text, 'scout.freshness(''{letters}'')'), 'sight_owner', 'is looked at as their owner');
GRANT SELECT ON sight.mart TO sight_admin, sight_reader;
CREATE FUNCTION sight.is_admin() RETURNS boolean LANGUAGE sql STABLE RETURN current_user = 'sight_admin';
SET ROLE sight_admin;
SELECT is((SELECT status FROM scout.register_dataset('x', 'sight.mart', 'at', '1 day', '2 days', filter => 'sight.is_admin()', name => 'mart')), 'registered', 'an admin''s filter');
SET ROLE sight_reader;
SELECT is((SELECT status FROM scout.freshness('{mart}')), 'pass', 'runs as the admin, whoever looks');
RESET ROLE;
REVOKE SELECT ON sight.mart FROM sight_reader;
SET ROLE sight_reader;
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{mart}')),
          'runtime error "sight_reader" does not see all of sight.mart, and the filter runs as "sight_admin" (42501)', 'for those who may read what it reads');
RESET ROLE;
SELECT is((SELECT owner FROM scout.add_quality_rule('of_letters', relation => 'scout.bronze_events_dlq', predicate => 'false')), 'sight_owner', 'a superuser''s rule is the owner''s of what it names');
SELECT is((SELECT owner FROM scout.add_quality_rule('of_query', query => 'SELECT l.* FROM sight.over_letters l')), 'sight_owner', 'and one of a query');
SELECT throws_ok($$SELECT * FROM scout.add_quality_rule('of_nothing', query => 'SELECT 1')$$, '42501', format('SQL is not run as superuser "%s"', current_user), 'and refused where it names nobody''s');
SELECT is(pg_temp.planners(), 'sight_owner', 'and it is he who plans them');
SELECT is((SELECT string_agg(status, ',' ORDER BY rule) FROM scout.run_quality_rules(24, '{of_letters,of_query}')), 'pass,pass', 'they run');
SELECT * FROM finish();
ROLLBACK;
