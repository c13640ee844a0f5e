-- docs/functions.md against the catalogue, in both directions; privileges and comments of what the
-- extension brings.
\set QUIET on
\set ON_ERROR_STOP on
\set content `cat "${SCOUT_SRC:-.}/docs/functions.md" 2>/dev/null || cat docs/functions.md`
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT no_plan();

-- The document: one row per "### " heading, with the text up to the next heading.
CREATE TEMPORARY TABLE doc AS
WITH lines AS (
    SELECT l.n, l.line, count(*) FILTER (WHERE l.line ~ '^##+ ') OVER (ORDER BY l.n) AS section
    FROM string_to_table(:'content', E'\n') WITH ORDINALITY AS l(line, n)
), sections AS (
    SELECT section, (array_agg(line ORDER BY n))[1] AS heading, string_agg(line, E'\n' ORDER BY n) AS body
    FROM lines GROUP BY section
)
SELECT substring(heading FROM '^### (?:scout\.)?([a-z_0-9.]+)') AS name,
       CASE WHEN heading ~ '^### scout_ir\.' THEN 'setting' WHEN heading ~ '\)$' THEN 'function' ELSE 'relation' END AS kind,
       array_remove(string_to_array(replace(substring(heading FROM '\((.*)\)$'), ' ', ''), ','), '') AS arguments,
       substring(body FROM E'\nTier: ([a-z]+)') AS tier,
       (SELECT array_agg(m[1] ORDER BY o) FROM regexp_matches(substring(body FROM E'\nColumns: ([^\n]*)'), '`([a-z_0-9]+) ', 'g')
            WITH ORDINALITY AS r(m, o)) AS columns,
       (SELECT array_agg(m[1] ORDER BY o) FROM regexp_matches(body, E'\n\\| `([a-z_0-9]+)` \\| [^|]* \\| (?!required)', 'g')
            WITH ORDINALITY AS r(m, o)) AS optional,
       body
FROM sections WHERE heading ~ '^### ';

-- The catalogue: functions that are members of the extension.
CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e';
CREATE TEMPORARY VIEW function AS
SELECT p.oid, p.proname::text AS name, p.prorettype = 'trigger'::regtype AS is_trigger, p.provolatile, p.prosecdef,
       p.proconfig, p.pronargs, p.pronargdefaults,
       coalesce((SELECT array_agg(a.name ORDER BY a.n)
                 FROM unnest(p.proargnames) WITH ORDINALITY a(name, n)
                 WHERE coalesce(p.proargmodes[a.n], 'i') IN ('i', 'b', 'v')), '{}') AS arguments,
       (SELECT array_agg(a.name ORDER BY a.n) FROM unnest(p.proargnames) WITH ORDINALITY a(name, n)
        WHERE p.proargmodes[a.n] IN ('t', 'o')) AS columns
FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
CREATE TEMPORARY VIEW relation AS
SELECT c.oid, c.relname::text AS name, c.relkind,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm');

-- Both ways: what is documented is there, what is there is documented.
SELECT cmp_ok((SELECT count(*) FROM doc), '>', 40::bigint, 'docs/functions.md was read');
SELECT set_eq($$SELECT name FROM doc WHERE kind = 'function'$$, $$SELECT name FROM function$$,
              'the documented functions are those of the extension');
SELECT set_eq($$SELECT name FROM doc WHERE kind = 'relation'$$,
              $$SELECT name FROM relation
                UNION SELECT object_name FROM scout_internal.pipeline_layout() WHERE kind <> 'index'$$,
              'the documented views and tables are those of the extension and of the pipeline');
SELECT count(*) AS ignored FROM scout.built_in_rules() \gset
SELECT set_eq($$SELECT name FROM doc WHERE kind = 'setting'$$, $$SELECT name FROM pg_settings WHERE name LIKE 'scout\_ir.%'$$,
              'the documented settings are those of the library');
SELECT is_empty($$SELECT name FROM doc GROUP BY kind, name HAVING count(*) > 1$$, 'nothing is documented twice');

SELECT is(d.arguments, f.arguments, f.name || ': arguments in order')
FROM function f JOIN doc d ON d.kind = 'function' AND d.name = f.name ORDER BY f.name;
SELECT is(coalesce(d.optional, '{}'), f.arguments[f.pronargs - f.pronargdefaults + 1:], f.name || ': arguments with defaults')
FROM function f JOIN doc d ON d.kind = 'function' AND d.name = f.name WHERE f.pronargs > 0 ORDER BY f.name;
SELECT is(d.columns, f.columns, f.name || ': columns in order')
FROM function f JOIN doc d ON d.kind = 'function' AND d.name = f.name WHERE f.columns IS NOT NULL ORDER BY f.name;
SELECT is(d.columns, r.columns, r.name || ': columns in order')
FROM relation r JOIN doc d ON d.kind = 'relation' AND d.name = r.name ORDER BY r.name;
-- A table of the pipeline: the columns that adoption asks for, in their order.
SELECT is(d.columns, (SELECT array_agg(split_part(c, ' ', 1) ORDER BY n) FROM unnest(l.required_columns) WITH ORDINALITY u(c, n)),
          l.object_name || ': columns in order')
