-- Code of a relation's owner runs as he or as a role below him, never as one above or beside him, and registered SQL never
-- as a superuser. What somebody has planted notes as whom it runs.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(42);
CREATE ROLE beside_owner;
CREATE ROLE beside_reader;
CREATE ROLE beside_admin;
CREATE ROLE beside_other;
CREATE ROLE beside_dba;
CREATE SCHEMA beside;
GRANT ALL ON SCHEMA beside TO PUBLIC;
SELECT count(*) AS ignored FROM scout.create_pipeline('beside_owner') \gset
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'beside_reader') r, scout.grant_access('admin', 'beside_admin') a,
    scout.grant_access('admin', 'beside_dba') d \gset
-- By a lock, which neither a rollback nor a read-only transaction takes back.
CREATE FUNCTION beside.note() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM pg_advisory_lock(current_user::regrole::oid::int, 4712);
    RETURN true;
END
$$;
CREATE FUNCTION pg_temp.ran() RETURNS text LANGUAGE plpgsql AS $$
DECLARE who text;
BEGIN
    SELECT coalesce(string_agg(DISTINCT l.classid::regrole::text, ','), 'nobody') INTO who FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objid = 4712 AND l.pid = pg_backend_pid();
    PERFORM pg_advisory_unlock_all();
    RETURN who;
END
$$;
-- As whom it ran, or why it was refused.
CREATE FUNCTION pg_temp.as_whom(caller text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE error text := '';
BEGIN
    PERFORM pg_temp.ran();
    DISCARD PLANS;
    BEGIN
        EXECUTE format('SET LOCAL ROLE %I', caller);
        EXECUTE 'SELECT count(*) FROM ' || query;
    EXCEPTION WHEN OTHERS THEN
        error := ' ' || sqlstate;
    END;
    RESET ROLE;
    RETURN pg_temp.ran() || error;
END
$$;

-- A reader's relation beside the pipeline's.
SET ROLE beside_reader;
CREATE VIEW beside.of_reader AS SELECT 'x'::text AS transaction_id, now() AS at WHERE beside.note();
GRANT SELECT ON beside.of_reader TO beside_owner, beside_admin;
RESET ROLE;
SELECT is(pg_temp.as_whom(caller, $$scout.compare_layers('scout.silver_transactions', 'beside.of_reader', '{transaction_id}')$$), who, why) FROM (VALUES
    ('beside_reader', 'beside_reader', 'a reader''s view, named second by himself, runs as he'),
    ('beside_owner', 'nobody 42501', 'and not as the owner of the pipeline'),
    (current_user::text, 'nobody 42501', 'nor as a superuser, nor for one as the owner of the pipeline')) v (caller, who, why);
SELECT is(pg_temp.as_whom('beside_reader', $$scout.compare_layers('beside.of_reader', 'scout.silver_transactions', '{transaction_id}')$$), 'beside_reader', 'named first, too');
SELECT is(pg_temp.as_whom('beside_owner', $$scout.compare_layers('beside.of_reader', 'beside.of_reader', '{transaction_id}')$$), 'beside_reader', 'alone it runs as he for the owner');
SET ROLE beside_reader;
CREATE VIEW beside.over_silver AS SELECT s.transaction_id FROM scout.silver_transactions s WHERE beside.note();
GRANT SELECT ON beside.over_silver TO beside_owner;
RESET ROLE;
INSERT INTO scout.dim_store (store_id) VALUES ('s');
SELECT is(pg_temp.as_whom('beside_owner', $$scout.compare_layers('beside.over_silver', 'beside.over_silver', '{transaction_id}')$$), 'nobody 42501', 'nor as the owner where it reads his tables');
SELECT is(pg_temp.as_whom('beside_admin', $$scout.compare_layers('scout.silver_transactions', 'beside.of_reader', '{transaction_id}')$$), 'nobody 42501', 'nor as an admin, who is beside the reader');
-- Who has the rights of one is above him, so that the lower one looks.
GRANT beside_reader TO beside_owner;
SELECT is(pg_temp.as_whom('beside_owner', $$scout.compare_layers('scout.silver_transactions', 'beside.of_reader', '{transaction_id}')$$), 'beside_reader', 'as the one whose rights the other has');
REVOKE beside_reader FROM beside_owner;
-- Read-only, and nothing stays.
SET ROLE beside_other;
CREATE TABLE beside.written (a int);
CREATE FUNCTION beside.write() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN INSERT INTO beside.written VALUES (1); RETURN true; END$$;
CREATE FUNCTION beside.make() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN CREATE TABLE beside.made (a int); RETURN true; END$$;
CREATE VIEW beside.writes AS SELECT 1 AS a WHERE beside.write();
CREATE VIEW beside.makes AS SELECT 1 AS a WHERE beside.make();
SELECT throws_ok($$SELECT * FROM scout.compare_layers('beside.writes', 'beside.writes', '{a}')$$, '42501', NULL, 'a stranger has no reports');
RESET ROLE;
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'beside_other') \gset
SET ROLE beside_other;
SELECT throws_ok($$SELECT * FROM scout.compare_layers('beside.writes', 'beside.writes', '{a}')$$, '25006', NULL, 'a comparison writes nothing');
SELECT throws_ok($$SELECT * FROM scout.compare_layers('beside.makes', 'beside.makes', '{a}')$$, '25006', NULL, 'and makes nothing');
SELECT lives_ok('INSERT INTO beside.written VALUES (2)', 'afterwards the transaction may write again');
SELECT cmp_ok((SELECT count(*) FROM scout.compare_layers('beside.written', 'beside.written', '{a}')), '>', 0::bigint, 'rows come out of it');
RESET ROLE;

