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

CREATE FUNCTION scout.gold_freshness()
RETURNS TABLE (materialized_view text, latest_silver_data timestamptz, last_refresh timestamptz, seconds_behind numeric,
               status text, state text, why text, lacking_rows bigint, lacking_from timestamptz, lacking_to timestamptz,
               duration_ms numeric, age interval, warn_after interval, error_after interval, curable boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    WITH findings AS MATERIALIZED (
        SELECT * FROM scout_internal.gold_findings()
    ), reads AS MATERIALIZED (
        SELECT r.view_id, r.source_id FROM scout_internal.gold_reads() r
    ), judged AS (
        SELECT f.*, below.names AS below, f.refusal IS NULL AND (f.curable OR coalesce(below.curable, false)) AS may_be_cured,
               CASE WHEN f.stale OR below.names IS NOT NULL THEN least(f.since, below.since) END AS waits_since,
               CASE WHEN f.view_id IS NULL THEN 'missing'
                    WHEN f.refusal = 'disabled' THEN 'disabled'
                    WHEN NOT f.relispopulated THEN 'not populated'
                    WHEN f.newest_error IS NOT NULL THEN 'failed'
                    WHEN f.started_at IS NULL THEN 'never refreshed'
                    WHEN f.stale OR below.names IS NOT NULL THEN 'stale'
                    WHEN scout_internal.writes_unreported(f.taken_at) THEN 'unsure'
                    ELSE 'fresh' END AS state
        FROM findings f
        LEFT JOIN LATERAL (
            SELECT string_agg(o.relation, ', ' ORDER BY o.relation) AS names, min(o.since) AS since, bool_or(o.curable) AS curable
            FROM reads r JOIN findings o ON o.view_id = r.source_id AND o.stale
            WHERE r.view_id = f.view_id) below ON true
    ), waiting AS (
        SELECT j.*, CASE WHEN j.state NOT IN ('missing', 'disabled') THEN
            round(greatest(coalesce(extract(epoch FROM statement_timestamp() - j.waits_since), 0), 0), 1) END AS behind
        FROM judged j
    )
    SELECT CASE w.view_schema WHEN 'scout' THEN '' ELSE quote_ident(w.view_schema) || '.' END || quote_ident(w.view_name),
           CASE WHEN w.far_silver THEN (SELECT r.finished_at FROM scout_internal.etl_runs r WHERE r.changed_silver
                                        ORDER BY r.finished_at DESC LIMIT 1) END,
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
               'its last refresh failed: ' || w.newest_error,
               CASE WHEN w.view_id IS NOT NULL AND w.started_at IS NOT NULL AND NOT w.has_baseline
                    THEN 'what its last refresh read is not known: it was restored, made again, or refreshed elsewhere' END,
               w.why, 'it reads what is stale: ' || w.below,
               'it reads a materialized view that is not gold: ' || w.alien,
               CASE WHEN w.state = 'unsure' THEN 'another session may have written, and not reported it yet' END), ''),
           w.lacking_rows, w.lacks_from, w.lacks_to, w.duration_ms,
           statement_timestamp() - w.finished_at, w.warn_after, w.error_after,
           -- What may have been lacking for so long is refreshed even where it may not.
           w.may_be_cured OR w.state = 'unsure' AND scout_internal.writes_unreported(w.taken_at, statement_timestamp() - w.warn_after)
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
