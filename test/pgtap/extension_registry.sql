-- The registry: what a capability says of itself is all that it takes. A trial capability, of another library
-- (test/module/trial_capability.cpp), has its functions and relations granted by tier, its job scheduled, its rows
-- swept and its alerts shown; and what the extension's own capabilities say is what the catalogue has.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION scout_ir_test;
SELECT plan(45);

SELECT throws_ok('SELECT scout_ir_test.add_trial(8)', '0A000', 'a capability was built for another version of scout_ir', 'one of another shape is refused');
SELECT lives_ok('SELECT scout_ir_test.add_trial()', 'a capability is added');
SELECT throws_ok('SELECT scout_ir_test.add_trial()', '42710', 'there is a capability "trial" already', 'but not twice');
\ir ../module/trial_capability.sql
\ir ../lib/pipeline.sql
SELECT throws_ok('SELECT scout_ir_test.add_trial()', '55000', 'capability "trial" comes too late', 'nor once scout_ir has been used');
CREATE TABLE scout.trial_events (n int);
ALTER TABLE scout.trial_events OWNER TO pgtap_owner;

-- Settings.
SELECT results_eq($$SELECT setting, unit FROM pg_settings WHERE name = 'scout_ir_test.trial_interval'$$, $$VALUES ('0', 's')$$, 'its setting is there');

-- Tiers.
SELECT results_eq($$SELECT function_name, tier, schema_name FROM scout_internal.tiers() WHERE capability = 'trial' ORDER BY 1$$,
    $$VALUES ('trial_act', 'operator', 'scout'), ('trial_alerts', 'reader', 'scout_internal'), ('trial_helper', 'none', 'scout_internal'),
             ('trial_look', 'reader', 'scout'), ('trial_set', 'admin', 'scout')$$, 'its functions have their tiers');
SELECT results_eq($$SELECT relation_name, privilege, tier, schema_name, is_member FROM scout_internal.relation_tiers() WHERE capability = 'trial' ORDER BY 1, 2$$,
    $$VALUES ('trial_events', 'SELECT', 'reader', 'scout', false), ('trial_log', 'SELECT', 'operator', 'scout_internal', true),
             ('trial_secrets', 'SELECT', 'none', 'scout_internal', true), ('v_trial', 'SELECT', 'reader', 'scout', true),
             ('v_trial', 'UPDATE', 'admin', 'scout', true)$$, 'and its relations');
CREATE ROLE registry_reader; CREATE ROLE registry_operator; CREATE ROLE registry_admin;
CREATE FUNCTION pg_temp.may(name) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', CASE WHEN has_function_privilege($1, 'scout.trial_look()', 'EXECUTE') THEN 'look' END,
        CASE WHEN has_function_privilege($1, 'scout.trial_act()', 'EXECUTE') THEN 'act' END,
        CASE WHEN has_function_privilege($1, 'scout.trial_set()', 'EXECUTE') THEN 'set' END,
        CASE WHEN has_function_privilege($1, 'scout_internal.trial_helper()', 'EXECUTE') THEN 'help' END,
        CASE WHEN has_table_privilege($1, 'scout.v_trial', 'SELECT') THEN 'view' END,
        CASE WHEN has_table_privilege($1, 'scout.v_trial', 'UPDATE') THEN 'write' END,
        CASE WHEN has_table_privilege($1, 'scout_internal.trial_log', 'SELECT') THEN 'log' END,
        CASE WHEN has_table_privilege($1, 'scout_internal.trial_secrets', 'SELECT') THEN 'secrets' END,
        CASE WHEN has_table_privilege($1, 'scout.trial_events', 'SELECT') THEN 'events' END) $$;
SELECT is(pg_temp.may('registry_reader'), '', 'nobody may without a tier');
SELECT lives_ok(format('SELECT scout.grant_access(%L, %L)', t, 'registry_' || t), t) FROM unnest('{reader,operator,admin}'::text[]) t;
SELECT is(pg_temp.may('registry_reader'), 'look view events', 'a reader looks');
SELECT is(pg_temp.may('registry_operator'), 'look act view log events', 'an operator acts, too');
SELECT is(pg_temp.may('registry_admin'), 'look act set view write log events', 'an admin sets, too');
SELECT is((SELECT relations_revoked FROM scout.revoke_access('admin', 'registry_admin')), 1, 'taken back is what was granted');
SELECT is(pg_temp.may('registry_admin'), 'look act view log events', 'the tiers below stay');
SELECT cmp_ok((SELECT relations_revoked FROM scout.revoke_access('reader', 'registry_admin')), '>', 40, 'nothing is counted twice or forgotten');
SELECT is(pg_temp.may('registry_admin'), '', 'without the lowest there is none');
SELECT is((SELECT relations_revoked + functions_revoked FROM scout.revoke_access('reader', 'registry_admin')), 0, 'what was not held is not taken');

-- The supervisor's tasks, and a job that it asks for.
SELECT is_empty($$SELECT FROM scout.supervise() WHERE task ~ 'trial'$$, 'nothing is asked for while its interval is 0');
SET LOCAL scout_ir_test.trial_interval = 60;
SELECT results_eq($$SELECT task, outcome FROM scout.supervise() WHERE task ~ 'trial'$$, $$VALUES ('trial_look', 'looked'), ('trial', 'queued')$$,
    'its task is run and its job asked for');
