-- What create_pipeline() looks at in a table that is there already.

-- Why a table that is there cannot be adopted: what would make loading fail for ever, or lose rows unseen.
-- What is altered after the adoption is looked at by each batch (silver_tables.cpp).
CREATE FUNCTION scout_internal.adoption_problems(relation oid, name text, required_columns text[]) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- patterns
AS $$
SELECT coalesce(array_agg(p.problem ORDER BY p.ordinal, p.problem), '{}') FROM (
    -- The base type of a domain will do; its CHECK refuses single events.
    SELECT 1 AS ordinal, format('%s needs column %s', name, c)
        || coalesce((SELECT format(' (it has %s)', format_type(a.atttypid, a.atttypmod)) FROM pg_attribute a
                     WHERE a.attrelid = relation AND a.attnum > 0 AND a.attname = split_part(c, ' ', 1)), '') AS problem
    FROM unnest(required_columns) c
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute a LEFT JOIN pg_type d ON d.oid = a.atttypid AND d.typtype = 'd'
        WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = split_part(c, ' ', 1)
          AND format_type(coalesce(d.typbasetype, a.atttypid), NULL) = substr(c, length(split_part(c, ' ', 1)) + 2))
    UNION ALL
    -- Ids that only the table makes may be; bronze_events.event_id is a note, because a redrive alone brings it.
    SELECT 2, format('%s.%s is %s: loading writes it', name, a.attname,
                     CASE WHEN a.attgenerated <> '' THEN 'a generated column' ELSE 'GENERATED ALWAYS AS IDENTITY' END)
    FROM pg_attribute a JOIN unnest(required_columns) c ON a.attname = split_part(c, ' ', 1)
    WHERE a.attrelid = relation AND a.attnum > 0
      AND (a.attgenerated <> '' OR a.attidentity = 'a' AND (name, a.attname) NOT IN (
               ('bronze_events', 'event_id'), ('bronze_events_dlq', 'dlq_id'), ('bronze_pending', 'chunk_id'),
               ('pipeline_pauses', 'pause_id'), ('dim_product', 'product_key'), ('bronze_ingestion_batches', 'batch_id')))
    UNION ALL
    -- Two ids to us would be one to the table.
    SELECT 3, format('%s.%s has the nondeterministic collation %I: ids are compared byte by byte', name, a.attname, l.collname)
    FROM pg_attribute a JOIN pg_collation l ON l.oid = a.attcollation AND NOT l.collisdeterministic
    WHERE a.attrelid = relation AND a.attnum > 0 AND a.attname IN ('transaction_id', 'product_id', 'source_system', 'status')
    UNION ALL
    SELECT 4, format('%s.%s is NOT NULL without a default: loading does not fill it', name, a.attname)
    FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND (a.attnotnull OR y.typnotnull)
      AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AND y.typdefault IS NULL
      AND name NOT IN ('bronze_events', 'dim_store', 'dim_product', 'bronze_ingestion_batches')  -- filled by others
      AND (a.attname IN ('dlq_id', 'chunk_id', 'pause_id', 'attempts')
           OR a.attname NOT IN (SELECT split_part(c, ' ', 1) FROM unnest(required_columns) c))
      -- A BEFORE ROW INSERT trigger may fill it.
      AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = relation AND g.tgtype & 7 = 7 AND g.tgenabled <> 'D'
                      AND g.tgname NOT LIKE 'zz\_scout\_ir\_%')
    UNION ALL
    SELECT 5, format('%s.status needs the default ''open'': a letter without status is in no state', name)
    WHERE name = 'bronze_events_dlq' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = 'status')
      AND NOT EXISTS (SELECT FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                      WHERE d.adrelid = relation AND a.attname = 'status' AND pg_get_expr(d.adbin, d.adrelid) LIKE '''open''%')
    UNION ALL
    SELECT 6, format('%s has rule %I: a rule rewrites what is written, and INSERT ... ON CONFLICT refuses it; use a trigger', name, r.rulename)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.ev_class = relation AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 7, format('%s has tables that inherit from it (%s): its unique keys do not know their rows; use partitions', name,
                     (SELECT string_agg(i.inhrelid::regclass::text, ', ') FROM pg_inherits i WHERE i.inhparent = relation))
    FROM pg_class c WHERE c.oid = relation AND c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = relation)
    UNION ALL
    SELECT 8, format('%s has FORCE ROW LEVEL SECURITY: loading could not see all of its rows', name)
    FROM pg_class c WHERE c.oid = relation AND c.relforcerowsecurity
) p
$$;
COMMENT ON FUNCTION scout_internal.adoption_problems(oid, text, text[]) IS
'Why create_pipeline() would refuse to adopt a table: one sentence each; empty where it would not.';

-- What works, but slower or otherwise than one may expect.
CREATE FUNCTION scout_internal.adoption_notes(relation oid, name text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT string_agg(n.note, '; ' ORDER BY n.ordinal) FROM (
    SELECT 1 AS ordinal, 'unlogged: its rows do not survive a crash' AS note
    FROM pg_class c WHERE c.oid = relation AND c.relpersistence = 'u'
    UNION ALL
    SELECT 2, CASE WHEN name LIKE 'silver%' THEN 'deferrable constraints are checked with each statement while loading'
                   ELSE 'deferrable constraints are checked outside the restricted context and cannot work here' END
    WHERE EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = relation AND k.condeferrable)
    UNION ALL
    SELECT 3, 'loads by INSERT: a deferrable unique constraint'
    WHERE name LIKE 'silver%' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND NOT i.indimmediate)
    UNION ALL
    SELECT 4, 'triggers: rows are written one by one, and each batch is looked through for rows that they dropped'
    WHERE name LIKE 'silver%' AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = relation AND NOT g.tgisinternal AND g.tgtype & 20 > 0)
    UNION ALL
    SELECT 5, format('no index begins with %s: every batch reads the whole table', v.key)
    FROM (VALUES ('bronze_events', 'event_id'), ('silver_line_items', 'transaction_id')) v(table_name, key)
    WHERE v.table_name = name AND NOT EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
        WHERE i.indrelid = relation AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree' AND a.attname = v.key)
    UNION ALL
    SELECT 6, format('ingest_event() does not fill %s, which is NOT NULL without a default', string_agg(a.attname, ', '))
    FROM pg_attribute a WHERE name = 'bronze_events' AND a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
      AND NOT a.atthasdef AND a.attidentity = ''
      AND a.attname NOT IN ('event_type', 'event_ts', 'source_system', 'store_id', 'event_data', 'event_hash')
    HAVING count(*) > 0
) n
$$;
COMMENT ON FUNCTION scout_internal.adoption_notes(oid, text) IS
'What create_pipeline() says about a table that it adopts: what works, but slower or otherwise than expected.';

-- What of others runs on a relation, and then with the rights of its new owner: triggers, checks, defaults,
-- statistics, policies, indexes, rules, the query of a view, on its partitions, too.
CREATE FUNCTION scout_internal.code_of_others(relation oid, new_owner oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
WITH tree AS (
    SELECT relation AS oid UNION SELECT p.relid FROM pg_partition_tree(relation) p
), part (classid, objid) AS (
    SELECT 'pg_trigger'::regclass, g.oid FROM pg_trigger g JOIN tree t ON t.oid = g.tgrelid
    UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k JOIN tree t ON t.oid = k.conrelid
    UNION ALL SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d JOIN tree t ON t.oid = d.adrelid
    UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s JOIN tree t ON t.oid = s.stxrelid
    UNION ALL SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN tree t ON t.oid = p.polrelid
    UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i JOIN tree t ON t.oid = i.indrelid
    UNION ALL SELECT 'pg_class'::regclass, t.oid FROM tree t  -- the key and the bounds of partitions
    UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN tree t ON t.oid = r.ev_class
), called AS (
    SELECT DISTINCT p.classid, p.objid, coalesce(o.oprcode::oid, d.refobjid) AS function
    FROM part p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid
    LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
)
SELECT 'code of others runs with the rights of the new owner: ' || string_agg(
           format('%s %s calls %s of %I', i.type, i.identity, f.oid::regprocedure, pg_get_userbyid(f.proowner)), ', '
           ORDER BY i.type, i.identity, f.oid)
FROM called c JOIN pg_proc f ON f.oid = c.function CROSS JOIN LATERAL pg_identify_object(c.classid, c.objid, 0) i
WHERE f.proowner <> new_owner AND f.pronamespace <> 'pg_catalog'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = f.oid AND e.deptype = 'e')
$$;
COMMENT ON FUNCTION scout_internal.code_of_others(oid, oid) IS
'What create_pipeline() says about a relation that it hands over: functions of neither its new owner, an extension nor PostgreSQL; NULL where there are none.';
