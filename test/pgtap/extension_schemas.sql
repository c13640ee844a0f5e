-- The two schemas as the catalogue has them: nobody's but the extension's, nothing for everybody but trigger functions,
-- and every report a pair of which only the C half is public.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(14);
CREATE VIEW pg_temp.member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e';
CREATE VIEW pg_temp.function AS
SELECT p.*, n.nspname AS schema, l.lanname AS language, m.objid IS NOT NULL AS is_member
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname IN ('scout', 'scout_internal') JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_temp.member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;

SELECT is_empty($$SELECT oid::regprocedure FROM pg_temp.function WHERE NOT is_member$$, 'all functions in both schemas are the extension''s');
SELECT is_empty($$SELECT m.objid::regprocedure FROM pg_temp.member m JOIN pg_proc p ON p.oid = m.objid
    WHERE m.classid = 'pg_proc'::regclass AND p.pronamespace NOT IN ('scout'::regnamespace, 'scout_internal'::regnamespace)$$, 'and it has none elsewhere');
SELECT is_empty($$SELECT o.oid::regoperator FROM pg_operator o WHERE o.oprnamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace)$$, 'no operators');
SELECT is_empty($$SELECT t.oid::regtype FROM pg_type t LEFT JOIN pg_type e ON e.typarray = t.oid LEFT JOIN pg_class c ON c.oid = coalesce(e.typrelid, t.typrelid)
    WHERE t.typnamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace) AND (c.relkind IS NULL OR c.relkind = 'c')$$, 'no types but those of rows');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c LEFT JOIN pg_temp.member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
    WHERE c.relnamespace = 'scout_internal'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND m.objid IS NULL$$, 'all relations of scout_internal are the extension''s');
SELECT is_empty($$SELECT c.relname, c.relkind FROM pg_class c JOIN pg_temp.member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
    WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind <> 'v'$$, 'of its relations only views are public: state is internal');
SELECT is_empty($$SELECT n.nspname, a.grantee::regrole FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
    WHERE n.nspname IN ('scout', 'scout_internal') AND a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner$$, 'nobody else may create in either');
SELECT is_empty($$SELECT f.oid::regprocedure FROM pg_temp.function f CROSS JOIN LATERAL aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
    WHERE a.grantee = 0 AND f.prorettype <> 'trigger'::regtype$$, 'nothing but trigger functions is for everybody');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_temp.function WHERE prosecdef$$, 'no function is SECURITY DEFINER');
SELECT is_empty($$SELECT f.oid::regprocedure FROM pg_temp.function f WHERE f.language IN ('sql', 'plpgsql') AND f.prosrc ~ '[a-z]'
    AND f.provolatile <> 'i' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (f.proconfig), false)$$, 'every body in SQL sets the search_path');

-- Reports. Planning a statement runs what the owner of its tables has put on them, with the rights of who plans: so
-- what is public and names a table of the pipeline is C, which has switched by then.
SELECT is_empty($$SELECT f.oid::regprocedure, l.object_name FROM pg_temp.function f JOIN scout_internal.pipeline_layout() l ON l.kind <> 'index'
    WHERE f.schema = 'scout' AND f.language <> 'c' AND f.prosrc ~ ('(?<!'')\mscout\.' || l.object_name || '\M')$$, 'no public function in SQL names a table of the pipeline');
SELECT cmp_ok((SELECT count(*) FROM pg_temp.function WHERE prosrc IN ('scout_report', 'scout_compare_layers')), '>=', 11::bigint, 'there are reports');
SELECT is_empty($$SELECT f.oid::regprocedure FROM pg_temp.function f WHERE f.prosrc IN ('scout_report', 'scout_compare_layers') AND NOT EXISTS (
    SELECT FROM pg_temp.function b WHERE b.schema = 'scout_internal' AND b.proname = f.proname || CASE f.schema WHEN 'scout' THEN '' ELSE '_body' END
      AND b.proargtypes = f.proargtypes AND b.proallargtypes IS NOT DISTINCT FROM f.proallargtypes AND b.proargnames IS NOT DISTINCT FROM f.proargnames
      AND b.prorettype = f.prorettype AND b.provolatile = f.provolatile AND b.prorows = f.prorows AND b.pronargdefaults = 0)$$, 'each has a body of the same arguments and columns');

-- A body that does not fit is refused, not run.
CREATE FUNCTION pg_temp.without_body() RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
    ALTER EXTENSION scout_ir DROP FUNCTION scout_internal.dlq_summary();
    PERFORM scout.dlq_summary();
    RETURN 'it ran';
EXCEPTION WHEN undefined_function THEN
    GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
    RETURN SQLERRM || ': ' || said;
END
$$;
SELECT is(pg_temp.without_body(), 'function scout.dlq_summary() has no body: It would be scout_internal.dlq_summary of the same arguments and columns, of extension scout_ir.',
          'a body that is not the extension''s is not run');
SELECT * FROM finish();
ROLLBACK;
