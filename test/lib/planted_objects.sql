-- Plants, in schema :place and as the present role, what a call could be led to: functions of the same name and
-- arguments as those that the extension has and calls, and of none; operators, domains, an enum and a range of the
-- names of built-in types, a cast. Whatever of it runs leaves a line in the server log, which no rollback takes back.
SET search_path = pg_catalog;
SELECT set_config('planted.place', :'place', false) AS ignored \gset
DO $$
DECLARE
    place text := current_setting('planted.place');
    mark text := format('RAISE LOG ''planted by %s: session %%, current %%, superuser %%'', session_user, current_user, '
        '(SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) current_user);', current_user);
    plant record;
BEGIN
    EXECUTE format('CREATE FUNCTION %s.planted(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS %L', place, 'BEGIN ' || mark || ' RETURN true; END');
    FOR plant IN
        WITH ours AS (SELECT p.* FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('scout', 'scout_internal')),
        called AS (SELECT DISTINCT c[1] AS name FROM ours p, regexp_matches(p.prosrc, '\m([a-z_0-9]+)\(', 'g') c WHERE p.prolang <> 13),
        target AS (
            SELECT p.proname, oidvectortypes(p.proargtypes) AS arguments, p.prorettype, p.proretset FROM pg_proc p
            WHERE (p.oid IN (SELECT o.oid FROM ours o) OR p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN (SELECT c.name FROM called c))
              AND NOT EXISTS (SELECT FROM pg_type y WHERE y.oid = ANY (p.proargtypes) AND y.typtype = 'p')
            UNION SELECT o.proname, '', 'text'::regtype, false FROM ours o)
        SELECT DISTINCT ON (t.proname, t.arguments) t.proname, t.arguments,
               CASE WHEN y.typtype IN ('p', 'c') THEN 'text' ELSE format_type(t.prorettype, NULL) END AS result, t.proretset
        FROM target t JOIN pg_type y ON y.oid = t.prorettype
        ORDER BY t.proname, t.arguments, t.proretset
    LOOP
        EXECUTE format('CREATE FUNCTION %s.%I(%s) RETURNS %s%s LANGUAGE plpgsql IMMUTABLE AS %L', place, plant.proname, plant.arguments,
                       CASE WHEN plant.proretset THEN 'SETOF ' END, plant.result,
                       'BEGIN ' || mark || CASE WHEN plant.proretset THEN '' ELSE ' RETURN NULL;' END || ' END');
    END LOOP;
    FOR plant IN
        SELECT o.oprname, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r, format_type(o.oprresult, NULL) AS result,
               'planted_operator_' || o.oid AS name
        FROM pg_operator o
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '||', '+', '-', '*', '/', '->', '->>', '?', '~', '~~')
          AND ARRAY[o.oprleft, o.oprright] <@ '{text,bigint,int,numeric,timestamptz,interval,jsonb,oid,name,bool,"char"}'::regtype[]::oid[]
    LOOP
        EXECUTE format('CREATE FUNCTION %s.%I(%s, %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS %L', place, plant.name, plant.l, plant.r, plant.result,
                       'BEGIN ' || mark || ' RETURN NULL; END');
        EXECUTE format('CREATE OPERATOR %1$s.%2$s (FUNCTION = %1$s.%3$I, LEFTARG = %4$s, RIGHTARG = %5$s)', place, plant.oprname, plant.name, plant.l, plant.r);
    END LOOP;
    FOR plant IN SELECT unnest('{text,jsonb,timestamptz,timestamp,name,regclass,oid,date,bytea,int4,int8,numeric,interval,bool,uuid}'::text[]) AS name LOOP
        EXECUTE format('CREATE DOMAIN %s.%I AS pg_catalog.%2$I CHECK (%1$s.planted(VALUE::pg_catalog.text))', place, plant.name);
    END LOOP;
    EXECUTE format('CREATE TYPE %s.regrole AS ENUM (''planted'')', place);
    EXECUTE format('CREATE TYPE %s.tstzrange AS RANGE (SUBTYPE = pg_catalog.timestamptz, MULTIRANGE_TYPE_NAME = %1$s.tstzmultirange)', place);
    EXECUTE format('CREATE TYPE %s.cheat AS (value pg_catalog.text)', place);
    EXECUTE format('CREATE FUNCTION %s.to_cheat(pg_catalog.text) RETURNS %1$s.cheat LANGUAGE plpgsql IMMUTABLE AS %L', place, 'BEGIN ' || mark || ' RETURN NULL; END');
    EXECUTE format('CREATE CAST (pg_catalog.text AS %s.cheat) WITH FUNCTION %1$s.to_cheat(pg_catalog.text) AS IMPLICIT', place);
END
$$;
