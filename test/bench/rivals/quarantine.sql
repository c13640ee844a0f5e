-- Quarantine of a window of processed events in one set-based statement: a letter with a copy of the payload per
-- event, silver transactions and lines deleted. As scout.quarantine_window(), but for the audit, the queue
-- and the promotion of duplicates.
WITH target AS MATERIALIZED (
    SELECT b.event_id, b.event_data, b.source_system, b.store_id
    FROM scout.bronze_events b
    WHERE b.ingested_at >= ':from' AND b.ingested_at < ':to'
      AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d WHERE d.event_id = b.event_id
                      AND (d.status = 'discarded' OR d.status = 'open' AND d.last_error_code = 'QUARANTINE'))
), letters AS (
    INSERT INTO scout.bronze_events_dlq AS d (event_id, original_payload, error_code, error_message, error_details,
        source_system, store_id, failed_at, last_error_code, last_error_message, last_error_details)
    SELECT t.event_id, t.event_data, 'QUARANTINE', 'bench', '{"by": "bench", "reason": "bench"}', t.source_system,
           t.store_id, now(), 'QUARANTINE', 'bench', '{"by": "bench", "reason": "bench"}'
    FROM target t
    ON CONFLICT (event_id) DO UPDATE SET status = 'open', last_retry_at = excluded.failed_at,
        last_error_code = excluded.last_error_code, last_error_message = excluded.last_error_message,
        last_error_details = excluded.last_error_details, resolved_at = NULL, resolved_by = NULL, resolution = NULL
), gone AS (
    DELETE FROM scout.silver_transactions s USING target t WHERE s.source_event_id = t.event_id
    RETURNING s.transaction_id
), lines AS (
    DELETE FROM scout.silver_line_items l USING gone g WHERE l.transaction_id = g.transaction_id
    RETURNING 1
)
SELECT (SELECT count(*) FROM target) AS events_quarantined, (SELECT count(*) FROM gone) AS transactions_removed,
       (SELECT count(*) FROM lines) AS line_items_removed;
