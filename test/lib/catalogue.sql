-- All that the catalogue says of the extension and the pipeline, one property in a line, by name: equal for two
-- databases that are equal to their users. OIDs, the order of columns and of grants, and grants that are the
-- default whether they are written down or not make no difference. scripts/compare-catalogues compares two.
SET search_path = pg_catalog, pg_temp;
CREATE TEMPORARY TABLE object AS
WITH member AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
), schema AS (
    SELECT n.oid FROM pg_namespace n WHERE n.nspname IN ('scout', 'scout_internal')
), found AS (
    SELECT m.classid, m.objid FROM member m
    UNION SELECT 'pg_namespace'::regclass, s.oid FROM schema s
    UNION SELECT 'pg_class'::regclass, c.oid FROM pg_class c JOIN schema s ON s.oid = c.relnamespace WHERE c.relkind <> 't'
    UNION SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN schema s ON s.oid = p.pronamespace
    UNION SELECT 'pg_type'::regclass, t.oid FROM pg_type t JOIN schema s ON s.oid = t.typnamespace
)
SELECT f.classid, f.objid, i.type || ' ' || i.identity AS name,
       EXISTS (SELECT FROM member m WHERE m.classid = f.classid AND m.objid = f.objid) AS member
FROM found f CROSS JOIN LATERAL pg_identify_object(f.classid, f.objid, 0) i;

-- Grants in words. NULL is what PostgreSQL gives by itself to `kind`.
CREATE FUNCTION pg_temp.grants(acl aclitem[], kind "char", owner oid) RETURNS text LANGUAGE sql STABLE AS $$
SELECT coalesce(string_agg(g.text, ', ' ORDER BY g.text COLLATE "C"), 'none') FROM (
    SELECT format('%s %s by %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
                  string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, '+' ORDER BY a.privilege_type),
                  pg_get_userbyid(a.grantor)) AS text
    FROM aclexplode(coalesce(acl, acldefault(kind, owner))) a GROUP BY a.grantee, a.grantor) g
