-- The shipped quality rules over the last hour, one scan per rule, with nothing kept: no results, no samples, no
-- comparison with earlier runs. "-- rule" names the rule; :since is the start of the window. Rows of the window
-- are found by the index on processed_at, their lines by key.

-- rule negative_total
SELECT count(*) FILTER (WHERE t.total_amount < 0), count(*)
FROM scout.silver_transactions t WHERE t.processed_at >= :since;

-- rule impossible_amount
SELECT count(*) FILTER (WHERE t.total_amount > 10000), count(*)
FROM scout.silver_transactions t WHERE t.processed_at >= :since;

-- rule line_total_mismatch
SELECT count(*) FILTER (WHERE l.by > 0.50 AND l.by * 100 > 1 * abs(t.total_amount)), count(*)
FROM scout.silver_transactions t,
LATERAL (SELECT abs(sum(i.line_amount) - t.total_amount) AS by
         FROM scout.silver_line_items i WHERE i.transaction_id = t.transaction_id) l
WHERE t.processed_at >= :since;

-- rule empty_items
SELECT count(*) FILTER (WHERE t.item_count <= 0), count(*)
FROM scout.silver_transactions t WHERE t.processed_at >= :since;

-- rule missing_store
SELECT count(*) FILTER (WHERE t.store_id IS NULL OR btrim(t.store_id) = ''), count(*)
FROM scout.silver_transactions t WHERE t.processed_at >= :since;

-- rule future_timestamp
SELECT count(*) FILTER (WHERE t.ts > coalesce(b.ingested_at, t.processed_at) + interval '24 hours'), count(*)
FROM scout.silver_transactions t LEFT JOIN scout.bronze_events b ON b.event_id = t.source_event_id
WHERE t.processed_at >= :since;

-- rule invalid_line_item
SELECT count(*) FILTER (WHERE i.quantity <= 0 OR i.unit_price < 0), count(*)
FROM scout.silver_transactions t JOIN scout.silver_line_items i ON i.transaction_id = t.transaction_id
WHERE t.processed_at >= :since;

-- rule product_linking
SELECT count(*) FILTER (WHERE i.product_key IS NULL), count(*)
FROM scout.silver_transactions t JOIN scout.silver_line_items i ON i.transaction_id = t.transaction_id
WHERE t.processed_at >= :since;

-- rule duplicate_transaction
SELECT count(*), NULL FROM scout.bronze_events_dlq d
WHERE d.status = 'open' AND d.failed_at >= :since AND d.last_error_code = 'DUPLICATE_TRANSACTION';

-- rule orphan_lines
SELECT count(*), NULL
FROM (SELECT DISTINCT q.transaction_id FROM scout.bronze_events_dlq q WHERE q.status = 'open' AND q.failed_at >= :since) d
JOIN scout.silver_line_items l ON l.transaction_id = d.transaction_id
WHERE NOT EXISTS (SELECT FROM scout.silver_transactions t WHERE t.transaction_id = d.transaction_id);
