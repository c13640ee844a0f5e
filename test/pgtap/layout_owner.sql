-- Who may make a pipeline for whom, and a pipeline that gets another owner.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT plan(25);
CREATE ROLE layout_one;
CREATE ROLE layout_two;
CREATE ROLE layout_admin;
CREATE ROLE layout_super SUPERUSER;
CREATE FUNCTION pg_temp.statuses(owner name) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(DISTINCT status, ', ' ORDER BY status) FROM scout.create_pipeline(owner) WHERE kind IN ('table', 'materialized view')
$$;
CREATE FUNCTION pg_temp.owners() RETURNS text LANGUAGE sql AS $$
SELECT string_agg(DISTINCT c.relowner::regrole::text, ', ') FROM pg_class c
WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind IN ('r', 'p', 'm', 'S')
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;

SELECT throws_ok('SELECT scout.create_pipeline()', '42501', 'the pipeline must not belong to a superuser', 'a superuser has to name an owner');
SELECT throws_ok($$SELECT scout.create_pipeline('layout_super')$$, '42501', 'the pipeline must not belong to a superuser', 'who is none himself');
SELECT throws_ok($$SELECT scout.create_pipeline('nobody_of_that_name')$$, '42704', NULL, 'and is there');
SELECT throws_ok($$SELECT scout.create_pipeline('pg_monitor')$$, '42939', NULL, 'and no predefined role');
SELECT is(pg_temp.statuses('layout_one'), 'created', 'a superuser makes it for a role');
SELECT is(pg_temp.owners(), 'layout_one', 'to whom all of it belongs, sequences included');
SELECT is_empty($$SELECT l.object_name FROM scout_internal.pipeline_layout() l
                  WHERE l.kind <> 'index' AND coalesce(obj_description(to_regclass('scout.' || l.object_name), 'pg_class'), '') = ''$$, 'each table and view says what it is');
SELECT ok(has_schema_privilege('layout_one', 'scout', 'USAGE') AND NOT has_schema_privilege('layout_one', 'scout', 'CREATE'),
          'who may not create in the schema');
SELECT ok(has_function_privilege('layout_one', 'scout.set_rule(text, boolean, text, numeric)', 'EXECUTE'), 'but do what an admin may');
SELECT is(pg_temp.statuses(NULL), 'adopted', 'a second call changes nothing');
SELECT is((SELECT string_agg(outcome, ', ' ORDER BY entry_id) FROM scout.timeline WHERE action = 'create_pipeline'), 'created, adopted',
          'both are in the timeline');

-- An event that waits stays in the queue under the next owner.
SELECT ok(accepted, 'an event') FROM scout.ingest_event('{"transaction_id": "a", "store_id": "s", "ts": "2026-01-01T00:00:00Z",
    "total_amount": 5, "items": [{"product_id": "p", "qty": 1, "unit_price": 5}]}');
SELECT is(pg_temp.statuses('layout_two'), 'handed over', 'a superuser hands it over');
SELECT is(pg_temp.owners(), 'layout_two', 'all of it');
SELECT is((SELECT transactions_created FROM scout.load_silver_from_bronze()), 1::bigint, 'and it works as before');
SELECT is_empty($$SELECT check_name FROM scout.reconcile() WHERE status <> 'ok'$$, 'nothing is lost');

-- An admin gets nothing that he could not take with SET ROLE.
SELECT scout.grant_access('admin', 'layout_admin');
SET ROLE layout_admin;
SELECT throws_ok($$SELECT scout.create_pipeline('layout_one')$$, '42501', 'permission denied to make a pipeline for role "layout_one"',
                 'not for a role that he is no member of');
SELECT throws_ok($$SELECT scout.create_pipeline('layout_admin')$$, '55000', 'the pipeline cannot be made from what is there', 'not from one');
RESET ROLE;
GRANT layout_two TO layout_admin;
SET ROLE layout_admin;
SELECT is(pg_temp.statuses('layout_admin'), 'handed over', 'as a member he may');
SELECT throws_ok('CREATE TABLE scout.mine (a int)', '42501', 'permission denied for schema scout', 'the owner makes nothing there himself');
RESET ROLE;
SELECT is(pg_temp.owners(), 'layout_admin', 'and has it all');

-- The hint of what needs one owner is the statement that gives it one.
ALTER TABLE scout.dim_store OWNER TO layout_one;
CREATE FUNCTION pg_temp.follow_hint() RETURNS void LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
    PERFORM scout.backlog();
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    EXECUTE substring(hint FROM 'SELECT .*');
END $$;
SELECT lives_ok('SELECT pg_temp.follow_hint()', 'tables of several owners: the hint can be run');
SELECT is(pg_temp.owners(), 'layout_admin', 'and mends it');

-- A stranger's relation under one of our names.
DROP MATERIALIZED VIEW scout.gold_daily_metrics;
CREATE VIEW scout.gold_daily_metrics AS SELECT 1 AS one;
SELECT throws_ok('SELECT scout.create_pipeline()', '55000', 'the pipeline cannot be made from what is there', 'a view is no gold view');
DROP VIEW scout.gold_daily_metrics;
SELECT matches(pg_temp.statuses(NULL), 'created', 'what is missing is made again');
SELECT * FROM finish();
ROLLBACK;
