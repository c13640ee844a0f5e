-- create_pipeline(): the call is C (src/layout/create_pipeline.cpp), which decides as whom each part runs.
-- make_relations() and make_triggers() run as the extension's owner, who alone may create in schema scout.
-- They look into the catalogue and execute statements that are fixed; none reads a table of the pipeline.
CREATE FUNCTION scout.create_pipeline(owner name DEFAULT NULL)
RETURNS TABLE (object_name text, kind text, status text, detail text)
LANGUAGE c ROWS 30 AS 'MODULE_PATHNAME', 'scout_create_pipeline';
COMMENT ON FUNCTION scout.create_pipeline(name) IS
'Makes what is missing of the pipeline for its owner, adopts what is there or hands it over to him, and queues what is still to load; one row per object.';

-- Makes the relations that are missing, for `owner`, and adopts those that are there; `caller` asked for it.
-- What cannot be adopted is said at once, and nothing is changed.
CREATE FUNCTION scout_internal.make_relations(owner name, caller name)
RETURNS TABLE (object_name text, kind text, status text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on  -- patterns
SET jit = off  -- new tables look large to the planner, and compiling takes longer than all the rest
AS $$
#variable_conflict use_column
DECLARE
    may_act_as CONSTANT text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    owner_id CONSTANT oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = owner);
    item record;
    existing record;
    problems text[] := '{}';
    fresh text[] := '{}';   -- made by this call
    t record;
BEGIN
    FOR item IN SELECT l.ordinal, l.object_name, l.kind, l.ddl, l.required_columns, l.comment
                FROM scout_internal.pipeline_layout() l ORDER BY l.ordinal
    LOOP
        SELECT c.oid, c.relkind, r.rolname INTO existing
        FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
        WHERE c.relnamespace = 'scout'::regnamespace AND c.relname = item.object_name;
        object_name := item.object_name;
        kind := item.kind;
        detail := NULL;

        IF NOT FOUND AND item.kind = 'index' AND NOT split_part(item.ddl, ' ON scout.', 2) ~ ANY (
               SELECT '^' || f || '\M' FROM unnest(fresh) f) THEN
            -- An adopted table keeps its own physical design; building an index would block its writers.
            status := 'missing';
            detail := btrim(regexp_replace(item.ddl, '\s+', ' ', 'g'));
            RETURN NEXT;
            CONTINUE;
        ELSIF NOT FOUND AND item.kind = 'materialized view' AND problems <> '{}' THEN
            CONTINUE;  -- its query may need what is missing; the problems are raised below
        ELSIF NOT FOUND THEN
            EXECUTE item.ddl || CASE item.kind WHEN 'materialized view' THEN ' WITH NO DATA' ELSE '' END;
            IF item.comment IS NOT NULL THEN
                EXECUTE format('COMMENT ON %s scout.%I IS %L', item.kind, item.object_name, item.comment);
            END IF;
            IF item.kind <> 'index' THEN
                fresh := fresh || item.object_name;
            END IF;
            status := 'created';
            RETURN NEXT;
            CONTINUE;
        END IF;

        status := 'adopted';
        IF item.kind <> 'index' THEN
            IF existing.relkind <> ALL (CASE item.kind WHEN 'table' THEN '{r,p}' ELSE '{m}' END::"char"[]) THEN
                problems := problems || format('%s is %s, not a %s', item.object_name, CASE existing.relkind
                    WHEN 'r' THEN 'a table' WHEN 'p' THEN 'a partitioned table' WHEN 'v' THEN 'a view'
                    WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' ELSE 'another kind of relation' END, item.kind);
            ELSIF existing.rolname <> owner AND NOT pg_has_role(caller, existing.rolname, may_act_as) THEN
                problems := problems || format('%s belongs to %I, as whom %I may not act', item.object_name, existing.rolname, caller);
            ELSE
                -- Its partitions, too: what their owner puts on them runs for each row that is routed there.
                FOR t IN SELECT c.oid::regclass AS name, c.relkind, c.relowner, pg_has_role(caller, c.relowner, may_act_as) AS may
                         FROM pg_class c
                         WHERE (c.oid = existing.oid OR c.oid IN (SELECT p.relid FROM pg_partition_tree(existing.oid) p))
                           AND c.relowner <> owner_id AND c.relkind IN ('r', 'p', 'm', 'f')
                LOOP
                    IF NOT t.may THEN
                        problems := problems || format('%s has partition %s, which belongs to %I, as whom %I may not act',
                                                       item.object_name, t.name, pg_get_userbyid(t.relowner), caller);
                        CONTINUE;
                    END IF;
                    status := 'handed over';
                    EXECUTE format('ALTER %s %s OWNER TO %I', CASE t.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, t.name, owner);
                END LOOP;
            END IF;
        END IF;
        IF item.required_columns IS NOT NULL THEN
            IF existing.relkind = 'p' AND pg_get_partkeydef(existing.oid) ~ '\m(event_ts|store_id|event_hash)\M' THEN
                problems := problems || format('%s is partitioned by a column that the intake trigger fills: partition it by ingested_at', item.object_name);
            END IF;
            problems := problems || scout_internal.adoption_problems(existing.oid, item.object_name, item.required_columns);
            detail := scout_internal.adoption_notes(existing.oid, item.object_name);
        END IF;
        IF status = 'handed over' THEN
            detail := nullif(concat_ws('; ', detail, scout_internal.code_of_others(existing.oid, owner_id)), '');
        END IF;
        RETURN NEXT;
    END LOOP;

    -- What ON CONFLICT and the lookups stand on. An adopted table must bring it.
    FOR t IN SELECT * FROM (VALUES
            ('bronze_event_keys', '{event_hash}'::text[]), ('bronze_events_dlq', '{event_id}'),
            ('silver_transactions', '{transaction_id}'), ('silver_transactions', '{source_event_id}'),
            ('silver_line_items', '{line_sequence,transaction_id}'), ('dim_product', '{product_id}')) v(relation, columns)
    LOOP
        IF NOT EXISTS (
            SELECT FROM pg_index i
            WHERE i.indrelid = to_regclass('scout.' || t.relation) AND i.indisunique AND i.indisvalid AND i.indimmediate
              AND i.indpred IS NULL AND i.indexprs IS NULL
              AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
                   WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) = t.columns) THEN
            problems := problems || (format('%s needs a unique index on (%s)', t.relation, array_to_string(t.columns, ', '))
                || CASE WHEN EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = to_regclass('scout.' || t.relation))
                   THEN ', which a table partitioned by another column cannot have' ELSE '' END);
        END IF;
    END LOOP;
    IF problems <> '{}' THEN
        RAISE EXCEPTION 'the pipeline cannot be made from what is there'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = array_to_string(problems, E'\n'),
                  HINT = 'Nothing was changed. Mend these and call create_pipeline() again.';
    END IF;

    -- Last, so that nobody else could have done anything to what the statements above have made.
    FOREACH object_name IN ARRAY fresh LOOP
        EXECUTE format('ALTER TABLE scout.%I OWNER TO %I', object_name, owner);
        PERFORM scout_internal.reset_privileges(format('scout.%I', object_name)::regclass);
    END LOOP;
