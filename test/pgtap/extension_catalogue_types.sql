-- pg_upgrade refuses a database with a column of a reg* type whose OIDs it does not keep. No table of ours, of the
-- pipeline's or of the extension's, has one, nor an index, view or row type; also not inside arrays, domains or ranges.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(4);
SET client_min_messages = warning;
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
CREATE FUNCTION pg_temp.refused() RETURNS TABLE (relation text, attribute name, type text) LANGUAGE sql AS $$
WITH RECURSIVE refused(oid) AS (
    SELECT t.oid FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typname IN
        ('regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure')
    UNION
    SELECT x.oid FROM refused f CROSS JOIN LATERAL (
        SELECT d.oid FROM pg_type d WHERE d.typbasetype = f.oid OR d.typelem = f.oid AND d.typcategory = 'A'
        UNION ALL SELECT r.rngtypid FROM pg_range r WHERE r.rngsubtype = f.oid
        UNION ALL SELECT r.rngmultitypid FROM pg_range r WHERE r.rngtypid = f.oid
        UNION ALL SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.atttypid = f.oid AND NOT a.attisdropped AND c.reltype <> 0 AND c.relkind = 'c') x)
SELECT a.attrelid::regclass::text, a.attname, format_type(a.atttypid, NULL)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.atttypid IN (SELECT oid FROM refused) AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm', 'i', 'I', 'v', 'c')
  AND (n.nspname IN ('scout', 'scout_internal') OR EXISTS (
      SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'scout_ir'
        AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'))
$$;
SELECT is_empty('SELECT * FROM pg_temp.refused()', 'no column has a type that pg_upgrade refuses');
SELECT is((SELECT count(*) > 20 FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('scout', 'scout_internal') AND c.relkind = 'r'), true, 'and there were tables to look at');
CREATE DOMAIN pg_temp.callee AS regprocedure;
CREATE TABLE scout.planted (a regproc, b regnamespace[], c pg_temp.callee, d regclass, e regtype, f regrole);
SELECT results_eq('SELECT attribute FROM pg_temp.refused() ORDER BY 1', $$VALUES ('a'::name), ('b'), ('c')$$, 'one would be found');
SELECT * FROM finish();
ROLLBACK;
