-- Jobs: looking at them, steering them, and the calls that are nothing but jobs.

CREATE FUNCTION scout.job_home() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_job_home';
COMMENT ON FUNCTION scout.job_home() IS
'This database of this cluster, as jobs name it: a job that came with a dump from elsewhere does not start by itself.';

-- "running" is what a lock says: a job whose workers died reads as interrupted.
CREATE FUNCTION scout.job_list(job_id bigint DEFAULT NULL)
RETURNS TABLE (job_id bigint, kind text, arguments jsonb, state text, asked_by text, session_role name,
               acting_role name, worker_pids int[], workers int, done bigint, total bigint, unit text,
               percent numeric, rows_per_second numeric, estimated_finish timestamptz,
               transactions_created bigint, transactions_updated bigint, transactions_removed bigint,
               line_items_created bigint, events_dead_lettered bigint, dead_letters_resolved bigint,
               last_position bigint, attempts int, next_attempt_at timestamptz, error_sqlstate text,
               error_message text, error_detail text, error_hint text, idempotency_key text,
               scheduled boolean, cancelled_by text, created_at timestamptz, started_at timestamptz,
               finished_at timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT r.job_id, r.kind, r.arguments,
       CASE WHEN pg_is_in_recovery() THEN r.state  -- locks are the primary's
            WHEN r.state = 'running' AND l.pids IS NULL OR r.state = 'queued' AND r.home <> scout.job_home()
            THEN 'interrupted' ELSE r.state END,
       r.actor, r.session_role, r.acting_role, l.pids, r.workers, w.done, r.total, r.unit,
       CASE WHEN r.total > 0 THEN least(100, round(100.0 * w.done / r.total, 1)) END,
       s.per_second,
       CASE WHEN r.state = 'running' AND l.pids IS NOT NULL AND s.per_second > 0
            THEN clock_timestamp() + greatest(0, r.total - w.done) / s.per_second * interval '1 second' END,
       w.created, w.updated, w.removed, w.lines, w.dead_lettered, w.resolved, w.last_position,
       r.attempts, r.next_attempt_at, r.error_sqlstate, r.error_message, r.error_detail, r.error_hint,
       r.idempotency_key, r.scheduled, r.cancelled_by, r.created_at, r.started_at, r.finished_at
FROM scout.job_records r
CROSS JOIN LATERAL (
    SELECT coalesce(sum(x.done), 0)::bigint AS done, coalesce(sum(x.transactions_created), 0)::bigint AS created,
           coalesce(sum(x.transactions_updated), 0)::bigint AS updated,
           coalesce(sum(x.transactions_removed), 0)::bigint AS removed,
           coalesce(sum(x.line_items_created), 0)::bigint AS lines,
           coalesce(sum(x.events_dead_lettered), 0)::bigint AS dead_lettered,
           coalesce(sum(x.letters_resolved), 0)::bigint AS resolved,
           max(x.last_position) AS last_position, max(x.updated_at) AS updated_at
    FROM scout.job_workers x WHERE x.job_id = r.job_id) w
LEFT JOIN LATERAL (
    SELECT array_agg(k.pid ORDER BY k.objid::bigint) AS pids FROM pg_locks k
    WHERE k.locktype = 'advisory' AND k.objsubid = 21316 AND k.granted AND k.classid::bigint = r.job_id & 4294967295
      AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) l ON r.finished_at IS NULL
CROSS JOIN LATERAL (
    SELECT CASE WHEN w.updated_at > r.attempt_at AND w.done > r.done_before
           THEN round((w.done - r.done_before) / extract(epoch FROM
                coalesce(r.finished_at, w.updated_at) - r.attempt_at), 1) END AS per_second) s
WHERE job_list.job_id IS NULL OR r.job_id = job_list.job_id
ORDER BY r.job_id
$$;
COMMENT ON FUNCTION scout.job_list(bigint) IS
'Jobs, oldest first, or one of them: what was asked, by whom, how far it is, how fast, how it ended.';

CREATE VIEW scout.jobs AS SELECT * FROM scout.job_list();
COMMENT ON VIEW scout.jobs IS 'All jobs that are kept: job_list().';

CREATE FUNCTION scout.job(job_id bigint) RETURNS SETOF scout.jobs
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM scout.job_list(job.job_id) WHERE job.job_id IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no job %', coalesce(job.job_id::text, 'NULL')
            USING ERRCODE = 'no_data_found',
                  HINT = 'SELECT * FROM scout.jobs; ended jobs are kept for scout_ir.history_retention.';
    END IF;
END
$$;
COMMENT ON FUNCTION scout.job(bigint) IS 'One job, for polling: STABLE, also through GET of a REST gateway.';

CREATE FUNCTION scout.cancel_job(job_id bigint, reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, state_before text, state text, workers_interrupted int)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_cancel_job';
COMMENT ON FUNCTION scout.cancel_job(bigint, text) IS
'Ends a job: what its workers have committed stays, the batch that they are in is rolled back when this transaction commits.';

CREATE FUNCTION scout.resume_job(job_id bigint)
RETURNS TABLE (job_id bigint, state_before text, state text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_resume_job';
COMMENT ON FUNCTION scout.resume_job(bigint) IS
'Goes on with a job that was interrupted, cancelled or failed, from its last committed batch; its worker starts when this transaction commits.';

CREATE FUNCTION scout.wait_for_job(job_id bigint, timeout interval DEFAULT NULL)
RETURNS TABLE (job_id bigint, state text, done bigint, total bigint, timed_out boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_wait_for_job';
COMMENT ON FUNCTION scout.wait_for_job(bigint, interval) IS
'Waits until a job has ended or is interrupted, at most so long; shows progress. To cancel the wait does not cancel the job.';

CREATE FUNCTION scout.load_backlog(
    batch_size int DEFAULT 2000, workers int DEFAULT 1, wait boolean DEFAULT true, max_events bigint DEFAULT NULL,
    skip_if_running boolean DEFAULT false, idempotency_key text DEFAULT NULL)
RETURNS TABLE (events_processed bigint, transactions_created bigint, line_items_created bigint,
               transactions_updated bigint, events_dead_lettered bigint, duration_ms numeric, backlog bigint,
               job_id bigint, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_load_backlog';
COMMENT ON FUNCTION scout.load_backlog(int, int, boolean, bigint, boolean, text) IS
'Loads all events that wait now, batch by batch, each committed by itself; honours a pause.';