$$;
CREATE FUNCTION pg_temp.lines(label text, definition text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
SELECT format('%s %s: %s', label, to_char(l.n, 'FM0000'), l.line)
FROM regexp_split_to_table(definition, '\n') WITH ORDINALITY l(line, n)
$$;

CREATE TEMPORARY VIEW relation AS
SELECT o.name, c.*, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char" AS acl_kind
FROM object o JOIN pg_class c ON c.oid = o.objid WHERE o.classid = 'pg_class'::regclass;

SELECT p.name || ' | ' || p.property FROM (
    SELECT o.name, CASE WHEN o.member THEN 'member' ELSE 'no member' END AS property FROM object o
    UNION ALL
    SELECT o.name, 'comment: ' || d.description FROM object o JOIN pg_description d ON d.classoid = o.classid AND d.objoid = o.objid AND d.objsubid = 0
    UNION ALL  -- what pg_dump takes for part of the extension, and does not write
    SELECT o.name, 'initially granted: ' || pg_temp.grants(i.initprivs, k.kind, k.owner)
    FROM object o LEFT JOIN pg_init_privs i ON i.classoid = o.classid AND i.objoid = o.objid AND i.objsubid = 0
    CROSS JOIN LATERAL (
        SELECT 'f'::"char", p.proowner FROM pg_proc p WHERE o.classid = 'pg_proc'::regclass AND p.oid = o.objid
        UNION ALL SELECT r.acl_kind, r.relowner FROM relation r WHERE o.classid = 'pg_class'::regclass AND r.oid = o.objid
        UNION ALL SELECT 'n', n.nspowner FROM pg_namespace n WHERE o.classid = 'pg_namespace'::regclass AND n.oid = o.objid) k(kind, owner)
    WHERE o.member
    UNION ALL
    SELECT r.name || ' column ' || a.attname, 'initially granted: ' || pg_temp.grants(i.initprivs, 'c', r.relowner)
    FROM relation r JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = r.oid
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = i.objsubid AND i.objsubid > 0
    UNION ALL  -- triggers and functions that go with the extension
    SELECT o.name, 'depends on the extension' FROM object o JOIN pg_depend d ON d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'x'

    -- The extension
    UNION ALL
    SELECT 'extension scout_ir', v.property FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    CROSS JOIN LATERAL (VALUES ('version: ' || e.extversion), ('schema: ' || n.nspname), ('owner: ' || pg_get_userbyid(e.extowner)),
        ('relocatable: ' || e.extrelocatable), ('comment: ' || coalesce(obj_description(e.oid, 'pg_extension'), '-'))) v(property)
    WHERE e.extname = 'scout_ir'
    UNION ALL
    SELECT 'extension scout_ir', format('dumps rows of %s where %s', t.relation::regclass, coalesce(nullif(t.condition, ''), 'all'))
    FROM pg_extension e CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) t(relation, condition) WHERE e.extname = 'scout_ir'

    -- Schemas
    UNION ALL
    SELECT o.name, v.property FROM object o JOIN pg_namespace n ON n.oid = o.objid AND o.classid = 'pg_namespace'::regclass
    CROSS JOIN LATERAL (VALUES ('owner: ' || pg_get_userbyid(n.nspowner)), ('granted: ' || pg_temp.grants(n.nspacl, 'n', n.nspowner))) v(property)

    -- Functions: signature, defaults, language, volatility, cost, settings and body are in the definition
    UNION ALL
    SELECT o.name, v.property FROM object o JOIN pg_proc p ON p.oid = o.objid AND o.classid = 'pg_proc'::regclass
    CROSS JOIN LATERAL (VALUES ('owner: ' || pg_get_userbyid(p.proowner)), ('granted: ' || pg_temp.grants(p.proacl, 'f', p.proowner))) v(property)
    UNION ALL
    SELECT o.name, l FROM object o JOIN pg_proc p ON p.oid = o.objid AND o.classid = 'pg_proc'::regclass AND p.prokind <> 'a'
    CROSS JOIN LATERAL pg_temp.lines('definition', pg_get_functiondef(p.oid)) l

    -- Types but those of a relation's rows, and arrays
    UNION ALL
    SELECT o.name, v.property FROM object o JOIN pg_type t ON t.oid = o.objid AND o.classid = 'pg_type'::regclass
    CROSS JOIN LATERAL (VALUES (format('kind %s of %s, not null %s, default %s', t.typtype, format_type(t.typbasetype, t.typtypmod), t.typnotnull,
            coalesce(t.typdefault, '-'))),
        ('owner: ' || pg_get_userbyid(t.typowner)), ('granted: ' || pg_temp.grants(t.typacl, 'T', t.typowner)),
        ('labels: ' || (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)),
        ('range of ' || (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid))) v(property)
    WHERE t.typelem = 0 AND v.property IS NOT NULL AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
    UNION ALL
    SELECT o.name, format('constraint %s: %s', k.conname, pg_get_constraintdef(k.oid))
    FROM object o JOIN pg_constraint k ON k.contypid = o.objid AND o.classid = 'pg_type'::regclass

    -- Relations
    UNION ALL
    SELECT r.name, v.property FROM relation r LEFT JOIN pg_am m ON m.oid = r.relam
    CROSS JOIN LATERAL (VALUES ('owner: ' || pg_get_userbyid(r.relowner)), ('granted: ' || pg_temp.grants(r.relacl, r.acl_kind, r.relowner)),
        (format('kind %s, persistence %s, method %s, options %s, row security %s %s, replica identity %s, populated %s, partition %s',
            r.relkind, r.relpersistence, coalesce(m.amname, '-'), coalesce(r.reloptions::text, '-'), r.relrowsecurity, r.relforcerowsecurity,
            r.relreplident, r.relispopulated, coalesce(pg_get_expr(r.relpartbound, r.oid), '-')))) v(property)
    WHERE r.relkind NOT IN ('i', 'I')
    UNION ALL
    SELECT r.name || ' column ' || a.attname, v.property FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND r.relkind NOT IN ('i', 'I', 'S')
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    CROSS JOIN LATERAL (VALUES
        (format('type %s, collation %s, not null %s, default %s, identity %s, generated %s, storage %s, compression %s, options %s',
            format_type(a.atttypid, a.atttypmod), coalesce(l.collname, '-'), a.attnotnull, coalesce(pg_get_expr(d.adbin, d.adrelid), '-'),
            a.attidentity, a.attgenerated, a.attstorage, a.attcompression, coalesce((SELECT string_agg(x, ', ' ORDER BY x) FROM unnest(a.attoptions) x WHERE x LIKE 'n\_distinct%'), '-'))),
        ('granted: ' || pg_temp.grants(a.attacl, 'c', r.relowner)),
        ('comment: ' || col_description(r.oid, a.attnum))) v(property)
    WHERE v.property IS NOT NULL
    UNION ALL
    SELECT r.name, l FROM relation r CROSS JOIN LATERAL pg_temp.lines('query', pg_get_viewdef(r.oid)) l WHERE r.relkind IN ('v', 'm')
    UNION ALL
    SELECT r.name, format('constraint %s: %s, valid %s, comment %s', k.conname, pg_get_constraintdef(k.oid), k.convalidated,
                          coalesce(obj_description(k.oid, 'pg_constraint'), '-'))
    FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
    UNION ALL
    SELECT r.name, format('%s, valid %s, replica identity %s, clustered %s, options %s', pg_get_indexdef(r.oid), i.indisvalid, i.indisreplident,
                          i.indisclustered, coalesce(r.reloptions::text, '-'))
    FROM relation r JOIN pg_index i ON i.indexrelid = r.oid
    UNION ALL
    SELECT r.name, format('trigger %s, enabled %s, with the extension %s, comment %s', pg_get_triggerdef(t.oid), t.tgenabled,
               EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'x'),
               coalesce(obj_description(t.oid, 'pg_trigger'), '-'))
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT r.name, 'rule ' || pg_get_ruledef(w.oid) FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'
    UNION ALL
    SELECT r.name, format('policy %s for %s to %s: %s; %s; permissive %s', y.polname, y.polcmd, y.polroles::regrole[],
                          pg_get_expr(y.polqual, r.oid), pg_get_expr(y.polwithcheck, r.oid), y.polpermissive)
    FROM relation r JOIN pg_policy y ON y.polrelid = r.oid
    UNION ALL
    SELECT r.name, pg_get_statisticsobjdef(s.oid) FROM relation r JOIN pg_statistic_ext s ON s.stxrelid = r.oid
    UNION ALL
    SELECT r.name, format('%s from %s to %s start %s step %s cache %s cycle %s, of %s', format_type(s.seqtypid, NULL), s.seqmin, s.seqmax, s.seqstart,
               s.seqincrement, s.seqcache, s.seqcycle,
               (SELECT format('%s.%s (%s)', d.refobjid::regclass, a.attname, d.deptype)
                FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
) p(name, property)
ORDER BY (p.name || ' | ' || p.property) COLLATE "C";