FROM scout_internal.pipeline_layout() l JOIN doc d ON d.kind = 'relation' AND d.name = l.object_name
WHERE l.required_columns IS NOT NULL ORDER BY l.ordinal;

-- Tiers: the list, the catalogue and the document agree.
SELECT set_eq($$SELECT function_name FROM scout_internal.tiers()$$, $$SELECT name FROM function WHERE NOT is_trigger$$,
              'tiers() names every function that is no trigger, and nothing else');
SELECT is_empty($$SELECT function_name FROM scout_internal.tiers() GROUP BY 1 HAVING count(*) > 1$$, 'no function is in two tiers');
SELECT is_empty($$SELECT tier FROM scout_internal.tiers() WHERE tier NOT IN ('reader', 'operator', 'admin')$$, 'there are three tiers');
SELECT set_eq($$SELECT name, tier FROM doc WHERE kind = 'function' AND tier IS NOT NULL AND tier <> 'none'$$,
              $$SELECT function_name, tier FROM scout_internal.tiers()$$, 'the documented tiers are those of tiers()');
SELECT is_empty($$SELECT d.name FROM doc d JOIN function f USING (name) WHERE d.kind = 'function' AND NOT f.is_trigger
                  AND d.body !~ E'\n```sql\n'$$, 'every function has an example');
SELECT is_empty($$SELECT d.name FROM doc d JOIN function f USING (name) WHERE d.kind = 'function' AND NOT f.is_trigger
                  AND d.body !~ E'\nErrors: '$$, 'every function says how it fails');

-- Comments.
SELECT is_empty($$SELECT name FROM function WHERE coalesce(obj_description(oid, 'pg_proc'), '') = ''$$,
                'every function has a comment');
SELECT is_empty($$SELECT name FROM relation WHERE coalesce(obj_description(oid, 'pg_class'), '') = ''$$,
                'every view and table has a comment');
SELECT ok(coalesce(obj_description(oid, 'pg_extension'), '') <> '', 'the extension has a comment')
FROM pg_extension WHERE extname = 'scout_ir';

-- Privileges.
SELECT set_eq($$SELECT f.name FROM function f JOIN pg_proc p ON p.oid = f.oid
                CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'$$,
              $$SELECT name FROM function WHERE is_trigger$$, 'PUBLIC may execute the trigger functions and nothing else');
SELECT is_empty($$SELECT r.name FROM relation r JOIN pg_class c ON c.oid = r.oid
                  CROSS JOIN LATERAL aclexplode(c.relacl) a WHERE a.grantee = 0$$, 'PUBLIC has no privilege on a view or table');
SELECT is_empty($$SELECT name FROM function WHERE prosecdef AND NOT coalesce(proconfig::text ~ 'search_path=', false)$$,
                'a SECURITY DEFINER function has its search_path set');
SELECT is_empty($$SELECT f.name FROM function f JOIN pg_proc p ON p.oid = f.oid JOIN pg_language l ON l.oid = p.prolang
                  WHERE l.lanname = 'plpgsql' AND NOT coalesce(p.proconfig::text ~ 'search_path=', false)$$,
                'a PL/pgSQL function has its search_path set');

-- The public interface: no overloads; reports are STABLE, actions VOLATILE.
SELECT is_empty($$SELECT f.name FROM function f JOIN pg_proc p ON p.proname = f.name AND p.pronamespace = 'scout'::regnamespace
                  GROUP BY f.name HAVING count(*) > 1$$, 'no function is overloaded');
SELECT is_empty($$SELECT f.name FROM function f JOIN scout_internal.tiers() t ON t.function_name = f.name
                  WHERE t.tier = 'reader' AND f.provolatile = 'v' AND f.name <> 'control_ingestion'$$,
                'what a reader calls is STABLE or IMMUTABLE (control_ingestion acts, too, and checks for it)');
SELECT is_empty($$SELECT f.name FROM function f JOIN scout_internal.tiers() t ON t.function_name = f.name
                  WHERE t.tier = 'operator' AND f.provolatile <> 'v'$$, 'actions are VOLATILE');
SELECT is_empty($$SELECT f.name FROM function f, unnest(f.arguments) a WHERE coalesce(a, '') = ''$$, 'every argument has a name');

SELECT * FROM finish();
ROLLBACK;
