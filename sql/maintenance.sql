-- Maintenance that a worker does, because it cannot run in a function.

CREATE FUNCTION scout.maintain(relation regclass, action text, idempotency_key text DEFAULT NULL)
RETURNS TABLE (job_id bigint, status text, operation text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_maintain';
COMMENT ON FUNCTION scout.maintain(regclass, text, text) IS
'Queues VACUUM, ANALYZE or REINDEX CONCURRENTLY of one relation and returns the job at once; a worker does it after the commit. Operators may maintain the pipeline''s relations, owners their own.';
