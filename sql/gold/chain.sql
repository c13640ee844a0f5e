-- dependency_chain(): what feeds a relation and what depends on it, and where the chain is broken or late.

-- Silver is fed by the loader, which no catalogue knows. A partitioned table reads its partitions.
CREATE FUNCTION scout_internal.feeds(relation regclass, upwards boolean)
RETURNS TABLE (feeder oid, fed oid)
LANGUAGE sql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE found (feeder, fed) AS (
    SELECT 0::oid, relation::oid WHERE upwards
    UNION SELECT relation::oid, 0::oid WHERE NOT upwards
    UNION
    SELECT x.feeder, x.fed
    FROM found f
    CROSS JOIN LATERAL (
        SELECT d.refobjid, w.ev_class FROM pg_rewrite w
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
        WHERE upwards AND w.ev_class = CASE f.feeder WHEN 0 THEN f.fed ELSE f.feeder END AND w.ev_type = '1' AND d.refobjid <> w.ev_class
        UNION ALL
        SELECT d.refobjid, w.ev_class FROM pg_depend d
        JOIN pg_rewrite w ON w.oid = d.objid AND w.ev_type = '1'
        WHERE NOT upwards AND d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid = CASE f.fed WHEN 0 THEN f.feeder ELSE f.fed END AND d.refobjid <> w.ev_class
        UNION ALL
        SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent AND c.relkind IN ('r', 'p', 'f')
        WHERE CASE WHEN upwards THEN i.inhparent = CASE f.feeder WHEN 0 THEN f.fed ELSE f.feeder END
                   ELSE i.inhrelid = CASE f.fed WHEN 0 THEN f.feeder ELSE f.fed END END
        UNION ALL
        SELECT b.oid, s.oid FROM pg_class b JOIN pg_class s ON s.relnamespace = b.relnamespace
        JOIN pg_namespace n ON n.oid = b.relnamespace AND n.nspname = 'scout'
        WHERE b.relname = 'bronze_events' AND s.relname IN ('silver_transactions', 'silver_line_items')
          AND CASE WHEN upwards THEN s.oid = CASE f.feeder WHEN 0 THEN f.fed ELSE f.feeder END
                   ELSE b.oid = CASE f.fed WHEN 0 THEN f.feeder ELSE f.fed END END) x (feeder, fed)
)
SELECT f.feeder, f.fed FROM found f WHERE f.feeder <> 0 AND f.fed <> 0
$$;
COMMENT ON FUNCTION scout_internal.feeds(regclass, boolean) IS
'Pairs of relations, from all that feeds a relation down to it, or from it down to all that it feeds.';

CREATE FUNCTION scout.dependency_chain(relation regclass)
RETURNS TABLE (level int, relation_name text, kind text, depends_on text, last_change timestamptz, status text, why text)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    subject "char" := (SELECT c.relkind FROM pg_class c WHERE c.oid = dependency_chain.relation);
    has_pipeline boolean := to_regclass('scout.bronze_pending') IS NOT NULL;
