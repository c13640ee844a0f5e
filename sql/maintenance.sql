-- Maintenance that a worker does, because it cannot run in a function.

CREATE FUNCTION scout.maintain(relation regclass, action text, columns text[] DEFAULT NULL, is_unique boolean DEFAULT false,
                               idempotency_key text DEFAULT NULL)
RETURNS TABLE (job_id bigint, status text, operation text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_maintain';
COMMENT ON FUNCTION scout.maintain(regclass, text, text[], boolean, text) IS
'Queues VACUUM, ANALYZE, REINDEX CONCURRENTLY or CREATE INDEX CONCURRENTLY (of columns) on one relation and returns the job at once; a worker does it after the commit. Operators: the pipeline''s relations; everybody else: their own.';
