-- CREATE EXTENSION where a schema scout is there already: what could be run by a call is refused, and whoever could
-- add it afterwards; the relations of a pipeline may stay. What the installer's default privileges give leaks neither
-- into the extension nor into the tables of a pipeline.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(45);
DROP EXTENSION scout_ir;
SELECT has_schema('scout'::name, 'DROP EXTENSION leaves schema scout, for what else is in it');
DROP SCHEMA scout;
CREATE ROLE install_other;
CREATE ROLE install_owner;

-- The detail of the error that CREATE EXTENSION raises once this is there; 'installed' where it does not. Undone.
CREATE FUNCTION pg_temp.installed_over(setup text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text;
BEGIN
    BEGIN
        EXECUTE setup;
        CREATE EXTENSION scout_ir;
        RAISE EXCEPTION USING ERRCODE = 'ZZ001';
    EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
        RETURN 'installed';
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
        RETURN concat_ws('; ', state, CASE WHEN message <> 'schema "scout" cannot be taken over as it is' THEN message END, nullif(detail, ''));
    END;
END
$$;
SELECT is(pg_temp.installed_over(setup), said, setup) FROM (VALUES
    ('CREATE SCHEMA scout', 'installed'),
    ('CREATE SCHEMA scout AUTHORIZATION install_other', '55000; It belongs to role install_other, who is no superuser.'),
    ('CREATE SCHEMA scout; GRANT CREATE ON SCHEMA scout TO install_other', '55000; Role install_other may create in it.'),
    ('CREATE SCHEMA scout; GRANT CREATE ON SCHEMA scout TO PUBLIC', '55000; Everybody may create in it.'),
    ('CREATE SCHEMA scout; GRANT USAGE ON SCHEMA scout TO install_other', 'installed'),
    ('CREATE SCHEMA scout; CREATE FUNCTION scout.anything() RETURNS int LANGUAGE sql RETURN 1', '55000; It contains function scout.anything().'),
    ('CREATE SCHEMA scout; CREATE FUNCTION scout.reconcile(text) RETURNS int LANGUAGE sql RETURN 1', '55000; It contains function scout.reconcile(pg_catalog.text).'),
    ('CREATE SCHEMA scout; CREATE PROCEDURE scout.anything() LANGUAGE sql AS ''SELECT 1''', '55000; It contains procedure scout.anything().'),
    ('CREATE SCHEMA scout; CREATE AGGREGATE scout.anything(int) (SFUNC = int4pl, STYPE = int)', '55000; It contains aggregate scout.anything(integer).'),
    ('CREATE SCHEMA scout; CREATE OPERATOR scout.= (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)', '55000; It contains operator scout.=(pg_catalog.text,pg_catalog.text).'),
    ('CREATE SCHEMA scout; CREATE OPERATOR FAMILY scout.anything USING btree', '55000; It contains operator family scout.anything USING btree.'),
    ('CREATE SCHEMA scout; CREATE OPERATOR FAMILY public.of_class USING hash; CREATE OPERATOR CLASS scout.anything FOR TYPE text USING hash FAMILY public.of_class AS OPERATOR 1 =',
        '55000; It contains operator class scout.anything USING hash.'),
    ('CREATE SCHEMA scout; CREATE TYPE scout.regclass AS ENUM ()', E'55000; It contains type scout.regclass.\nIt contains type scout.regclass[].'),
    ('CREATE SCHEMA scout; CREATE DOMAIN scout.text AS int', E'55000; It contains type scout.text.\nIt contains type scout.text[].'),
    ('CREATE SCHEMA scout; CREATE TYPE scout.pair AS (a int, b int)', E'55000; It contains type scout.pair.\nIt contains type scout.pair[].'),
    ('CREATE SCHEMA scout; CREATE TYPE scout.shell', '55000; It contains type scout.shell.'),
    ('CREATE SCHEMA scout; CREATE COLLATION scout.anything FROM "C"', '55000; It contains collation scout.anything.'),
    ('CREATE SCHEMA scout; CREATE CONVERSION scout.anything FOR ''LATIN1'' TO ''UTF8'' FROM iso8859_1_to_utf8', '55000; It contains conversion scout.anything.'),
    -- A cast is in no schema; its function or type is.
    ('CREATE SCHEMA scout; CREATE TYPE public.cheat AS (v text); CREATE FUNCTION scout.to_cheat(text) RETURNS public.cheat LANGUAGE sql RETURN ROW($1)::public.cheat;
      CREATE CAST (text AS public.cheat) WITH FUNCTION scout.to_cheat(text) AS IMPLICIT', '55000; It contains function scout.to_cheat(pg_catalog.text).'),
    ('CREATE SCHEMA scout; CREATE TABLE scout.reconcile (a int)', '55000; It contains scout.reconcile.'),
    ('CREATE SCHEMA scout; CREATE VIEW scout.freshness AS SELECT 1', '55000; It contains scout.freshness.'),
    ('CREATE SCHEMA scout; CREATE TABLE scout.mine (a int); CREATE INDEX reconcile ON scout.mine (a)', 'installed'),
    ('CREATE SCHEMA scout; CREATE TABLE scout.silver_transactions (a int); CREATE VIEW scout.mine AS SELECT * FROM scout.silver_transactions;
      CREATE MATERIALIZED VIEW scout.gold_mine AS SELECT 1 AS a; CREATE SEQUENCE scout.numbers; CREATE TABLE scout.parts (a int) PARTITION BY LIST (a)', 'installed'),
    ('CREATE SCHEMA scout; CREATE VIEW scout.timeline AS SELECT 1 AS a', '55000; It contains view scout.timeline, whose name the extension needs.'),
    ('CREATE SCHEMA scout_internal', '42P06; schema "scout_internal" already exists'),
    ('CREATE SCHEMA scout_internal; CREATE FUNCTION scout_internal.reconcile() RETURNS int LANGUAGE sql RETURN 1', '42P06; schema "scout_internal" already exists')
    ) v (setup, said);

-- What is refused says what to do.
CREATE SCHEMA scout AUTHORIZATION install_other;
SELECT throws_like('CREATE EXTENSION scout_ir', '%cannot be taken over%', 'a whole schema of another');
DROP SCHEMA scout;

-- Default privileges.
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO install_other;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO install_other;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO install_other;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO install_other;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO install_other;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
SAVEPOINT no_schema;
CREATE EXTENSION scout_ir;
SELECT is_empty($$SELECT a.grantee FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a WHERE n.nspname = 'scout' AND a.grantee <> n.nspowner$$,
                'a schema that CREATE EXTENSION makes is closed');
ROLLBACK TO no_schema;
CREATE SCHEMA scout;
ALTER DEFAULT PRIVILEGES IN SCHEMA scout GRANT SELECT ON TABLES TO install_other;
ALTER DEFAULT PRIVILEGES IN SCHEMA scout GRANT EXECUTE ON FUNCTIONS TO install_other;
CREATE EXTENSION scout_ir;
-- Everything in both schemas that has privileges, and who has any beside its owner.
CREATE VIEW pg_temp.given AS
SELECT o.kind, o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type
FROM (SELECT 'schema' AS kind, n.nspname::text AS name, n.nspowner AS owner, n.nspacl AS acl, n.nspname AS schema FROM pg_namespace n
      UNION ALL SELECT CASE WHEN p.prorettype = 'trigger'::regtype THEN 'trigger' ELSE 'function' END, p.oid::regprocedure::text, p.proowner,
                       coalesce(p.proacl, acldefault('f', p.proowner)), n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      UNION ALL SELECT 'relation', c.oid::regclass::text, c.relowner, c.relacl, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      UNION ALL SELECT 'column', c.oid::regclass::text || '.' || a.attname, c.relowner, a.attacl, n.nspname
                FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      UNION ALL SELECT 'type', t.oid::regtype::text, t.typowner, t.typacl, n.nspname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace) o
CROSS JOIN LATERAL aclexplode(o.acl) a
WHERE o.schema IN ('scout', 'scout_internal') AND a.grantee <> o.owner;
SELECT is_empty($$SELECT * FROM pg_temp.given WHERE kind <> 'trigger' AND (kind, name, privilege_type) <> ('schema', 'scout_internal', 'USAGE')$$,
                'the extension is for its owner alone');
SELECT is((SELECT string_agg(DISTINCT grantee, ',') FROM pg_temp.given WHERE kind = 'trigger'), 'PUBLIC', 'but for trigger functions, which are for everybody');
SELECT is((SELECT count(*) FROM pg_temp.given WHERE kind = 'trigger'),
          (SELECT count(*) FROM pg_proc p WHERE p.prorettype = 'trigger'::regtype AND p.pronamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace)), 'all of them');

SELECT cmp_ok((SELECT count(*) FROM scout.create_pipeline('install_owner') WHERE status = 'created'), '>', 20::bigint, 'a pipeline');
SELECT is((SELECT string_agg(DISTINCT c.relowner::regrole::text, ',') FROM pg_class c WHERE c.oid::regclass::text IN (
    'scout.bronze_events', 'scout.bronze_events_event_id_seq', 'scout.gold_daily_metrics', 'scout.silver_transactions')), 'install_owner', 'is its owner''s');
SELECT is_empty($$SELECT g.* FROM pg_temp.given g WHERE g.grantee IN ('install_other', 'PUBLIC') AND g.kind <> 'trigger'
    AND (g.kind, g.name, g.privilege_type) <> ('schema', 'scout_internal', 'USAGE')$$, 'and nobody else''s: not tables, not sequences, not views');
SELECT is_empty($$SELECT g.* FROM pg_temp.given g JOIN scout_internal.pipeline_layout() l ON g.name = 'scout.' || l.object_name$$, 'nothing on it is given to anybody');
SELECT ok(NOT has_schema_privilege('install_other', 'scout', 'USAGE') AND NOT has_schema_privilege('install_other', 'scout_internal', 'CREATE'), 'not even the way to it');
SELECT ok(NOT has_schema_privilege('install_owner', 'scout', 'CREATE'), 'nor may its owner create anything beside it');
-- The list of names in the script is that of the views.
\set script `cat "${SCOUT_SRC:-.}/sql/extension/schemas.sql" 2>/dev/null || cat sql/extension/schemas.sql`
SELECT set_eq(format($$SELECT x FROM regexp_split_to_table(btrim(%L, E' \n'), '[\s,]+') x$$, substring(:'script' FROM E'relname OPERATOR\\(pg_catalog\\.=\\) ANY \\(''\\{([^}]*)')),
    $$SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind = 'v'$$, 'the names that are refused are those of the views');

-- What is for everybody is the use of the schema and of trigger functions, and no more.
DROP EXTENSION scout_ir CASCADE;
DROP SCHEMA scout CASCADE;
ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO PUBLIC;
CREATE EXTENSION scout_ir;
SELECT ok(NOT has_schema_privilege('install_other', 'scout_internal', 'CREATE'), 'CREATE that the installer gives PUBLIC does not reach scout_internal');
SELECT ok(NOT has_schema_privilege('install_other', 'scout', 'CREATE'), 'nor scout');
SELECT ok(has_schema_privilege('install_other', 'scout_internal', 'USAGE'), 'its use does, for trigger functions');

-- Settings that change how statements are read and names written, as the owner of the database can plant them.
DROP EXTENSION scout_ir;
DROP SCHEMA scout CASCADE;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET quote_all_identifiers = on;
CREATE EXTENSION scout_ir;
SELECT is((SELECT string_agg(object_name, ', ') FROM scout.create_pipeline('install_owner') WHERE status = 'missing'), NULL,
          'standard_conforming_strings = off: the pipeline has its indexes');
SELECT is((SELECT count(*) FROM pg_indexes WHERE indexname = 'bronze_events_dlq_open_idx' AND schemaname = 'scout'), 1::bigint, 'this one, too');
SELECT is((SELECT string_agg(DISTINCT v.status, ', ') FROM scout.refresh_gold_platinum(force => true) v), 'refreshed', 'gold is refreshed, and said to be');
SELECT * FROM finish();
ROLLBACK;