-- An owner who takes his own SELECT away.
SET ROLE beside_admin;
CREATE VIEW beside.of_admin AS SELECT now() AS at WHERE beside.note();
CREATE VIEW beside.over_bronze AS SELECT b.ingested_at AS at FROM scout.bronze_events b WHERE beside.note();
GRANT SELECT ON beside.of_admin, beside.over_bronze TO beside_reader, beside_owner;
SELECT count(*) AS ignored FROM scout.register_dataset('x', 'beside.of_admin', 'at', '1 day', '2 days', name => 'of_admin') a,
    scout.register_dataset('x', 'beside.over_bronze', 'at', '1 day', '2 days', name => 'over_bronze') b \gset
RESET ROLE;
INSERT INTO scout.bronze_events (source_system, event_data) VALUES ('pos', '{"transaction_id": "t"}');
SELECT is(pg_temp.as_whom('beside_owner', 'scout.freshness(''{of_admin}'')'), 'beside_admin', 'an admin''s view is looked at as he');
SELECT is(pg_temp.as_whom(caller, 'scout.freshness(''{over_bronze}'')'), 'nobody', 'one over bronze not as ' || caller)
FROM (VALUES ('beside_owner'), (current_user::text)) v (caller);
SELECT matches((SELECT status || ' ' || details FROM scout.freshness('{over_bronze}')), 'runtime error no owner of these relations stands below.*42501', 'but that is its error');
REVOKE ALL ON beside.of_admin FROM beside_admin;
SELECT is(pg_temp.as_whom(caller, 'scout.freshness(''{of_admin}'')'), 'nobody', 'nor, where the owner may not read, as ' || caller)
FROM (VALUES ('beside_reader'), ('beside_owner'), (current_user::text)) v (caller);
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{of_admin}')),
          'runtime error "beside_admin" may not read beside.of_admin, which it owns (55000)', 'that is its error, too');

-- A registered dataset never runs as who may not read all of it.
SET ROLE beside_other;
CREATE TABLE beside.taken (at timestamptz);
CREATE STATISTICS beside.planted ON (at IS NULL AND beside.note()), (at + interval '1 day' IS NULL) FROM beside.taken;
CREATE INDEX ON beside.taken (at) WHERE beside.note();
GRANT SELECT ON beside.taken TO beside_reader, beside_admin;
RESET ROLE;
SELECT is((SELECT status FROM scout.register_dataset('x', 'beside.taken', 'at', '1 day', '2 days', name => 'taken')), 'registered', 'a stranger''s table');
SET ROLE beside_other;
REVOKE ALL ON beside.taken FROM beside_reader;
ALTER TABLE beside.taken ENABLE ROW LEVEL SECURITY;
CREATE POLICY planted ON beside.taken USING (beside.note());
INSERT INTO beside.taken VALUES (now());
RESET ROLE;
SELECT is(pg_temp.as_whom(caller, 'scout.freshness(''{taken}'')'), 'nobody', 'nothing of it runs as ' || caller || ', who does not see all')
FROM (VALUES ('beside_reader'), ('beside_admin')) v (caller);
SET ROLE beside_reader;
SELECT matches((SELECT status || ' ' || details FROM scout.freshness('{taken}')), 'runtime error "beside_reader" does not see all of beside.taken.*42501', 'that is its error');
RESET ROLE;

