-- What gold_freshness() is made of: the history of each view, what has changed below it, and what it lacks of that.

-- Each gold view, the error of its newest refresh, if that failed, and its last good one.
CREATE FUNCTION scout_internal.gold_history()
RETURNS TABLE (view_id oid, view_schema name, view_name name, relation text, warn_after interval, error_after interval,
               registered_at timestamptz, refusal text, relispopulated boolean, taken_at timestamptz, snapshot pg_snapshot,
               txid xid8, last_run bigint, unknown text, epoch text, newest_error text, started_at timestamptz,
               finished_at timestamptz, duration_ms numeric)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT v.view_id, v.view_schema, v.view_name, v.relation, coalesce(v.warn_after, l.warn_after),
           coalesce(v.error_after, l.error_after), v.registered_at, v.refusal, c.relispopulated, b.taken_at, b.snapshot, b.txid, b.last_run, b.unknown, b.epoch,
           newest.error_message, good.started_at, good.finished_at, good.duration_ms
    FROM scout_internal.gold_views() v CROSS JOIN scout_internal.freshness_limits('gold'::text) l
    LEFT JOIN pg_class c ON c.oid = v.view_id
    LEFT JOIN scout_internal.gold_baselines b ON b.view_id = v.view_id
    LEFT JOIN LATERAL (
        SELECT g.error_message FROM scout_internal.gold_refreshes g
        WHERE g.view_schema = v.view_schema AND g.view_name = v.view_name AND g.status <> 'skipped'
        ORDER BY g.refresh_id DESC LIMIT 1) newest ON true
    LEFT JOIN LATERAL (
        SELECT g.started_at, g.finished_at, g.duration_ms FROM scout_internal.gold_refreshes g
        WHERE g.view_schema = v.view_schema AND g.view_name = v.view_name AND g.status = 'refreshed'
        ORDER BY g.refresh_id DESC LIMIT 1) good ON true;
END
$$;
COMMENT ON FUNCTION scout_internal.gold_history() IS
'Gold views with the baseline of their newest refresh, its outcome, and their last good refresh: part of gold_freshness().';

