-- Each function is in one tier; PUBLIC has none; reports are STABLE; roles get a tier and lose it.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/roles.sql
\i :include
\set ECHO all
CREATE EXTENSION scout_ir;

-- Only trigger functions are executable by PUBLIC, no relation is readable.
SELECT p.proname, p.prorettype = 'trigger'::regtype AS is_trigger
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE has_function_privilege('regress_scout_none', p.oid, 'EXECUTE') ORDER BY 1;
SELECT c.relname FROM pg_class c
WHERE c.relnamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'S')
  AND has_any_column_privilege('regress_scout_none', c.oid, 'SELECT') ORDER BY 1;

-- Every function is in exactly one tier, and no name is overloaded.
SELECT p.proname AS function_without_tier
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE p.pronamespace = 'scout'::regnamespace AND p.prorettype <> 'trigger'::regtype AND (SELECT count(*) FROM scout_internal.tiers() t WHERE (t.schema_name, t.function_name) = ('scout', p.proname)) <> 1;
SELECT t.function_name AS tier_of_nothing FROM scout_internal.tiers() t
WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace) AND p.proname = t.function_name);
SELECT p.proname AS overloaded FROM pg_proc p WHERE p.pronamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace) GROUP BY p.pronamespace, 1 HAVING count(*) > 1;

-- Reports are STABLE, everything else is VOLATILE or a helper.
SELECT p.proname AS report_that_is_volatile
FROM pg_proc p JOIN scout_internal.tiers() t ON t.function_name = p.proname
WHERE p.pronamespace = 'scout'::regnamespace AND t.tier = 'reader' AND p.provolatile = 'v' ORDER BY 1;
SELECT p.proname AS action_that_is_not FROM pg_proc p JOIN scout_internal.tiers() t ON t.function_name = p.proname
WHERE p.pronamespace = 'scout'::regnamespace AND t.tier = 'operator' AND p.provolatile <> 'v' ORDER BY 1;

-- Tiers.
SELECT scout.grant_access('king', 'regress_scout_none');
SELECT scout.grant_access('reader', 'public');
SELECT scout.grant_access('reader', 'regress_nobody_at_all');
