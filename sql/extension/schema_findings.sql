-- The two schemas are closed (schemas.sql). A superuser may open them for a migration: what stands open, and what was put
-- into them meanwhile, is named here for as long as it is so.
CREATE FUNCTION scout_internal.schema_findings() RETURNS TABLE (schema_name name, kind text, identity text, finding text)
LANGUAGE sql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
WITH ours AS (
    SELECT n.oid, n.nspname, n.nspowner, n.nspacl, e.oid AS extension, e.extowner
    FROM pg_namespace n CROSS JOIN pg_extension e
    WHERE n.nspname IN ('scout', 'scout_internal') AND e.extname = 'scout_ir'
), callable AS (
    SELECT 'pg_proc'::regclass AS classid, p.oid AS objid, p.pronamespace AS schema FROM pg_proc p
    UNION ALL SELECT 'pg_operator'::regclass, o.oid, o.oprnamespace FROM pg_operator o
    UNION ALL SELECT 'pg_opclass'::regclass, c.oid, c.opcnamespace FROM pg_opclass c
    UNION ALL SELECT 'pg_opfamily'::regclass, f.oid, f.opfnamespace FROM pg_opfamily f
    UNION ALL SELECT 'pg_collation'::regclass, c.oid, c.collnamespace FROM pg_collation c
    UNION ALL SELECT 'pg_conversion'::regclass, c.oid, c.connamespace FROM pg_conversion c
    UNION ALL  -- types but those of a relation's rows, and their arrays
    SELECT 'pg_type'::regclass, t.oid, t.typnamespace
    FROM pg_type t LEFT JOIN pg_type e ON e.typarray = t.oid LEFT JOIN pg_class c ON c.oid = coalesce(e.typrelid, t.typrelid)
    WHERE c.relkind IS NULL OR c.relkind = 'c'
    UNION ALL  -- a cast has no schema: those from or to a type of ours
    SELECT 'pg_cast'::regclass, x.oid, t.typnamespace FROM pg_cast x JOIN pg_type t ON t.oid IN (x.castsource, x.casttarget)
)
SELECT DISTINCT o.nspname, 'role', g.name, format('%s may create in schema %I', g.name, o.nspname)
FROM ours o CROSS JOIN LATERAL aclexplode(coalesce(o.nspacl, acldefault('n', o.nspowner))) a
LEFT JOIN pg_roles r ON r.oid = a.grantee
CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name) g
WHERE a.privilege_type = 'CREATE' AND a.grantee <> o.extowner AND r.rolsuper IS NOT TRUE
UNION
SELECT o.nspname, i.type, i.identity, format('%s %s is not the extension''s', i.type, i.identity)
FROM ours o JOIN callable c ON c.schema = o.oid
CROSS JOIN LATERAL pg_identify_object(c.classid, c.objid, 0) i
WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = c.classid AND d.objid = c.objid AND d.deptype = 'e'
                  AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = o.extension)
$$;
COMMENT ON FUNCTION scout_internal.schema_findings() IS
'Who else may create in the two schemas, and which functions, operators, types and casts in them are not the extension''s.';
