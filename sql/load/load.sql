-- From bronze to silver.

CREATE FUNCTION scout.backlog(source_system text DEFAULT NULL) RETURNS bigint
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_backlog';
COMMENT ON FUNCTION scout.backlog(text) IS
'Events waiting to be loaded, from the queue: exact up to 10,000 chunks, an estimate beyond.';
CREATE FUNCTION scout.load_silver_from_bronze(batch_size int DEFAULT 2000, force boolean DEFAULT false)
RETURNS TABLE (events_processed bigint, transactions_created bigint, line_items_created bigint,
               processing_duration_ms numeric, transactions_updated bigint, events_dead_lettered bigint,
               backlog bigint)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_load_silver_from_bronze';
COMMENT ON FUNCTION scout.load_silver_from_bronze(int, boolean) IS
'Loads one batch of pending events into silver; honours a pause with a WARNING unless forced.';

CREATE FUNCTION scout.load_backlog(
    batch_size int DEFAULT 2000, workers int DEFAULT 1, wait boolean DEFAULT true, max_events bigint DEFAULT NULL,
    skip_if_running boolean DEFAULT false, idempotency_key text DEFAULT NULL)
RETURNS TABLE (events_processed bigint, transactions_created bigint, line_items_created bigint,
               transactions_updated bigint, events_dead_lettered bigint, duration_ms numeric, backlog bigint,
               job_id bigint, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_load_backlog';
COMMENT ON FUNCTION scout.load_backlog(int, int, boolean, bigint, boolean, text) IS
'Loads all events that wait now, batch by batch, each committed by itself; honours a pause.';
