-- Who may have a worker log in: not the code of another role that runs in a superuser's session, nor what is run in a
-- security-restricted operation. Wrappers of an ordinary session go on working.
BEGIN;
SELECT plan(12);
SET client_min_messages = warning;
\ir ../lib/pipeline.sql
CREATE SCHEMA own;
GRANT ALL ON SCHEMA own TO PUBLIC;
CREATE ROLE own_gateway LOGIN;
CREATE ROLE own_client LOGIN;
GRANT own_gateway TO own_client;
SELECT scout.grant_access('admin', 'own_gateway') \g /dev/null
CREATE FUNCTION own.try(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT * FROM scout.' || call;
    RETURN 'asked';
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate || ' ' || sqlerrm;
END
$$;
CREATE FUNCTION own.lend(call text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT own.try(call)';
ALTER FUNCTION own.lend(text) OWNER TO pgtap_owner;
CREATE TEMP TABLE calls (call text);
INSERT INTO calls VALUES ('load_backlog(wait => false)'), ('refresh_gold_platinum(force => true, wait => false)'),
    ('dlq_redrive(wait => false)'), ($c$reprocess_bronze_window('2020-01-01', '2021-01-01', wait => false)$c$), ($c$maintain('scout.silver_transactions', 'analyze')$c$);

SELECT is(own.lend(c.call), format('42501 permission denied to ask for a job in the session of "%s"', session_user), 'a superuser''s session, code of another: ' || c.call) FROM calls c;
SELECT is((SELECT count(*) FROM scout.jobs), 0::bigint, 'no job is there');
SELECT is(own.try('load_backlog(wait => false)'), 'asked', 'the superuser himself asks');
SET LOCAL ROLE pgtap_owner;
SELECT is(own.try('load_backlog(wait => false)'), 'asked', 'so does he as the role that he has set');
RESET ROLE;

-- A security-restricted operation: the owner's view, refreshed by a superuser.
SET LOCAL ROLE pgtap_owner;
CREATE MATERIALIZED VIEW own.look AS SELECT own.try('load_backlog(wait => false)') AS said WITH NO DATA;
RESET ROLE;
REFRESH MATERIALIZED VIEW own.look;
SELECT matches((SELECT said FROM own.look), '^42501 permission denied to ask for a job', 'not in a security-restricted operation');

-- An ordinary session, as a REST gateway has it.
ALTER FUNCTION own.lend(text) OWNER TO own_gateway;
SET SESSION AUTHORIZATION own_client;
SELECT is(own.lend('load_backlog(wait => false)'), 'asked', 'an ordinary session asks by a SECURITY DEFINER function');
SET LOCAL ROLE own_gateway;
SELECT is(own.lend('load_backlog(wait => false)'), 'asked', 'and by one while it has set a role');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM scout.jobs WHERE session_role = 'own_client' AND acting_role = 'own_gateway'), 2::bigint, 'as whom they were asked for is told');
SELECT * FROM finish();
ROLLBACK;
