CREATE FUNCTION scout.reprocess_bronze_window(
    start_ts timestamptz, end_ts timestamptz, batch_size int DEFAULT 2000, dry_run boolean DEFAULT false,
    window_on text DEFAULT 'ingested_at', workers int DEFAULT 1, wait boolean DEFAULT true,
    idempotency_key text DEFAULT NULL)
RETURNS TABLE (events_reprocessed bigint, transactions_created bigint, line_items_created bigint,
               transactions_updated bigint, transactions_removed bigint, events_dead_lettered bigint,
               dead_letters_resolved bigint, duration_ms numeric, job_id bigint, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_reprocess_bronze_window';
COMMENT ON FUNCTION scout.reprocess_bronze_window(timestamptz, timestamptz, int, boolean, text, int, boolean, text) IS
'Derives silver again from the bronze events of the half-open window [start_ts, end_ts) on ingested_at (or event_ts).';
CREATE FUNCTION scout.quarantine_window(
    start_ts timestamptz, end_ts timestamptz, reason text, source_system text DEFAULT NULL,
    dry_run boolean DEFAULT false)
RETURNS TABLE (events_quarantined bigint, transactions_removed bigint, line_items_removed bigint,
               first_ingested_at timestamptz, last_ingested_at timestamptz, dry_run boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_quarantine_window';
COMMENT ON FUNCTION scout.quarantine_window(timestamptz, timestamptz, text, text, boolean) IS
'Dead-letters the events ingested in [start_ts, end_ts) and removes what they left in silver.';

CREATE FUNCTION scout.quarantine_events(event_ids bigint[], reason text, dry_run boolean DEFAULT false)
RETURNS TABLE (events_quarantined bigint, transactions_removed bigint, line_items_removed bigint,
               first_ingested_at timestamptz, last_ingested_at timestamptz, dry_run boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_quarantine_events';
COMMENT ON FUNCTION scout.quarantine_events(bigint[], text, boolean) IS
'Dead-letters chosen events and removes what they left in silver.';

CREATE FUNCTION scout.quarantine_failures(
    rule text, hours numeric DEFAULT 24, dry_run boolean DEFAULT false, reason text DEFAULT NULL)
RETURNS TABLE (events_quarantined bigint, transactions_removed bigint, line_items_removed bigint,
               first_ingested_at timestamptz, last_ingested_at timestamptz, dry_run boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_quarantine_failures';
COMMENT ON FUNCTION scout.quarantine_failures(text, numeric, boolean, text) IS
'Dead-letters the events whose silver rows of the last hours break a rule (built-in rule code).';

CREATE FUNCTION scout.clear_backlog(
    older_than interval DEFAULT '1 hour', source_system text DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE (source_system text, events_dead_lettered bigint, batches_dead_lettered bigint,
               backlog_before bigint, backlog_after bigint, dry_run boolean)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_clear_backlog';
COMMENT ON FUNCTION scout.clear_backlog(interval, text, boolean) IS
'Dead-letters pending events and pending bronze_ingestion_batches older than the interval, instead of deleting them.';
