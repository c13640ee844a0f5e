-- The last step of the install script and of every update script. Nothing of the extension is for anybody but its
-- owner until grant_access() says so: not for PUBLIC, and not for whom the installer's default privileges name.
-- Trigger functions, which check what they are called for, and the use of their schema are the exception, so that a
-- dump can be restored by the tables' owner: PUBLIC keeps EXECUTE and USAGE, and nothing else (CREATE, say).
--
-- Only what the script made is looked at: its entry among the members was written by the transaction that last wrote
-- the extension's, as CREATE EXTENSION and ALTER EXTENSION UPDATE do before each script. What was there before may
-- be granted to somebody since, and a REVOKE in a script would also make pg_dump take those grants for the script's.
CREATE FUNCTION scout_internal.revoke_defaults() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    g record;
BEGIN
    IF (SELECT age(e.xmin) > 0 FROM pg_extension e WHERE e.extname = 'scout_ir') THEN
        RAISE EXCEPTION 'scout_internal.revoke_defaults() is a step of install and update scripts'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Take a tier away with scout.revoke_access().';
    END IF;
    FOR g IN
        WITH member AS (
            SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.xmin = e.xmin
        ), object AS (
            SELECT 'FUNCTION' AS kind, p.oid::regprocedure::text AS name, p.proowner AS owner,
                   coalesce(p.proacl, acldefault('f', p.proowner)) AS acl, CASE WHEN p.prorettype = 'trigger'::regtype THEN 'EXECUTE' END AS for_everybody
            FROM pg_proc p JOIN member m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
            UNION ALL
            SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, format('%I.%I', n.nspname, c.relname), c.relowner, c.relacl, NULL
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN member m ON m.objid = c.oid AND m.classid = 'pg_class'::regclass
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
            UNION ALL
            SELECT 'SCHEMA', quote_ident(n.nspname), n.nspowner, n.nspacl, CASE WHEN n.nspname = 'scout_internal' THEN 'USAGE' END
            FROM pg_namespace n JOIN member m ON m.objid = n.oid AND m.classid = 'pg_namespace'::regclass)
        SELECT o.kind, o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
               string_agg(DISTINCT a.privilege_type, ', ') AS privileges
        FROM object o CROSS JOIN LATERAL aclexplode(o.acl) a
        WHERE a.grantee <> o.owner AND (a.grantee = 0 AND a.privilege_type = o.for_everybody) IS NOT TRUE
        GROUP BY o.kind, o.name, a.grantee
    LOOP
        EXECUTE format('REVOKE %s ON %s %s FROM %s', g.privileges, g.kind, g.name, g.grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION scout_internal.revoke_defaults() IS
'Last step of install and update scripts: takes from what the script made the privileges that PostgreSQL and the installer''s default privileges gave.';
SELECT scout_internal.revoke_defaults();

-- A table or view that has the name of a function of ours would be its cast: f('x') would be read as one.
DO $$
DECLARE
    found text;
BEGIN
    SELECT pg_catalog.string_agg(pg_catalog.format('It contains %I.%I.', n.nspname, c.relname), E'\n') INTO found
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    WHERE n.nspname OPERATOR(pg_catalog.=) 'scout' AND c.relkind OPERATOR(pg_catalog.<>) ALL ('{i,I,S}'::pg_catalog."char"[])
      AND EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace OPERATOR(pg_catalog.=) c.relnamespace AND p.proname OPERATOR(pg_catalog.=) c.relname);
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'schema "scout" cannot be taken over as it is'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = found,
                  HINT = 'A relation must not have the name of a function of scout_ir: rename it first.';
    END IF;
END
$$;
