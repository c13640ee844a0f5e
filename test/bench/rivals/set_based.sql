-- Set-based SQL: all pending events in one statement, each event and each item taken apart once. Writes the
-- rows that scout.load_silver_from_bronze() writes for clean events; it has no validation, no dead letters and
-- no rule for two events of one transaction.
WITH event AS MATERIALIZED (
    SELECT b.event_id, e.*
    FROM scout.bronze_events b
    CROSS JOIN LATERAL jsonb_to_record(b.event_data) AS e(
        transaction_id text, store_id text, ts timestamptz, total_amount numeric(18, 4), net_amount numeric(18, 4),
        customer_id text, payment_method text, items jsonb)
    WHERE NOT EXISTS (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id)
      AND NOT EXISTS (SELECT FROM scout.bronze_events_dlq d WHERE d.event_id = b.event_id AND d.status <> 'resolved')
), written AS (
    INSERT INTO scout.silver_transactions (transaction_id, store_id, ts, date_key, total_amount, net_amount, customer_id,
        payment_method, item_count, unique_products, processed_at, updated_at, source_event_id)
    SELECT e.transaction_id, e.store_id, e.ts, to_char(e.ts AT TIME ZONE 'UTC', 'YYYYMMDD')::int, e.total_amount,
           e.net_amount, e.customer_id, e.payment_method, i.lines, i.products, now(), now(), e.event_id
    FROM event e
    CROSS JOIN LATERAL (SELECT count(*) AS lines, count(DISTINCT item ->> 'product_id') AS products
                        FROM jsonb_array_elements(e.items) item) i
    ON CONFLICT (transaction_id) DO NOTHING
)
INSERT INTO scout.silver_line_items (transaction_id, line_sequence, product_id, product_name, brand_name, category,
    quantity, unit_price, line_amount, discount_amount, product_key, updated_at, store_id)
SELECT e.transaction_id, l.line, l.product_id, l.product_name, l.brand, l.category, l.qty, l.unit_price, l.line_amount,
       coalesce(l.discount, 0), p.product_key, now(), e.store_id
FROM event e
CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(e.items) AS (
        product_id text, product_name text, brand text, category text, qty numeric(18, 4),
        unit_price numeric(18, 4), line_amount numeric(18, 4), discount numeric(18, 4)))
    WITH ORDINALITY AS l(product_id, product_name, brand, category, qty, unit_price, line_amount, discount, line)
LEFT JOIN scout.dim_product p ON p.product_id = l.product_id
ON CONFLICT (transaction_id, line_sequence) DO NOTHING;
