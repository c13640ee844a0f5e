-- create_pipeline(): who may, what it makes, that it may be repeated, and what it refuses.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/roles.sql
\i :include
\set ECHO all
CREATE EXTENSION scout_ir;

-- create_pipeline(): not for a superuser, not without the right to.
SELECT * FROM scout.create_pipeline();
SET ROLE regress_scout_none;
SELECT * FROM scout.create_pipeline('regress_scout_none');
RESET ROLE;
SELECT * FROM scout.grant_access('admin', 'regress_scout_none');
SET ROLE regress_scout_none;
SELECT * FROM scout.create_pipeline('regress_scout_owner');
RESET ROLE;
SELECT * FROM scout.create_pipeline('regress_scout_owner');
SET ROLE regress_scout_owner;
-- Again: everything is adopted, nothing queued.
SELECT p.status, count(*), string_agg(p.detail, '; ') FILTER (WHERE p.kind = 'seed') AS seed
FROM scout.create_pipeline() p GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT c.relname, r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
WHERE c.relnamespace = 'scout'::regnamespace AND r.rolname <> 'regress_scout_owner' AND c.relkind IN ('r', 'm')
ORDER BY c.relname COLLATE "C";
SELECT g.tgname, g.tgenabled, d.deptype FROM pg_trigger g JOIN pg_depend d ON d.objid = g.oid AND d.classid = 'pg_trigger'::regclass
AND d.refclassid = 'pg_extension'::regclass ORDER BY 1;

-- An adopted table that lacks something is named; nothing is changed.
ALTER TABLE scout.dim_store RENAME COLUMN region TO area;
ALTER TABLE scout.silver_line_items FORCE ROW LEVEL SECURITY;
SET ROLE regress_scout_owner;
SELECT count(*) FROM scout.create_pipeline();
RESET ROLE;
ALTER TABLE scout.dim_store RENAME COLUMN area TO region;
ALTER TABLE scout.silver_line_items NO FORCE ROW LEVEL SECURITY;
