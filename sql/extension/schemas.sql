-- The two schemas. `scout` has the public functions, the views and the pipeline's tables, `scout_internal`
-- helpers and state. Nobody but the extension's owner may create anything in either: an overload, an
-- operator or a type of somebody else's could be taken for ours, in our own functions as in a user's call.

-- The owner of the database can set it otherwise for every session.
SET LOCAL standard_conforming_strings = on;

-- CREATE EXTENSION has made schema scout where it was not there, with what the installer's default privileges
-- give. That is meant for schemas of his, and would let others create in this one.
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
        FROM pg_catalog.pg_default_acl d CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) a
        JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) 'scout' AND n.nspowner OPERATOR(pg_catalog.=) d.defaclrole
        WHERE pg_catalog.pg_get_userbyid(d.defaclrole) OPERATOR(pg_catalog.=) current_user
          AND d.defaclobjtype OPERATOR(pg_catalog.=) 'n' AND a.grantee OPERATOR(pg_catalog.<>) d.defaclrole
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA scout FROM %s', grantee);
    END LOOP;
END
$$;

-- Schema scout may be there already, with the tables of a pipeline. Anything in it that a call could run is
-- refused, and so is an owner, or a role with CREATE, who could add it afterwards. docs/migrate.md says what
-- to do then.
DO $$
DECLARE
    found text;
BEGIN
    SELECT pg_catalog.string_agg(p.problem, E'\n' ORDER BY p.problem) INTO found FROM (
        SELECT pg_catalog.format('It belongs to role %I, who is no superuser.', r.rolname) AS problem
        FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
        WHERE n.nspname OPERATOR(pg_catalog.=) 'scout' AND NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) current_user
        UNION ALL
        SELECT pg_catalog.format('%s may create in it.', CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0 THEN 'Everybody'
                   ELSE 'Role ' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
        FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) a
        LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.grantee
        WHERE n.nspname OPERATOR(pg_catalog.=) 'scout' AND a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
          AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner AND r.rolsuper IS NOT TRUE
        UNION ALL
        -- The names of the extension's own views.
        SELECT pg_catalog.format('It contains %s %s, whose name the extension needs.', i.type, i.identity)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0) i
        WHERE n.nspname OPERATOR(pg_catalog.=) 'scout' AND c.relname OPERATOR(pg_catalog.=) ANY ('{
            datasets, etl_alerts, etl_runs, gold_refreshes, jobs, product_links, protected_sessions, quality_rules,
            quality_warnings, system_alerts, timeline, v_alerts, v_etl_performance, v_gold_freshness, v_ingest_freshness,
            v_ingest_latency, v_pipeline_throughput, v_product_linking_stats, v_quality_alerts, v_silences}'::pg_catalog.text[])
        UNION ALL
        SELECT pg_catalog.format('It contains %s %s.', i.type, i.identity)
        FROM (
            SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass AS classid, p.oid AS objid, p.pronamespace AS schema FROM pg_catalog.pg_proc p
            UNION ALL SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, o.oprnamespace FROM pg_catalog.pg_operator o
            UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, c.oid, c.opcnamespace FROM pg_catalog.pg_opclass c
            UNION ALL SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, f.oid, f.opfnamespace FROM pg_catalog.pg_opfamily f
            UNION ALL SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass, c.oid, c.collnamespace FROM pg_catalog.pg_collation c
            UNION ALL SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, c.oid, c.connamespace FROM pg_catalog.pg_conversion c
            UNION ALL
            -- Types but those of a relation's rows, and their arrays.
            SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typnamespace
            FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray OPERATOR(pg_catalog.=) t.oid
            LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) coalesce(e.typrelid, t.typrelid)
            WHERE c.relkind IS NULL OR c.relkind OPERATOR(pg_catalog.=) 'c') o
        JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) o.schema AND n.nspname OPERATOR(pg_catalog.=) 'scout'
        CROSS JOIN LATERAL pg_catalog.pg_identify_object(o.classid, o.objid, 0) i
        LIMIT 20) p;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'schema "scout" cannot be taken over as it is'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = found,
                  HINT = 'Rename it (ALTER SCHEMA scout RENAME TO scout_old), create the extension, and move its tables: docs/migrate.md.';
    END IF;
END
$$;

CREATE SCHEMA scout_internal;
COMMENT ON SCHEMA scout_internal IS 'Helpers and state of extension scout_ir; the public functions are in schema scout.';
-- For whoever restores a dump: a trigger names its function. Nothing else here is for everybody.
GRANT USAGE ON SCHEMA scout_internal TO PUBLIC;
