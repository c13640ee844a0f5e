-- docs/reference against the catalogue, in both directions; privileges and comments of what the
-- extension brings. Public is what is in schema scout; scout_internal is documented nowhere.
\set QUIET on
\set ON_ERROR_STOP on
\set content `cd "${SCOUT_SRC:-.}/docs/reference" && for f in *.md; do echo "# page: ${f%.md}"; cat "$f"; done`
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(31);

-- The pages: one row per heading of any level, with the text up to the next one.
CREATE TEMPORARY TABLE heading AS
WITH lines AS (
    SELECT l.n, l.line, count(*) FILTER (WHERE l.line ~ '^#+ ') OVER (ORDER BY l.n) AS section,
           count(*) FILTER (WHERE l.line ~ '^# page: ') OVER (ORDER BY l.n) AS page
    FROM string_to_table(:'content', E'\n') WITH ORDINALITY AS l(line, n)
), sections AS (
    SELECT page, section, (array_agg(line ORDER BY n))[1] AS heading, string_agg(line, E'\n' ORDER BY n) AS body
    FROM lines GROUP BY page, section
)
SELECT section, substring(first_value(heading) OVER (PARTITION BY page ORDER BY section) FROM '^# page: (.*)') AS page,
       heading, body
FROM sections;

-- What is documented: one row per "### " heading.
CREATE TEMPORARY TABLE doc AS
SELECT page, substring(heading FROM '^### (?:scout\.)?([a-z_0-9.]+)') AS name,
       CASE WHEN heading ~ '^### scout_ir\.' THEN 'setting' WHEN heading ~ '\)$' THEN 'function' ELSE 'relation' END AS kind,
       array_remove(string_to_array(replace(substring(heading FROM '\((.*)\)$'), ' ', ''), ','), '') AS arguments,
       substring(body FROM E'\nTier: ([a-z]+)') AS tier,
       (SELECT array_agg(m[1] ORDER BY o) FROM regexp_matches(substring(body FROM E'\nColumns: ([^\n]*)'), '`([a-z_0-9]+) ', 'g')
            WITH ORDINALITY AS r(m, o)) AS columns,
       (SELECT array_agg(m[1] ORDER BY o) FROM regexp_matches(body, E'\n\\| `([a-z_0-9]+)` \\| [^|]* \\| (?!required)', 'g')
            WITH ORDINALITY AS r(m, o)) AS optional,
       body
FROM heading WHERE heading ~ '^### ';

-- The catalogue: members of the extension; those in schema scout are the interface.
CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e';
CREATE TEMPORARY VIEW function AS
SELECT p.oid, p.proname::text AS name, p.pronamespace = 'scout'::regnamespace AS public,
       p.prorettype = 'trigger'::regtype AS is_trigger, p.provolatile, p.prosecdef,
       p.proconfig, p.pronargs, p.pronargdefaults,
       coalesce((SELECT array_agg(a.name ORDER BY a.n)
                 FROM unnest(p.proargnames) WITH ORDINALITY a(name, n)
                 WHERE coalesce(p.proargmodes[a.n], 'i') IN ('i', 'b', 'v')), '{}') AS arguments,
       (SELECT array_agg(a.name ORDER BY a.n) FROM unnest(p.proargnames) WITH ORDINALITY a(name, n)
        WHERE p.proargmodes[a.n] IN ('t', 'o')) AS columns
FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
CREATE TEMPORARY VIEW relation AS
SELECT c.oid, c.relname::text AS name, c.relkind, c.relnamespace = 'scout'::regnamespace AS public,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm');
CREATE TEMPORARY VIEW layout AS SELECT * FROM scout_internal.pipeline_layout();

-- Both ways: what is documented is there and public, what is there and public is documented.
SELECT cmp_ok((SELECT count(*) FROM doc), '>', 100::bigint, 'the pages were read');
SELECT set_eq($$SELECT name FROM doc WHERE kind = 'function'$$, $$SELECT name FROM function WHERE public$$,
              'the documented functions are those of schema scout');
SELECT set_eq($$SELECT name FROM doc WHERE kind = 'relation'$$,
              $$SELECT name FROM relation WHERE public UNION SELECT object_name FROM layout WHERE kind <> 'index'$$,
              'the documented views and tables are those of schema scout and of the pipeline');
SELECT count(*) AS ignored FROM scout.built_in_rules() \gset
SELECT set_eq($$SELECT name FROM doc WHERE kind = 'setting'$$, $$SELECT name FROM pg_settings WHERE name LIKE 'scout\_ir.%'$$,
              'the documented settings are those of the library');
SELECT is_empty($$SELECT name FROM doc GROUP BY kind, name HAVING count(*) > 1$$, 'nothing is documented twice');

SELECT is_empty($$SELECT f.name, d.arguments, f.arguments FROM function f JOIN doc d ON d.kind = 'function' AND d.name = f.name
                  WHERE f.public AND d.arguments IS DISTINCT FROM f.arguments$$, 'arguments, in order');
SELECT is_empty($$SELECT f.name, d.optional, f.arguments[f.pronargs - f.pronargdefaults + 1:]
                  FROM function f JOIN doc d ON d.kind = 'function' AND d.name = f.name
                  WHERE f.public AND f.pronargs > 0
                  AND coalesce(d.optional, '{}') IS DISTINCT FROM f.arguments[f.pronargs - f.pronargdefaults + 1:]$$,
                'arguments with defaults');
