-- Into the dead-letter queue and out of it.

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

CREATE FUNCTION scout.dlq_redrive(
    error_code text DEFAULT NULL, source_system text DEFAULT NULL,
    failed_after timestamptz DEFAULT NULL, failed_before timestamptz DEFAULT NULL,
    max_events int DEFAULT 10000, dry_run boolean DEFAULT false, event_ids bigint[] DEFAULT NULL,
    workers int DEFAULT 1, wait boolean DEFAULT true, idempotency_key text DEFAULT NULL)
RETURNS TABLE (events_redriven bigint, events_loaded bigint, events_failed_again bigint,
               remaining bigint, dry_run boolean, job_id bigint, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_dlq_redrive';
COMMENT ON FUNCTION scout.dlq_redrive(text, text, timestamptz, timestamptz, int, boolean, bigint[], int, boolean, text) IS
'Loads open dead letters again; what fails again stays in the queue with one more attempt. Workers do it, batch by batch, each committed by itself.';

CREATE FUNCTION scout.dlq_resolve(
    reason text, dlq_ids bigint[] DEFAULT NULL, error_code text DEFAULT NULL, source_system text DEFAULT NULL,
    failed_before timestamptz DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE (letters_discarded bigint, remaining bigint, dry_run boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_dlq_resolve';
COMMENT ON FUNCTION scout.dlq_resolve(text, bigint[], text, text, timestamptz, boolean) IS
'Closes open dead letters without loading them: the events count as discarded, by you, for the reason given.';

CREATE FUNCTION scout.dlq_purge(older_than interval DEFAULT '90 days', dry_run boolean DEFAULT false)
RETURNS TABLE (letters_purged bigint, letters_kept bigint, dry_run boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_dlq_purge';
COMMENT ON FUNCTION scout.dlq_purge(interval, boolean) IS
'Deletes dead letters closed longer ago than the interval; never open ones, nor those that alone account for a bronze event.';
