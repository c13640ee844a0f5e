-- The extension's own advisory locks in this database: pg_locks with the names of src/extension/locks.hpp, and the only
-- place in SQL that knows their numbers. A job's lock has the low 32 bits of the job's id in classid, and the
-- number of the worker in objid.
CREATE VIEW scout_internal.our_locks AS
SELECT CASE WHEN l.objsubid OPERATOR(pg_catalog.=) 21316 THEN 'job'
            ELSE coalesce(n.lock_name, 'other ' OPERATOR(pg_catalog.||) l.objid) END AS lock_name,
       CASE WHEN l.objsubid OPERATOR(pg_catalog.=) 21316 THEN l.classid::bigint END AS job_id,
       CASE WHEN l.objsubid OPERATOR(pg_catalog.=) 21316 THEN (l.objid::bigint OPERATOR(pg_catalog.&) 2147483647)::int END AS worker_no,
       l.mode, l.granted, l.pid, l.virtualtransaction, l.waitstart
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
    AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
LEFT JOIN (VALUES (1, 'gate'), (2, 'flight'), (3, 'gold'), (4, 'start'), (5, 'breaker'), (6, 'alerts')) n (number, lock_name)
    ON l.objsubid OPERATOR(pg_catalog.=) 21315 AND n.number OPERATOR(pg_catalog.=) l.objid::bigint
WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
  AND (l.objsubid OPERATOR(pg_catalog.=) 21316
       OR l.objsubid OPERATOR(pg_catalog.=) 21315 AND l.classid::bigint OPERATOR(pg_catalog.=) 1396920149);
COMMENT ON VIEW scout_internal.our_locks IS
'Who holds and who waits for the extension''s own locks in this database; locks() says more.';