SELECT is_empty($$SELECT f.name, d.columns, f.columns FROM function f JOIN doc d ON d.kind = 'function' AND d.name = f.name
                  WHERE f.public AND f.columns IS NOT NULL AND d.columns IS DISTINCT FROM f.columns$$,
                'columns of functions, in order');
SELECT is_empty($$SELECT r.name, d.columns, r.columns FROM relation r JOIN doc d ON d.kind = 'relation' AND d.name = r.name
                  WHERE r.public AND d.columns IS DISTINCT FROM r.columns$$, 'columns of views, in order');
-- A table of the pipeline: the columns that adoption asks for, in their order.
SELECT is_empty($$SELECT l.object_name, d.columns, l.columns
                  FROM (SELECT object_name, (SELECT array_agg(split_part(c, ' ', 1) ORDER BY n)
                                             FROM unnest(required_columns) WITH ORDINALITY u(c, n)) AS columns
                        FROM layout WHERE required_columns IS NOT NULL) l
                  JOIN doc d ON d.kind = 'relation' AND d.name = l.object_name
                  WHERE d.columns IS DISTINCT FROM l.columns$$, 'columns of the pipeline''s tables, in order');

-- The pages: runbook steps first, and links that lead somewhere.
SELECT is_empty($$SELECT page FROM (SELECT page, array_agg(heading ORDER BY section) AS headings FROM heading
                                    WHERE page <> 'README' GROUP BY page) p
                  WHERE headings[3] IS DISTINCT FROM '## Runbook steps'$$, 'every page begins with its runbook steps');
SELECT is_empty($$SELECT page, line FROM heading, string_to_table(body, E'\n') line
                  WHERE page <> 'README' AND heading = '## Runbook steps' AND line ~ '^\|' AND line NOT IN ('| step | SELECT | tier |', '| --- | --- | --- |')
                  AND line !~ '^\| [^|]+ \| (`SELECT .*;`|\[[a-z]+\]\([^)]*\)) \| (reader|operator|admin)[^|]* \|$'$$,
                'each step is a statement, with the tier that it needs');
SELECT is_empty($$SELECT h.page, link.m FROM heading h,
                         regexp_matches(h.body, '\]\(([a-z]*)(?:\.md)?#([^)]*)\)', 'g') AS link(m)
                  WHERE NOT EXISTS (
                      SELECT FROM heading t WHERE t.page = coalesce(nullif(link.m[1], ''), h.page)
                      AND regexp_replace(replace(lower(substring(t.heading FROM '^#+ (.*)$')), ' ', '-'), '[^a-z0-9_-]', '', 'g') = link.m[2])$$,
                'links to a heading of a page lead to one');

-- Tiers: the list, the catalogue and the document agree.
SELECT is_empty($$SELECT name FROM function WHERE public EXCEPT SELECT function_name FROM scout_internal.tiers()$$,
                'every public function is in a tier');
SELECT is_empty($$SELECT function_name FROM scout_internal.tiers() EXCEPT SELECT name FROM function WHERE NOT is_trigger$$,
                'what is in a tier is there, and no trigger function');
SELECT is_empty($$SELECT function_name FROM scout_internal.tiers() GROUP BY schema_name, function_name HAVING count(*) > 1$$, 'no function is in two tiers');
SELECT is_empty($$SELECT tier FROM scout_internal.tiers() WHERE tier NOT IN ('reader', 'operator', 'admin', 'none')$$, 'there are three tiers, and what is for none');
SELECT set_eq($$SELECT name, tier FROM doc WHERE kind = 'function'$$,
              $$SELECT t.function_name, t.tier FROM scout_internal.tiers() t JOIN function f ON f.name = t.function_name AND f.public$$,
              'the documented tiers are those of tiers()');
SELECT is_empty($$SELECT d.name FROM doc d JOIN function f USING (name) WHERE d.kind = 'function'
                  AND d.body !~ E'\n```sql\n'$$, 'every function has an example');
SELECT is_empty($$SELECT d.name FROM doc d JOIN function f USING (name) WHERE d.kind = 'function'
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
SELECT is_empty($$SELECT p.proname FROM pg_proc p WHERE p.pronamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace)
                  GROUP BY p.pronamespace, p.proname HAVING count(*) > 1$$, 'no function is overloaded');
SELECT is_empty($$SELECT f.name FROM function f JOIN scout_internal.tiers() t ON t.function_name = f.name
                  WHERE f.public AND t.tier = 'reader' AND f.provolatile = 'v' AND f.name <> 'control_ingestion'$$,
                'what a reader calls is STABLE or IMMUTABLE (control_ingestion acts, too, and checks for it)');
SELECT is_empty($$SELECT f.name FROM function f JOIN scout_internal.tiers() t ON t.function_name = f.name
                  WHERE f.public AND t.tier = 'operator' AND f.provolatile <> 'v'$$, 'actions are VOLATILE');
SELECT is_empty($$SELECT f.name FROM function f, unnest(f.arguments) a WHERE coalesce(a, '') = ''$$, 'every argument has a name');

SELECT * FROM finish();
ROLLBACK;
