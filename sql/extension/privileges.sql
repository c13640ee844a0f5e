-- The last step of the script. Nothing of the extension is for anybody but its owner until grant_access()
-- says so: not for PUBLIC, and not for whom the installer's default privileges name. Trigger functions are
-- the exception, so that a dump can be restored by the tables' owner; they check what they are called for.
DO $$
DECLARE
    g record;
BEGIN
    FOR g IN
        WITH member AS (
            SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid AND e.extname OPERATOR(pg_catalog.=) 'scout_ir'
            WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype OPERATOR(pg_catalog.=) 'e'
        ), object AS (
            SELECT 'FUNCTION' AS kind, p.oid::pg_catalog.regprocedure::text AS name, p.proowner AS owner,
                   coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)) AS acl,
                   p.prorettype OPERATOR(pg_catalog.=) 'pg_catalog.trigger'::pg_catalog.regtype AS for_everybody
            FROM pg_catalog.pg_proc p JOIN member m ON m.objid OPERATOR(pg_catalog.=) p.oid
                AND m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
            UNION ALL
            SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                   pg_catalog.format('%I.%I', n.nspname, c.relname), c.relowner, c.relacl, false
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
            JOIN member m ON m.objid OPERATOR(pg_catalog.=) c.oid
                AND m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
            WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,S}'::pg_catalog."char"[])
            UNION ALL
            SELECT 'SCHEMA', pg_catalog.quote_ident(n.nspname), n.nspowner, n.nspacl, n.nspname OPERATOR(pg_catalog.=) 'scout_internal'
            FROM pg_catalog.pg_namespace n JOIN member m ON m.objid OPERATOR(pg_catalog.=) n.oid
                AND m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass)
        SELECT DISTINCT o.kind, o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END AS grantee
        FROM object o CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) a
        WHERE a.grantee OPERATOR(pg_catalog.<>) o.owner AND NOT (a.grantee OPERATOR(pg_catalog.=) 0 AND o.for_everybody)
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', g.kind, g.name, g.grantee);
    END LOOP;
END
$$;

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
