-- The checks of data_quality_report() as a monitoring script has them: one statement per check, over the whole
-- tables. "-- check" names the row of the report that says the same. Each may run in parallel.

-- check negative_totals
SELECT count(*) FROM scout.silver_transactions WHERE total_amount < 0;

-- check amounts_above_limit
SELECT count(*) FROM scout.silver_transactions WHERE total_amount > 10000;

-- check line_total_mismatch
SELECT count(*)
FROM scout.silver_transactions t
JOIN (SELECT transaction_id, sum(line_amount) AS line_sum FROM scout.silver_line_items GROUP BY transaction_id) l
    USING (transaction_id)
WHERE abs(l.line_sum - t.total_amount) > 0.50
  AND abs(l.line_sum - t.total_amount) * 100 > 1 * abs(t.total_amount);

-- check invalid_line_items
SELECT count(*) FROM scout.silver_line_items WHERE quantity <= 0 OR unit_price < 0;

-- check empty_transactions
SELECT count(*) FROM scout.silver_transactions WHERE item_count <= 0;

-- check future_timestamps
SELECT count(*)
FROM scout.silver_transactions t LEFT JOIN scout.bronze_events b ON b.event_id = t.source_event_id
WHERE t.ts > coalesce(b.ingested_at, t.processed_at) + interval '24 hours';

-- check missing_store
SELECT count(*) FROM scout.silver_transactions WHERE store_id IS NULL OR btrim(store_id) = '';

-- check transactions_without_lines
SELECT count(*)
FROM scout.silver_transactions t
WHERE t.item_count > 0
  AND NOT EXISTS (SELECT FROM scout.silver_line_items l WHERE l.transaction_id = t.transaction_id);

-- check item_count_mismatch
SELECT count(*)
FROM scout.silver_transactions t
JOIN (SELECT transaction_id, count(*) AS lines FROM scout.silver_line_items GROUP BY transaction_id) l
    USING (transaction_id)
WHERE l.lines <> t.item_count;

-- check lines_without_transaction
SELECT count(*)
FROM scout.silver_line_items l
WHERE NOT EXISTS (SELECT FROM scout.silver_transactions t WHERE t.transaction_id = l.transaction_id);

-- check product_linking
SELECT count(*) FROM scout.silver_line_items WHERE product_key IS NULL;

-- check NEGATIVE_TOTAL
SELECT count(*) FROM scout.bronze_events_dlq WHERE status = 'open' AND error_code = 'NEGATIVE_TOTAL';

-- check warnings
SELECT count(*) FROM scout.quality_warnings;

-- check backlog
SELECT coalesce(sum(event_count), 0) FROM scout.bronze_pending;
