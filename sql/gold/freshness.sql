-- Gold: what each view reads, and what it lacks.
--
-- A view is fresh only where that is certain. Three things are compared with what was noted before its newest
-- refresh began: runs of the pipeline, by transaction and snapshot, so that a commit that came late counts; the file or
-- definition of every relation that it reads, down to the next materialized view; the server's count of rows written
-- to each, which also hands that wrote past the pipeline change. Counts come in late: a session reports them when it
-- goes idle, up to 10 s later, so that while one may still hold some the view is unsure. A view that reads a stale
-- one is stale; of one that is registered as disabled, so that others refresh it, the contents count as they are.

CREATE FUNCTION scout_internal.writes_unreported(since timestamptz, before timestamptz DEFAULT NULL)
RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_writes_unreported';
COMMENT ON FUNCTION scout_internal.writes_unreported(timestamptz, timestamptz) IS
'May another session of this database have committed rows after that moment that the server''s statistics do not count yet? before: only sessions whose transaction began before it.';

-- Changes whenever the counts may have started again: after a crash, a reset, in a copy of the database.
CREATE FUNCTION scout_internal.statistics_epoch()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET stats_fetch_consistency = 'none'
SET timezone = 'UTC'
AS $$
SELECT CASE WHEN current_setting('track_counts')::boolean
            THEN concat_ws('/', d.oid, coalesce(pg_stat_get_db_stat_reset_time(d.oid)::text, '-'), pg_stat_get_bgwriter_stat_reset_time()) END
FROM pg_database d WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION scout_internal.statistics_epoch() IS
'Names the stretch of time in which the server''s counts of rows written can be compared; NULL where it does not count.';

-- near: not only through another materialized view.
CREATE FUNCTION scout_internal.gold_reads()
RETURNS TABLE (view_id oid, source_id oid, kind "char", near boolean)
LANGUAGE sql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE reads (view_id, source_id, kind, near) AS (
    SELECT v.view_id, v.view_id, 'm'::"char", true FROM scout_internal.gold_views() v WHERE v.view_id IS NOT NULL
    UNION
    SELECT r.view_id, c.oid, c.relkind, r.near AND (r.source_id = r.view_id OR r.kind <> 'm')
    FROM reads r
    CROSS JOIN LATERAL (
        SELECT d.refobjid FROM pg_rewrite w
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
        WHERE w.ev_class = r.source_id AND w.ev_type = '1' AND d.refobjid <> w.ev_class
        UNION
        SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = r.source_id) x (source_id)
    JOIN pg_class c ON c.oid = x.source_id
)
SELECT r.view_id, r.source_id, r.kind, bool_or(r.near) FROM reads r WHERE r.source_id <> r.view_id GROUP BY 1, 2, 3
$$;
COMMENT ON FUNCTION scout_internal.gold_reads() IS
'What each gold view reads: relations of every kind, through views, down to tables and their partitions.';

CREATE FUNCTION scout_internal.gold_marks()
RETURNS TABLE (view_id oid, source_id oid, mark text, writes bigint)
LANGUAGE sql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp
SET stats_fetch_consistency = 'none'
AS $$
SELECT r.view_id, r.source_id,
       CASE WHEN r.kind IN ('r', 'm') THEN 'file ' || pg_relation_filenode(r.source_id)
            ELSE concat_ws(' ', r.kind, (SELECT w.xmin || ' ' || w.ctid FROM pg_rewrite w WHERE w.ev_class = r.source_id AND w.ev_type = '1')) END,
       -- What this session has not reported yet counts, too.
       CASE WHEN r.kind IN ('r', 'm') THEN
           coalesce(pg_stat_get_tuples_inserted(r.source_id) + pg_stat_get_tuples_updated(r.source_id)
                    + pg_stat_get_tuples_deleted(r.source_id), 0)
           + coalesce(pg_stat_get_xact_tuples_inserted(r.source_id) + pg_stat_get_xact_tuples_updated(r.source_id)
                      + pg_stat_get_xact_tuples_deleted(r.source_id), 0) END