BEGIN
    IF dependency_chain.relation IS NULL THEN
        RAISE EXCEPTION 'dependency_chain: relation must not be NULL'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Give a table or view, such as ''scout.gold_daily_metrics''.';
    ELSIF subject IS NULL THEN
        RAISE EXCEPTION 'dependency_chain: there is no relation %', dependency_chain.relation::text
            USING ERRCODE = 'undefined_table', HINT = 'Gold views that are gone are in v_gold_freshness, as missing.';
    ELSIF subject NOT IN ('r', 'p', 'v', 'm', 'f') THEN
        RAISE EXCEPTION 'dependency_chain: % is no table or view', dependency_chain.relation
            USING ERRCODE = 'wrong_object_type', HINT = 'Give a table or view, such as ''scout.gold_daily_metrics''.';
    END IF;
    RETURN QUERY
    WITH RECURSIVE edges AS MATERIALIZED (
        SELECT e.feeder, e.fed, true AS up FROM scout_internal.feeds(dependency_chain.relation, true) e
        UNION ALL SELECT e.feeder, e.fed, false FROM scout_internal.feeds(dependency_chain.relation, false) e
    ), above (oid, level) AS (
        SELECT dependency_chain.relation::oid, 0
        UNION SELECT e.feeder, a.level - 1 FROM above a JOIN edges e ON e.up AND e.fed = a.oid
    ), below (oid, level) AS (
        SELECT dependency_chain.relation::oid, 0
        UNION SELECT e.fed, b.level + 1 FROM below b JOIN edges e ON NOT e.up AND e.feeder = b.oid
    ), members AS MATERIALIZED (
        SELECT m.oid, m.level, c.relkind, c.relispopulated, format('%I.%I', n.nspname, c.relname) AS name, n.nspname, c.relname,
               EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
                       AND i.indpred IS NULL AND i.indexprs IS NULL) AS has_key
        FROM (SELECT a.oid, min(a.level) AS level FROM above a GROUP BY 1
              UNION ALL SELECT b.oid, max(b.level) FROM below b WHERE b.level > 0 GROUP BY 1) m
        JOIN pg_class c ON c.oid = m.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    ), gold AS MATERIALIZED (
        SELECT v.view_id, g.* FROM scout.gold_freshness() g
        JOIN scout_internal.gold_views() v ON g.materialized_view = CASE v.view_schema WHEN 'scout' THEN '' ELSE quote_ident(v.view_schema) || '.' END
                                                           || quote_ident(v.view_name)
        WHERE has_pipeline
    ), ages AS MATERIALIZED (
        SELECT d.relation_schema, d.relation_name, max(f.max_loaded_at) AS latest,
               max(CASE f.status WHEN 'pass' THEN 0 WHEN 'warn' THEN 1 WHEN 'error' THEN 2 ELSE 3 END) AS worst,
               string_agg(concat_ws(': ', f.source, coalesce(f.details, 'newest row ' || coalesce(f.age::text || ' ago', 'unknown'))), '; ')
                   FILTER (WHERE f.status <> 'pass') AS details
        FROM scout_internal.dataset_list() d
        JOIN members m ON m.nspname = d.relation_schema AND m.relname = d.relation_name AND m.relkind <> 'm'
        CROSS JOIN LATERAL scout.freshness(ARRAY[d.dataset]) f
        GROUP BY 1, 2
    ), judged AS MATERIALIZED (
        SELECT m.*, coalesce(g.last_refresh, a.latest) AS last_change,
               CASE WHEN m.relkind = 'm' AND NOT m.relispopulated OR g.state = 'failed' OR a.worst = 3 THEN 'broken'
                    WHEN m.relkind = 'm' AND g.view_id IS NULL OR g.state NOT IN ('fresh', 'unsure') OR a.worst > 0 THEN 'late'
                    ELSE 'ok' END AS own_status,
               nullif(concat_ws('; ',
                   CASE WHEN m.relkind = 'm' AND g.view_id IS NULL AND NOT m.relispopulated THEN 'it holds no data' END,
                   CASE WHEN m.relkind = 'm' AND g.view_id IS NULL THEN 'it is not gold, nothing refreshes it: register_gold()' END,
                   CASE WHEN g.state = 'never refreshed' THEN 'never refreshed' END, g.why, a.details,
                   CASE WHEN m.relkind = 'f' THEN 'a foreign table: what changes there is not seen' END,
                   CASE WHEN m.relkind = 'm' AND NOT m.has_key THEN 'no unique index on plain columns: its refresh keeps readers out' END), '') AS own_why
        FROM members m
        LEFT JOIN gold g ON g.view_id = m.oid
        LEFT JOIN ages a ON a.relation_schema = m.nspname AND a.relation_name = m.relname
    ), reach (oid, feeder) AS (
        SELECT e.fed, e.feeder FROM edges e
        UNION SELECT r.oid, e.feeder FROM reach r JOIN edges e ON e.fed = r.feeder
    )
    SELECT j.level, j.name,
           CASE j.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END,
           (SELECT string_agg(DISTINCT d.name, ', ') FROM edges e JOIN members d ON d.oid = e.feeder WHERE e.fed = j.oid),
           j.last_change,
           CASE WHEN j.own_status = 'ok' AND b.names IS NOT NULL THEN 'late' ELSE j.own_status END,
           nullif(concat_ws('; ', j.own_why, CASE WHEN j.relkind = 'v' THEN 'it reads what is broken or late: ' || b.names END), '')
    FROM judged j
    LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT o.name, ', ') AS names FROM reach r JOIN judged o ON o.oid = r.feeder
        WHERE r.oid = j.oid AND j.relkind = 'v' AND o.relkind = 'm' AND o.own_status <> 'ok') b ON true
    ORDER BY j.level, j.name;
END
$$;
COMMENT ON FUNCTION scout.dependency_chain(regclass) IS
'What feeds a table or view (level below 0), and what depends on it (above 0), with the state of each: ok, late or broken, and why.';
