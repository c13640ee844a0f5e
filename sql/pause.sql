-- Pause, resume, status, and the backlog.

-- A reader may ask for 'status'; 'pause' and 'resume' check for the operator tier inside.
CREATE FUNCTION scout.control_ingestion(
    action text, reason text DEFAULT NULL, source_system text DEFAULT NULL,
    drain_timeout interval DEFAULT '30 seconds', expires_after interval DEFAULT NULL,
    holder text DEFAULT NULL, all_holders boolean DEFAULT false)
RETURNS TABLE (action text, ingestion_active boolean, active_workers int, message text,
               source_system text, paused_at timestamptz, paused_by text, reason text,
               expires_at timestamptz, backlog bigint, backlog_is_estimate boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_control_ingestion';
COMMENT ON FUNCTION scout.control_ingestion(text, text, text, interval, interval, text, boolean) IS
'Pauses, resumes or shows loading (bronze goes on accepting events): action is status, pause or resume; source_system NULL means all.';

CREATE FUNCTION scout.ingestion_status()
RETURNS TABLE (action text, ingestion_active boolean, active_workers int, message text,
               source_system text, paused_at timestamptz, paused_by text, reason text,
               expires_at timestamptz, backlog bigint, backlog_is_estimate boolean)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_ingestion_status';
COMMENT ON FUNCTION scout.ingestion_status() IS
'One row per pause in force, or one row that says that ingestion is active; callable in a read-only transaction.';