-- A view's own contents are among its sources: a REFRESH by hand changes them to a state that nobody noted.
CREATE FUNCTION scout_internal.gold_changes()
RETURNS TABLE (view_id oid, sources text, beside_silver boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    silver oid[] := ARRAY[to_regclass('scout.silver_transactions'), to_regclass('scout.silver_line_items')];
BEGIN
    RETURN QUERY
    SELECT coalesce(n.view_id, o.view_id),
           string_agg(coalesce(c.oid::regclass::text, 'a relation that is gone'), ', ' ORDER BY c.oid::regclass::text),
           bool_or(n.source_id IS NULL OR coalesce(n.source_id <> ALL (silver), true))
    FROM scout_internal.gold_marks() n
    FULL JOIN scout_internal.gold_sources o ON o.view_id = n.view_id AND o.source_id = n.source_id
    LEFT JOIN pg_class c ON c.oid = coalesce(n.source_id, o.source_id)
    WHERE (n.mark, n.writes) IS DISTINCT FROM (o.mark, o.writes)
    GROUP BY 1;
END
$$;
COMMENT ON FUNCTION scout_internal.gold_changes() IS
'Sources of each gold view that are not as they were before its newest refresh: part of gold_freshness().';

-- Counts up to 1,001 runs. A snapshot does not list its own transaction.
CREATE FUNCTION scout_internal.runs_unseen(snapshot pg_snapshot, txid xid8, last_run bigint)
RETURNS TABLE (runs bigint, created numeric, updated numeric, removed numeric, since timestamptz, lacks_from timestamptz,
               lacks_to timestamptz)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT count(*), sum(x.transactions_created), sum(x.transactions_updated), sum(x.transactions_removed),
           min(x.finished_at), min(x.started_at), max(x.finished_at)
    FROM (SELECT * FROM scout_internal.etl_runs r
          WHERE r.changed_silver AND r.txid >= pg_snapshot_xmin(runs_unseen.snapshot)
            AND CASE WHEN r.txid = runs_unseen.txid THEN r.run_id > runs_unseen.last_run
                     ELSE NOT pg_visible_in_snapshot(r.txid, runs_unseen.snapshot) END
          ORDER BY r.txid LIMIT 1001) x;
END
$$;
COMMENT ON FUNCTION scout_internal.runs_unseen(pg_snapshot, xid8, bigint) IS
'What runs that changed silver have done that a snapshot does not see: part of gold_freshness().';

-- What each view lacks, or may lack, by itself; that it reads what is stale is another matter.
CREATE FUNCTION scout_internal.gold_findings()
RETURNS TABLE (view_id oid, view_schema name, view_name name, relation text, warn_after interval, error_after interval,
               refusal text, relispopulated boolean, newest_error text, taken_at timestamptz, has_baseline boolean, reads oid[],
               started_at timestamptz, finished_at timestamptz, duration_ms numeric, far_silver boolean,
               lacking_rows bigint, lacks_from timestamptz, lacks_to timestamptz, why text, alien text,
               since timestamptz, stale boolean, curable boolean)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    counted text := scout_internal.statistics_epoch();
    silver oid[] := ARRAY[to_regclass('scout.silver_transactions'), to_regclass('scout.silver_line_items')];
BEGIN
    RETURN QUERY
    WITH views AS MATERIALIZED (
        SELECT * FROM scout_internal.gold_history()
    ), reads AS MATERIALIZED (
        SELECT r.*, coalesce(r.source_id = ANY (silver), false) AS silver FROM scout_internal.gold_reads() r
    ), own AS (
        SELECT v.*, below.materialized, below.far_silver AS far, lacks.*, first_run.at AS first_run, aliens.names AS alien,
               CASE WHEN v.snapshot IS NOT NULL THEN nullif(concat_ws('; ',
                   CASE WHEN lacks.runs > 0 THEN format('silver has changed: %s transactions created, %s updated, %s removed by %s%s runs',
                        lacks.created, lacks.updated, lacks.removed, CASE WHEN lacks.runs > 1000 THEN 'more than ' END,
                        least(lacks.runs, 1000)) END,
                   CASE WHEN v.epoch IS DISTINCT FROM counted OR counted IS NULL
                        THEN 'what was written since its last refresh is not known: the server''s counts were lost, reset or are off'
                        WHEN changed.beside_silver OR lacks.runs = 0 THEN 'changed since its last refresh: ' || changed.sources END,
                   'it reads what was refreshed since: ' || refreshed_below.names, 'it ' || v.unknown), '') END AS why
        FROM views v
        LEFT JOIN scout_internal.gold_changes() changed ON changed.view_id = v.view_id
        CROSS JOIN LATERAL (
            SELECT bool_or(r.silver) AS far_silver, bool_or(r.silver AND r.near) AS near_silver,
                   array_agg(r.source_id) FILTER (WHERE r.kind = 'm') AS materialized
            FROM reads r WHERE r.view_id = v.view_id) below
        LEFT JOIN LATERAL scout_internal.runs_unseen(v.snapshot, v.txid, v.last_run) lacks ON below.near_silver
        LEFT JOIN LATERAL (
            SELECT r.finished_at AS at FROM scout_internal.etl_runs r
            WHERE r.changed_silver AND v.started_at IS NULL AND below.far_silver
            ORDER BY r.finished_at LIMIT 1) first_run ON true
        LEFT JOIN LATERAL (
            SELECT string_agg(o.relation, ', ' ORDER BY o.relation) AS names
            FROM reads r JOIN views o ON o.view_id = r.source_id AND o.taken_at > v.taken_at
            WHERE r.view_id = v.view_id AND r.near) refreshed_below ON true
        LEFT JOIN LATERAL (
            SELECT string_agg(r.source_id::regclass::text, ', ' ORDER BY r.source_id::regclass::text) AS names
            FROM reads r WHERE r.view_id = v.view_id AND r.near AND r.kind = 'm'
              AND NOT EXISTS (SELECT FROM views o WHERE o.view_id = r.source_id)) aliens ON true
    )
    SELECT o.view_id, o.view_schema, o.view_name, o.relation, o.warn_after, o.error_after, o.refusal, o.relispopulated,
           o.newest_error, o.taken_at, o.snapshot IS NOT NULL, o.materialized, o.started_at, o.finished_at, o.duration_ms, o.far,
           (o.created + o.updated + o.removed)::bigint, o.lacks_from, o.lacks_to, o.why, o.alien,
           CASE WHEN o.started_at IS NULL THEN coalesce(o.first_run, o.registered_at)
                WHEN o.runs > 0 THEN o.since
                WHEN o.why IS NOT NULL OR o.alien IS NOT NULL THEN o.taken_at
                WHEN o.snapshot IS NULL THEN o.started_at END,
           NOT o.relispopulated OR o.refusal IS DISTINCT FROM 'disabled'
               AND (o.started_at IS NULL OR o.snapshot IS NULL OR o.why IS NOT NULL OR o.alien IS NOT NULL),
           o.refusal IS NULL AND (o.started_at IS NULL OR o.snapshot IS NULL OR o.why IS NOT NULL OR NOT o.relispopulated
                                  OR o.newest_error IS NOT NULL)
    FROM own o;
END
$$;
COMMENT ON FUNCTION scout_internal.gold_findings() IS
'What each gold view lacks by itself, since when, and whether a refresh can help: part of gold_freshness().';
