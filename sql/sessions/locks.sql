-- Who holds and who waits for the extension's own advisory locks, and the end of those that are stuck.
--
-- A prepared transaction has no process; its lock on its own transaction id leads from its virtual transaction to
-- its name.
CREATE FUNCTION scout.locks()
RETURNS TABLE (lock_name text, mode text, granted boolean, pid int, backend_type text, usename name,
               application_name text, state text, job_id bigint, worker_no int, since timestamptz, age interval,
               query text, blocked_by int[], backend_start timestamptz, xact_start timestamptz,
               virtual_transaction text, gid text)
LANGUAGE sql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
SELECT o.lock_name, o.mode, o.granted, o.pid, a.backend_type, coalesce(a.usename, p.owner), a.application_name,
       CASE WHEN o.pid IS NULL THEN 'prepared' ELSE a.state END,
       o.job_id, o.worker_no, s.since, clock_timestamp() - s.since, a.query,
       CASE WHEN o.granted OR o.pid IS NULL THEN '{}' ELSE pg_blocking_pids(o.pid) END,
       a.backend_start, coalesce(a.xact_start, p.prepared), o.virtualtransaction, p.gid
FROM scout_internal.our_locks o
LEFT JOIN pg_stat_activity a ON a.pid = o.pid
LEFT JOIN LATERAL (
    SELECT x.gid, x.owner, x.prepared
    FROM pg_locks t JOIN pg_prepared_xacts x ON x.transaction = t.transactionid
    WHERE o.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid' AND t.virtualtransaction = o.virtualtransaction
) p ON true
CROSS JOIN LATERAL (SELECT CASE WHEN o.granted THEN coalesce(a.xact_start, p.prepared, a.backend_start)
                                ELSE o.waitstart END AS since) s
ORDER BY o.lock_name, o.granted DESC, s.since, o.pid
$$;
COMMENT ON FUNCTION scout.locks() IS
'Who holds and who waits for the extension''s own locks in this database; one row per lock and transaction.';

CREATE FUNCTION scout.clear_stuck_locks(
    older_than interval DEFAULT '10 minutes', dry_run boolean DEFAULT false, max_targets int DEFAULT 10,
    reason text DEFAULT NULL, grace interval DEFAULT '5 seconds')
RETURNS TABLE (pid int, backend_start timestamptz, usename name, application_name text, verdict text,
               refusal text, signalled boolean, gone boolean, lock_name text, age interval, sent text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_clear_stuck_locks';
COMMENT ON FUNCTION scout.clear_stuck_locks(interval, boolean, int, text, interval) IS
'Ends transactions that have held a lock of the extension for longer than older_than: cancels, then terminates; one row per holder.';
