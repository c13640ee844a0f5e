-- Into the dead-letter queue and out of it.

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

CREATE FUNCTION scout_internal.dlq_summary()
RETURNS TABLE (error_code text, source_system text, status text, letters bigint, attempts_max int,
               first_failed_at timestamptz, last_failed_at timestamptz, oldest_open_age interval,
               unlinked bigint, example jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT g.code, g.source_system, g.status, g.letters, g.attempts, g.first_failed, g.last_failed,
           CASE g.status WHEN 'open' THEN greatest(statement_timestamp() - g.first_failed, interval '0') END,
           g.unlinked,
           (SELECT jsonb_build_object(
                       'dlq_id', e.dlq_id, 'event_id', e.event_id,
                       'path', coalesce(e.last_error_details, e.error_details) ->> 'path',
                       'message', coalesce(e.last_error_message, e.error_message))
            FROM scout.bronze_events_dlq e WHERE e.dlq_id = g.newest)
    FROM (SELECT coalesce(d.last_error_code, d.error_code) AS code, d.source_system, d.status,
                 count(*) AS letters, max(d.attempts) AS attempts, min(d.failed_at) AS first_failed,
                 max(CASE d.status WHEN 'open' THEN greatest(d.failed_at, d.last_retry_at)
                                   ELSE d.failed_at END) AS last_failed,
                 count(*) FILTER (WHERE d.event_id IS NULL) AS unlinked, max(d.dlq_id) AS newest
          FROM scout.bronze_events_dlq d
          GROUP BY 1, 2, 3) g
    ORDER BY array_position(ARRAY['open', 'discarded', 'resolved'], g.status), g.letters DESC, g.code,
             g.source_system;
END
$$;
COMMENT ON FUNCTION scout_internal.dlq_summary() IS 'The body of dlq_summary().';

CREATE FUNCTION scout.dlq_summary()
RETURNS TABLE (error_code text, source_system text, status text, letters bigint, attempts_max int,
               first_failed_at timestamptz, last_failed_at timestamptz, oldest_open_age interval,
               unlinked bigint, example jsonb)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.dlq_summary() IS
'The dead-letter queue by error code (the newest of each letter), source and status, open ones first; the example is the newest letter.';
