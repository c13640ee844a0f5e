-- What the extension brings: its members, and which of its tables pg_dump carries.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/roles.sql
\i :include
\set ECHO all
CREATE EXTENSION scout_ir;

SELECT m.member FROM (SELECT pg_describe_object(d.classid, d.objid, 0) AS member
FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'scout_ir' AND d.deptype = 'e'
WHERE d.classid NOT IN ('pg_proc'::regclass, 'pg_type'::regclass)) m ORDER BY m.member COLLATE "C";
SELECT c::regclass AS dumped FROM pg_extension e, unnest(e.extconfig) c WHERE e.extname = 'scout_ir' ORDER BY c::regclass::text COLLATE "C";
SELECT count(*) AS rows_at_the_start FROM (SELECT FROM scout.etl_runs UNION ALL SELECT FROM scout.timeline
    UNION ALL SELECT FROM scout_internal.rule_overrides UNION ALL SELECT FROM scout.quality_warnings UNION ALL SELECT FROM scout.gold_refreshes
    UNION ALL SELECT FROM scout.protected_sessions) x;