-- A view that reads as its invoker, and one over policies, show a caller no more than his own query.
SELECT set_config('role', 'beside_other', true) AS ignored \gset
CREATE TABLE beside.secret (transaction_id text, who text);
INSERT INTO beside.secret VALUES ('1', 'beside_other'), ('2', 'beside_other');
CREATE VIEW beside.by_invoker WITH (security_invoker) AS SELECT transaction_id FROM beside.secret;
CREATE VIEW beside.nothing AS SELECT ''::text AS transaction_id WHERE false;
GRANT SELECT ON beside.by_invoker, beside.nothing TO beside_reader;
RESET ROLE;
CREATE FUNCTION pg_temp.counted(view text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    SET LOCAL ROLE beside_reader;
    SELECT string_agg(c::text, ',') INTO found FROM scout.compare_layers(view, 'beside.nothing', '{transaction_id}') c;
    RESET ROLE;
    RETURN found;
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate;
END
$$;
SELECT is(pg_temp.counted('beside.by_invoker'), '42501', 'through a view that reads as its invoker a reader counts nothing he may not read');
SET ROLE beside_other;
ALTER VIEW beside.by_invoker RESET (security_invoker);
RESET ROLE;
SELECT isnt(pg_temp.counted('beside.by_invoker'), '42501', 'through an ordinary view he counts what it shows him');

-- Registered SQL, when who registered it has become a superuser.
SET ROLE beside_dba;
SELECT is((SELECT owner FROM scout.add_quality_rule('later', relation => 'scout.bronze_events', predicate => 'beside.note()')), 'beside_dba', 'a rule of an ordinary role');
SELECT is((SELECT status FROM scout.register_dataset('x', 'scout.bronze_events', 'ingested_at', '1 day', '2 days', filter => 'beside.note()', name => 'later')), 'registered', 'and a filter');
RESET ROLE;
SELECT is(pg_temp.as_whom(current_user::text, 'scout.run_quality_rules(24, ''{later}''), scout.freshness(''{later}'')'), 'beside_dba', 'run as that role');
ALTER ROLE beside_dba SUPERUSER;
SELECT is(pg_temp.as_whom(current_user::text, 'scout.run_quality_rules(24, ''{later}''), scout.freshness(''{later}'')'), 'nobody', 'and not once it is a superuser');
SELECT is((SELECT status || ' ' || message FROM scout.run_quality_rules(24, '{later}')), 'runtime error SQL is not run as superuser "beside_dba"', 'the rule says so');
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{later}')), 'runtime error SQL is not run as superuser "beside_dba" (42501)', 'and the dataset');
ALTER ROLE beside_dba NOSUPERUSER;
GRANT pg_execute_server_program TO beside_dba;
SELECT is(pg_temp.as_whom(current_user::text, 'scout.run_quality_rules(24, ''{later}''), scout.freshness(''{later}'')'), 'nobody', 'nor once it may run the server''s programs');
SELECT is((SELECT status || ' ' || message FROM scout.run_quality_rules(24, '{later}')), 'runtime error SQL is not run as "beside_dba", which may use the server''s files or programs', 'the rule says so');
SET ROLE beside_dba;
SELECT throws_ok($$SELECT * FROM scout.add_quality_rule('of_programs', query => 'SELECT 1')$$, '42501', NULL, 'and such a role registers none');
RESET ROLE;
REVOKE pg_execute_server_program FROM beside_dba;
SELECT throws_ok($$SELECT * FROM scout.add_quality_rule('of_nothing', query => 'SELECT 1 WHERE beside.note()')$$, '42501', NULL, 'a superuser''s rule that names nobody''s relation is refused');
SELECT is(pg_temp.ran(), 'nobody', 'before it runs');

-- A superuser's gold view.
CREATE MATERIALIZED VIEW beside.gold AS SELECT 1 AS a;
SELECT throws_ok($$SELECT * FROM scout.register_gold('beside.gold')$$, '42501', NULL, 'a superuser''s gold view is refused');
ALTER MATERIALIZED VIEW beside.gold OWNER TO beside_dba;
SELECT is((SELECT status FROM scout.register_gold('beside.gold')), 'registered', 'that of an ordinary role is not');
GRANT pg_write_server_files TO beside_dba;
SELECT throws_ok($$SELECT * FROM scout.register_gold('beside.gold')$$, '42501', NULL, 'and it is refused once its owner may write the server''s files');
REVOKE pg_write_server_files FROM beside_dba;
ALTER ROLE beside_dba SUPERUSER;
SELECT matches((SELECT string_agg(f.status || ' ' || f.operation, ',') FROM scout.refresh_gold_platinum(true) f WHERE f.operation ~ 'beside.gold'), 'superuser', 'and is no longer refreshed once he is one');
SELECT * FROM finish();
ROLLBACK;