END
$$;
COMMENT ON FUNCTION scout_internal.make_relations(name, name) IS
'The relations of the pipeline: made for their owner, adopted, or handed over; part of create_pipeline(), as the extension''s owner.';

-- Takes from everybody but its owner what the maker's default privileges have given on a new relation and on
-- the sequences of its columns.
CREATE FUNCTION scout_internal.reset_privileges(relation regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    g record;
BEGIN
    FOR g IN
        SELECT DISTINCT c.oid::regclass AS object, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
        WHERE a.grantee <> c.relowner
          AND (c.oid = relation OR c.relkind = 'S' AND EXISTS (
                SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation AND d.deptype IN ('a', 'i')))
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', g.kind, g.object, g.grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION scout_internal.reset_privileges(regclass) IS
'Leaves the privileges on a new relation to its owner; part of create_pipeline(), as the extension''s owner.';

-- A trigger of one of our names that is another: it calls another function, or ours for other events, columns or
-- rows only. True where one was dropped.
CREATE FUNCTION scout_internal.drop_other_trigger(relation regclass, name text, type int, function text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = relation AND g.tgname = name AND NOT g.tgisinternal
                   AND (g.tgfoid <> format('scout_internal.%I()', function)::regprocedure OR g.tgtype <> type OR g.tgnargs > 0
                        OR g.tgqual IS NOT NULL OR g.tgattr <> '' OR g.tgconstraint <> 0)) THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %s', name, relation);
    RETURN true;
END
$$;
COMMENT ON FUNCTION scout_internal.drop_other_trigger(regclass, text, int, text) IS
'Drops a trigger that has the name of one of the pipeline''s but does something else; part of create_pipeline(), as the extension''s owner.';

-- Locks the tables, to the end of the transaction, and gives them what is missing of their triggers.
CREATE FUNCTION scout_internal.make_triggers()
RETURNS TABLE (object_name text, kind text, status text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    t record;
BEGIN
    -- Keeps writers out until the triggers stand and what was there before is queued.
    LOCK TABLE scout.bronze_events, scout.bronze_events_dlq IN SHARE ROW EXCLUSIVE MODE;
    FOR t IN SELECT * FROM (VALUES
            ('zz_scout_ir_intake', 'bronze_events', 'BEFORE INSERT OR UPDATE ON scout.bronze_events FOR EACH ROW', 23, 'bronze_intake'),
            ('zz_scout_ir_deleted', 'bronze_events', 'AFTER DELETE ON scout.bronze_events FOR EACH ROW', 9, 'bronze_deleted'),
            ('zz_scout_ir_truncate', 'bronze_events', 'BEFORE TRUNCATE ON scout.bronze_events FOR EACH STATEMENT', 34, 'bronze_deleted'),
            ('zz_scout_ir_link', 'bronze_events_dlq', 'BEFORE INSERT ON scout.bronze_events_dlq FOR EACH ROW', 7, 'dead_letter_link'))
            v(name, relation, definition, type, function)
    LOOP
        object_name := t.name;
        kind := 'trigger';
        detail := t.relation;
        status := 'adopted';
        IF scout_internal.drop_other_trigger(format('scout.%I', t.relation)::regclass, t.name, t.type, t.function) THEN
            detail := format('%s: in place of another trigger of this name', t.relation);
        END IF;
        IF NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass('scout.' || t.relation)
                       AND g.tgname = t.name AND NOT g.tgisinternal) THEN
            EXECUTE format('CREATE TRIGGER %I %s EXECUTE FUNCTION scout_internal.%I()', t.name, t.definition, t.function);
            status := 'created';
        END IF;
        EXECUTE format('ALTER TABLE scout.%I ENABLE ALWAYS TRIGGER %I', t.relation, t.name);
        EXECUTE format('ALTER TRIGGER %I ON scout.%I DEPENDS ON EXTENSION scout_ir', t.name, t.relation);
        RETURN NEXT;
    END LOOP;

    -- Statement triggers are not inherited: each leaf needs its own against TRUNCATE.
    FOR t IN SELECT p.relid AS leaf FROM pg_partition_tree('scout.bronze_events') p
             WHERE p.isleaf AND p.relid <> 'scout.bronze_events'::regclass
    LOOP
        PERFORM scout_internal.drop_other_trigger(t.leaf, 'zz_scout_ir_truncate', 34, 'bronze_deleted');
        CONTINUE WHEN EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.leaf AND g.tgname = 'zz_scout_ir_truncate');
        EXECUTE format('CREATE TRIGGER zz_scout_ir_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION scout_internal.bronze_deleted()', t.leaf);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER zz_scout_ir_truncate', t.leaf);
        EXECUTE format('ALTER TRIGGER zz_scout_ir_truncate ON %s DEPENDS ON EXTENSION scout_ir', t.leaf);
    END LOOP;

    COMMENT ON TABLE scout.bronze_pending IS 'scout_ir pipeline schema 1: the queue of events that are still to load (one row per chunk)';