SELECT results_eq($$SELECT kind, arguments, unit, total, state, scheduled, session_role FROM scout.jobs WHERE kind = 'trial'$$,
    $$VALUES ('trial', '{"what": "all"}'::jsonb, 'trials', 1::bigint, 'queued', true, 'pgtap_owner'::name)$$, 'as the pipeline''s owner');
SELECT results_eq($$SELECT task, outcome FROM scout.supervise() WHERE task ~ 'trial'$$, $$VALUES ('trial_look', 'looked')$$, 'once while it is open');

-- Alerts.
SELECT is((SELECT capability FROM scout_internal.alert_sources() WHERE source = 'trial'), 'trial', 'its source of alerts is known');
SELECT is_empty($$SELECT FROM scout.check_alerts() WHERE source = 'trial'$$, 'nothing is wrong');
SELECT is((SELECT conditions FROM scout_internal.alert_checks WHERE source = 'trial'), 0, 'it was asked');
INSERT INTO scout_internal.trial_log (at, keep, routine) VALUES
    (now(), false, false), (now() - interval '5 minutes', false, false), (now() - interval '5 minutes', true, true), (now() - interval '2 days', true, false),
    (now() - interval '91 days', false, false);
SELECT results_eq($$SELECT dedup_key, transition, severity, summary FROM scout.check_alerts() WHERE source = 'trial'$$,
    $$VALUES ('trial:log', 'opened', 'warning', '5 entries')$$, 'what its function finds is an alert');
SELECT results_eq($$SELECT source, state, remedy FROM scout.v_alerts WHERE source = 'trial'$$, $$VALUES ('trial', 'firing', 'Try again.')$$, 'which is shown');
SELECT is((SELECT alerts FROM scout.silence(source => 'Trial', duration => '1 hour', reason => 'a test')), 1::bigint, 'and can be silenced by its source');
SELECT is((SELECT count(*) FROM scout.acknowledge_alerts(source => 'trial')), 1::bigint, 'and acknowledged');

-- Retention: by the setting, and the routine entries after a minute.
SELECT results_eq($$SELECT table_name, rows_removed FROM scout.apply_retention(dry_run => true) WHERE table_name ~ 'trial'$$,
    $$VALUES ('trial_log', 2::bigint)$$, 'old rows are counted');
SELECT is((SELECT count(*) FROM scout_internal.trial_log), 5::bigint, 'and stay');
SELECT results_eq($$SELECT rows_removed, more FROM scout.apply_retention() WHERE table_name = 'trial_log'$$, $$VALUES (2::bigint, false)$$, 'they go');
SELECT set_eq($$SELECT keep, routine FROM scout_internal.trial_log$$, $$VALUES (false, false), (true, false)$$, 'what its condition keeps, stays');
SELECT is((SELECT rows_removed FROM scout.apply_retention(older_than => '1 minute') WHERE table_name = 'trial_log'), 1::bigint, 'an age of the caller''s counts');

-- It is told what happens to others.
SELECT is((SELECT ingestion_active FROM scout.control_ingestion('pause', source_system => 'pos', holder => 'ada')), false, 'a pause');
SELECT is((SELECT ingestion_active FROM scout.control_ingestion('resume', source_system => 'pos', holder => 'ada')), true, 'is lifted');
SELECT is(scout_ir_test.last_lifted(), 'pos by ada', 'and all capabilities are told');

-- The lists and the catalogue: each member of a schema of ours is of one capability, and in the schema that it says.
CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e';
SELECT set_eq($$SELECT p.pronamespace::regnamespace::text, p.proname::text FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
                WHERE p.prorettype <> 'trigger'::regtype$$,
              $$SELECT schema_name, function_name FROM scout_internal.tiers()$$, 'each function is of a capability, in the schema that it says');
SELECT is_empty($$SELECT function_name FROM scout_internal.tiers() GROUP BY schema_name, function_name HAVING count(*) > 1$$, 'and of one');
SELECT set_eq($$SELECT c.relnamespace::regnamespace::text, c.relname::text FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
                WHERE c.relkind IN ('r', 'v')$$,
              $$SELECT schema_name, relation_name FROM scout_internal.relation_tiers() WHERE is_member$$, 'so is each view and state table');
SELECT set_eq($$SELECT relation_name FROM scout_internal.relation_tiers() WHERE NOT is_member AND capability <> 'trial'$$,
              $$SELECT object_name FROM scout_internal.pipeline_layout() WHERE kind IN ('table', 'materialized view')$$, 'and each table of the pipeline');
SELECT is_empty($$SELECT relation_name FROM scout_internal.relation_tiers() GROUP BY schema_name, relation_name, privilege HAVING count(*) > 1$$,
    'no privilege stands twice');
SELECT is_empty($$SELECT s.source FROM scout_internal.alert_sources() s WHERE s.conditions IS NOT NULL
                  AND to_regprocedure(format('scout_internal.%I()', s.conditions)) IS NULL$$, 'each source of alerts has its function');
SELECT is_empty($$SELECT source FROM scout_internal.alert_sources() GROUP BY 1 HAVING count(*) > 1$$, 'and its name alone');

SELECT * FROM finish();
ROLLBACK;