FROM (SELECT g.view_id, g.source_id, g.kind FROM scout_internal.gold_reads() g WHERE g.near
      UNION ALL SELECT v.view_id, v.view_id, 'm'::"char" FROM scout_internal.gold_views() v WHERE v.view_id IS NOT NULL) r
$$;
COMMENT ON FUNCTION scout_internal.gold_marks() IS
'File or definition, and count of rows written, of each gold view and of what it reads down to the next materialized view.';

-- A view's own contents are among its sources: a REFRESH by hand changes them to a state that nobody noted.
CREATE FUNCTION scout.gold_freshness()
RETURNS TABLE (materialized_view text, latest_silver_data timestamptz, last_refresh timestamptz, seconds_behind numeric,
               status text, state text, why text, lacking_rows bigint, lacking_from timestamptz, lacking_to timestamptz,
               duration_ms numeric, age interval, warn_after interval, error_after interval, curable boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    counted text := scout_internal.statistics_epoch();
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH views AS MATERIALIZED (
        SELECT v.*, c.relispopulated, b.taken_at, b.snapshot, b.txid, b.last_run, b.unknown, b.epoch,
               newest.status AS newest_status, good.started_at, good.finished_at, good.duration_ms
        FROM scout_internal.gold_views() v
        LEFT JOIN pg_class c ON c.oid = v.view_id
        LEFT JOIN scout_internal.gold_baselines b ON b.view_id = v.view_id
        LEFT JOIN LATERAL (
            SELECT g.status FROM scout_internal.gold_refreshes g
            WHERE g.view_schema = v.view_schema AND g.view_name = v.view_name AND g.status NOT LIKE 'skipped%'
            ORDER BY g.refresh_id DESC LIMIT 1) newest ON true
        LEFT JOIN LATERAL (
            SELECT g.started_at, g.finished_at, g.duration_ms FROM scout_internal.gold_refreshes g
            WHERE g.view_schema = v.view_schema AND g.view_name = v.view_name AND g.status = 'refreshed'
            ORDER BY g.refresh_id DESC LIMIT 1) good ON true
    ), reads AS MATERIALIZED (
        SELECT r.*, r.source_id IN (coalesce(to_regclass('scout.silver_transactions'), 0), coalesce(to_regclass('scout.silver_line_items'), 0)) AS silver
        FROM scout_internal.gold_reads() r
    ), silver AS (
        SELECT r.finished_at AS latest FROM scout_internal.etl_runs r
        WHERE r.transactions_created > 0 OR r.transactions_updated > 0 OR r.transactions_removed > 0
        ORDER BY r.finished_at DESC LIMIT 1
    ), changed AS (
        SELECT coalesce(n.view_id, o.view_id) AS view_id,
               string_agg(coalesce(c.oid::regclass::text, 'a relation that is gone'), ', ' ORDER BY c.oid::regclass::text) AS sources,
               bool_or(NOT coalesce(r.silver, false)) AS beside_silver
        FROM scout_internal.gold_marks() n
        FULL JOIN scout_internal.gold_sources o ON o.view_id = n.view_id AND o.source_id = n.source_id
        LEFT JOIN pg_class c ON c.oid = coalesce(n.source_id, o.source_id)
        LEFT JOIN reads r ON r.view_id = n.view_id AND r.source_id = n.source_id
        WHERE (n.mark, n.writes) IS DISTINCT FROM (o.mark, o.writes)
        GROUP BY 1
    ), own AS MATERIALIZED (
        SELECT v.*, reads_silver.far AS far_silver, runs.*, first_run.at AS first_run,
               CASE WHEN v.snapshot IS NULL THEN NULL
                    ELSE nullif(concat_ws('; ',
                    CASE WHEN runs.runs > 0 THEN format('silver has changed: %s transactions created, %s updated, %s removed by %s%s runs',
                         runs.created, runs.updated, runs.removed, CASE WHEN runs.runs > 1000 THEN 'more than ' END, least(runs.runs, 1000)) END,
                    CASE WHEN v.epoch IS DISTINCT FROM counted OR counted IS NULL
                         THEN 'what was written since its last refresh is not known: the server''s counts were lost, reset or are off'
                         WHEN changed.beside_silver OR runs.runs = 0 THEN 'changed since its last refresh: ' || changed.sources END,
                    'it reads what was refreshed since: ' || refreshed_below.names, 'it ' || v.unknown), '') END AS own_why,
               alien.names AS alien
        FROM views v
        LEFT JOIN changed ON changed.view_id = v.view_id
        LEFT JOIN LATERAL (SELECT bool_or(r.silver) AS far, bool_or(r.silver AND r.near) AS near FROM reads r WHERE r.view_id = v.view_id) reads_silver ON true
        LEFT JOIN LATERAL (
            SELECT count(*) AS runs, sum(x.transactions_created) AS created, sum(x.transactions_updated) AS updated,
                   sum(x.transactions_removed) AS removed, min(x.finished_at) AS since, min(x.started_at) AS lacks_from, max(x.finished_at) AS lacks_to
            FROM (SELECT * FROM scout_internal.etl_runs r
                  WHERE (r.transactions_created > 0 OR r.transactions_updated > 0 OR r.transactions_removed > 0)
                    AND r.txid >= pg_snapshot_xmin(v.snapshot)
                    -- A snapshot does not list its own transaction.
                    AND CASE WHEN r.txid = v.txid THEN r.run_id > v.last_run ELSE NOT pg_visible_in_snapshot(r.txid, v.snapshot) END
                  ORDER BY r.txid LIMIT 1001) x
            WHERE reads_silver.near) runs ON true
        LEFT JOIN LATERAL (
            SELECT r.finished_at AS at FROM scout_internal.etl_runs r
            WHERE (r.transactions_created > 0 OR r.transactions_updated > 0 OR r.transactions_removed > 0)
              AND v.started_at IS NULL AND reads_silver.far
            ORDER BY r.finished_at LIMIT 1) first_run ON true
        LEFT JOIN LATERAL (
            SELECT string_agg(o.relation, ', ' ORDER BY o.relation) AS names
            FROM reads r JOIN views o ON o.view_id = r.source_id AND o.taken_at > v.taken_at
            WHERE r.view_id = v.view_id AND r.near) refreshed_below ON true
        LEFT JOIN LATERAL (
            SELECT string_agg(r.source_id::regclass::text, ', ' ORDER BY r.source_id::regclass::text) AS names
            FROM reads r WHERE r.view_id = v.view_id AND r.near AND r.kind = 'm'
              AND NOT EXISTS (SELECT FROM views o WHERE o.view_id = r.source_id)) alien ON true
    ), bad AS MATERIALIZED (
        SELECT o.*, CASE WHEN o.started_at IS NULL THEN coalesce(o.first_run, o.registered_at)
                         WHEN o.runs > 0 THEN o.since
                         WHEN o.own_why IS NOT NULL OR o.alien IS NOT NULL THEN o.taken_at
                         WHEN o.snapshot IS NULL THEN o.started_at END AS own_since,
               NOT o.relispopulated OR o.refusal IS DISTINCT FROM 'disabled'
                   AND (o.started_at IS NULL OR o.snapshot IS NULL OR o.own_why IS NOT NULL OR o.alien IS NOT NULL) AS own_stale,
               o.refusal IS NULL AND (o.started_at IS NULL OR o.snapshot IS NULL OR o.own_why IS NOT NULL OR NOT o.relispopulated
                                      OR o.newest_status LIKE 'failed%') AS own_curable
        FROM own o
    ), judged AS (
        SELECT b.*, below.names AS below, b.refusal IS NULL AND (b.own_curable OR coalesce(below.curable, false)) AS curable, CASE WHEN b.own_stale OR below.names IS NOT NULL THEN least(b.own_since, below.since) END AS waits_since,
               CASE WHEN b.view_id IS NULL THEN 'missing'
                    WHEN b.refusal = 'disabled' THEN 'disabled'
                    WHEN NOT b.relispopulated THEN 'not populated'
                    WHEN b.newest_status LIKE 'failed%' THEN 'failed'
                    WHEN b.started_at IS NULL THEN 'never refreshed'
                    WHEN b.own_stale OR below.names IS NOT NULL THEN 'stale'
                    WHEN scout_internal.writes_unreported(b.taken_at) THEN 'unsure'
                    ELSE 'fresh' END AS state
        FROM bad b
        LEFT JOIN LATERAL (
            SELECT string_agg(o.relation, ', ' ORDER BY o.relation) AS names, min(o.own_since) AS since, bool_or(o.own_curable) AS curable
            FROM reads r JOIN bad o ON o.view_id = r.source_id AND o.own_stale
            WHERE r.view_id = b.view_id) below ON true
    ), waiting AS (
        SELECT j.*, CASE WHEN j.state NOT IN ('missing', 'disabled') THEN
            round(greatest(coalesce(extract(epoch FROM statement_timestamp() - j.waits_since), 0), 0), 1) END AS behind
        FROM judged j
    )
    SELECT CASE w.view_schema WHEN 'scout' THEN '' ELSE quote_ident(w.view_schema) || '.' END || quote_ident(w.view_name),
           CASE WHEN w.far_silver THEN (SELECT s.latest FROM silver s) END,
           w.finished_at, w.behind,
           CASE WHEN w.state IN ('missing', 'disabled') THEN w.state
                WHEN w.state = 'failed' OR w.state = 'not populated' AND w.started_at IS NOT NULL THEN 'error'
                WHEN w.started_at IS NULL THEN 'never'
                WHEN w.behind > extract(epoch FROM w.error_after) THEN 'error'
                WHEN w.behind > extract(epoch FROM w.warn_after) THEN 'warn'
                ELSE 'pass' END,
           w.state,
           nullif(concat_ws('; ', w.refusal,
               CASE WHEN w.state = 'not populated' THEN 'it holds no data' END,
               CASE WHEN w.newest_status LIKE 'failed%' THEN 'its last refresh ' || w.newest_status END,
               CASE WHEN w.view_id IS NOT NULL AND w.started_at IS NOT NULL AND w.snapshot IS NULL
                    THEN 'what its last refresh read is not known: it was restored, made again, or refreshed elsewhere' END,
               w.own_why, 'it reads what is stale: ' || w.below,
               'it reads a materialized view that is not gold: ' || w.alien,
               CASE WHEN w.state = 'unsure' THEN 'another session may have written, and not reported it yet' END), ''),
           (w.created + w.updated + w.removed)::bigint, w.lacks_from, w.lacks_to, w.duration_ms,
           statement_timestamp() - w.finished_at, w.warn_after, w.error_after,
           -- What may have been lacking for so long is refreshed even where it may not.
           w.curable OR w.state = 'unsure' AND scout_internal.writes_unreported(w.taken_at, statement_timestamp() - w.warn_after)
    FROM waiting w
    ORDER BY w.view_schema <> 'scout', w.view_schema, w.view_name;
END
$$;
COMMENT ON FUNCTION scout.gold_freshness() IS
'One row per gold view. status: pass, warn, error, never, missing or disabled; state: missing, disabled, not populated, failed (its newest refresh), never refreshed, stale, unsure or fresh. seconds_behind is how long a change has been waiting for a refresh, 0 when none is, at most since the last refresh where its time is not known; curable: a refresh can help.';

CREATE VIEW scout.v_gold_freshness AS
SELECT materialized_view, latest_silver_data, last_refresh, seconds_behind, status, state, why,
       lacking_rows, lacking_from, lacking_to, duration_ms, age, warn_after, error_after, curable
FROM scout.gold_freshness();
COMMENT ON VIEW scout.v_gold_freshness IS 'Freshness of each gold view, and why one is stale: gold_freshness().';