END
$$;
COMMENT ON FUNCTION scout_internal.make_triggers() IS
'The triggers of the pipeline''s tables; part of create_pipeline(), as the extension''s owner.';

-- Queues events that are in no state and gives keys to events without one: what attaching a partition, a
-- data-only restore, or a time without the extension leave behind.
CREATE FUNCTION scout_internal.seed_queue() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    queued bigint;
BEGIN
    -- A hash that somebody left out or made up while the triggers were away: the trigger makes the right one.
    -- A row without a document has no content to hash, and becomes a dead letter.
    UPDATE scout.bronze_events SET event_type = event_type
    WHERE octet_length(event_hash) IS DISTINCT FROM 16 AND event_data IS NOT NULL;

    INSERT INTO scout.bronze_event_keys (event_hash, event_id)
    SELECT b.event_hash, min(b.event_id) FROM scout.bronze_events b
    WHERE b.event_hash IS NOT NULL
      AND NOT EXISTS (SELECT FROM scout.bronze_event_keys k WHERE k.event_hash = b.event_hash)
      -- This transaction's own, whose keys are still to be written.
      AND NOT EXISTS (SELECT FROM scout_internal.unflushed_events() u WHERE u.event_id = b.event_id)
    GROUP BY b.event_hash
    ON CONFLICT (event_hash) DO NOTHING;

    WITH waiting AS (
        SELECT b.event_id, b.source_system, b.ingested_at,
               (row_number() OVER (PARTITION BY b.source_system ORDER BY b.event_id) - 1) / 1000 AS chunk
        FROM scout.bronze_events b
        WHERE NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id)
          AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d
                          WHERE d.event_id = b.event_id AND d.status IN ('open', 'discarded'))
          AND NOT EXISTS (SELECT FROM (SELECT generate_series(lower(r), upper(r) - 1) AS event_id
                                       FROM scout.bronze_pending p, unnest(p.events) r) q
                          WHERE q.event_id = b.event_id)
          AND NOT EXISTS (SELECT FROM scout_internal.unflushed_events() u WHERE u.event_id = b.event_id)
    ), chunked AS (
        INSERT INTO scout.bronze_pending (source_system, events, event_count, min_ingested_at, max_ingested_at)
        SELECT w.source_system, range_agg(int8range(w.event_id, w.event_id, '[]')), count(*), min(w.ingested_at), max(w.ingested_at)
        FROM waiting w GROUP BY w.source_system, w.chunk ORDER BY min(w.event_id)
        RETURNING event_count
    )
    SELECT coalesce(sum(event_count), 0) INTO queued FROM chunked;
    RETURN queued;
END
$$;
COMMENT ON FUNCTION scout_internal.seed_queue() IS
'Queues bronze events that are in no state and adds missing dedup keys; part of create_pipeline(), as the tables'' owner.';
