-- Who holds and who waits for the extension's own advisory locks, and the end of those that are stuck.
--
-- In pg_locks (src/extension/locks.hpp): objsubid 21315 (0x5343) with objid 1 GATE, 2 FLIGHT, from 16 on locks of
-- single workers; objsubid 21316 (0x5344) with a job's id (its low 32 bits) in classid and the number of
-- its worker in objid. A prepared transaction has no process; its lock on its own transaction id leads
-- from its virtual transaction to its name.
CREATE FUNCTION scout.locks()
RETURNS TABLE (lock_name text, mode text, granted boolean, pid int, backend_type text, usename name,
               application_name text, state text, job_id bigint, worker_no int, since timestamptz, age interval,
               query text, blocked_by int[], backend_start timestamptz, xact_start timestamptz,
               virtual_transaction text, gid text)
LANGUAGE sql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
WITH everything AS MATERIALIZED (SELECT * FROM pg_locks),
ours AS (
    SELECT e.*, CASE WHEN e.objsubid = 21316 THEN 'job'
                     WHEN e.objid = 1 THEN 'gate'
                     WHEN e.objid = 2 THEN 'flight'
                     WHEN e.objid = 3 THEN 'gold'
                     WHEN e.objid = 4 THEN 'start'
                     WHEN e.objid = 5 THEN 'breaker'
                     WHEN e.objid = 6 THEN 'alerts'
                     ELSE 'other ' || e.objid END AS lock_name
    FROM everything e
    WHERE e.locktype = 'advisory' AND e.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND (e.objsubid = 21316 OR (e.objsubid = 21315 AND e.classid::bigint = 1396920149))
)
SELECT o.lock_name, o.mode, o.granted, o.pid, a.backend_type, coalesce(a.usename, p.owner), a.application_name,
       CASE WHEN o.pid IS NULL THEN 'prepared' ELSE a.state END,
       CASE WHEN o.lock_name = 'job' THEN o.classid::bigint END,
       CASE WHEN o.lock_name = 'job' THEN (o.objid::bigint & 2147483647)::int END,
       s.since, clock_timestamp() - s.since, a.query,
       CASE WHEN o.granted OR o.pid IS NULL THEN '{}' ELSE pg_blocking_pids(o.pid) END,
       a.backend_start, coalesce(a.xact_start, p.prepared), o.virtualtransaction, p.gid
FROM ours o
LEFT JOIN pg_stat_activity a ON a.pid = o.pid
LEFT JOIN LATERAL (
    SELECT x.gid, x.owner, x.prepared
    FROM everything t JOIN pg_prepared_xacts x ON x.transaction = t.transactionid
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
