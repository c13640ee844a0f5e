-- The procedure: how such pipelines are written by hand. Per batch of 2,000: an anti-join against a table of
-- processed ids, upserts of transactions and lines, the processed ids, COMMIT. Tuned: each event and item is
-- taken apart once, a batch is one statement, all joins are index joins or hash joins of the batch's size.
--   psql -v target=scout      on our tables
--   psql -v target=heavy      on the usual heavier schema (heavy_schema.sql)
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS bench.processed_events (
    event_id     bigint PRIMARY KEY,
    processed_at timestamptz NOT NULL DEFAULT now()
);

SELECT format($format$
CREATE PROCEDURE bench.load_%1$s(batch_size int) LANGUAGE plpgsql AS $procedure$
DECLARE
    loaded bigint;
BEGIN
    LOOP
        WITH event AS MATERIALIZED (
            SELECT b.event_id, e.*
            FROM (SELECT b.event_id, b.event_data
                  FROM scout.bronze_events b
                  WHERE NOT EXISTS (SELECT FROM bench.processed_events p WHERE p.event_id = b.event_id)
                  ORDER BY b.event_id
                  LIMIT batch_size) b
            CROSS JOIN LATERAL jsonb_to_record(b.event_data) AS e(
                transaction_id text, store_id text, ts timestamptz, total_amount numeric(18, 4),
                net_amount numeric(18, 4), customer_id text, payment_method text, items jsonb)
        ), written AS (
            INSERT INTO %1$I.silver_transactions AS t (transaction_id, store_id, ts, date_key, total_amount, net_amount,
                customer_id, payment_method, item_count, unique_products, processed_at, updated_at, source_event_id)
            SELECT e.transaction_id, e.store_id, e.ts, to_char(e.ts AT TIME ZONE 'UTC', 'YYYYMMDD')::int, e.total_amount,
                   e.net_amount, e.customer_id, e.payment_method, i.lines, i.products, now(), now(), e.event_id
            FROM event e
            CROSS JOIN LATERAL (SELECT count(*) AS lines, count(DISTINCT item ->> 'product_id') AS products
                                FROM jsonb_array_elements(e.items) item) i
            ON CONFLICT (transaction_id) DO UPDATE SET
                store_id = excluded.store_id, ts = excluded.ts, date_key = excluded.date_key,
                total_amount = excluded.total_amount, net_amount = excluded.net_amount,
                customer_id = excluded.customer_id, payment_method = excluded.payment_method,
                item_count = excluded.item_count, unique_products = excluded.unique_products,
                processed_at = excluded.processed_at, updated_at = excluded.updated_at,
                source_event_id = excluded.source_event_id
        ), lines AS (
            INSERT INTO %1$I.silver_line_items AS t (transaction_id, line_sequence, product_id, product_name, brand_name,
                category, quantity, unit_price, line_amount, discount_amount, product_key, updated_at, store_id)
            SELECT e.transaction_id, l.line, l.product_id, l.product_name, l.brand, l.category, l.qty, l.unit_price,
                   l.line_amount, coalesce(l.discount, 0), p.product_key, now(), e.store_id
            FROM event e
            CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(e.items) AS (
                    product_id text, product_name text, brand text, category text, qty numeric(18, 4),
                    unit_price numeric(18, 4), line_amount numeric(18, 4), discount numeric(18, 4)))
                WITH ORDINALITY AS l(product_id, product_name, brand, category, qty, unit_price, line_amount, discount, line)
            LEFT JOIN scout.dim_product p ON p.product_id = l.product_id
            ON CONFLICT (transaction_id, line_sequence) DO UPDATE SET
                product_id = excluded.product_id, product_name = excluded.product_name, brand_name = excluded.brand_name,
                category = excluded.category, quantity = excluded.quantity, unit_price = excluded.unit_price,
                line_amount = excluded.line_amount, discount_amount = excluded.discount_amount,
                product_key = excluded.product_key, updated_at = excluded.updated_at, store_id = excluded.store_id
        ), done AS (
            INSERT INTO bench.processed_events (event_id) SELECT event_id FROM event
            RETURNING 1
        )
        SELECT count(*) INTO loaded FROM done;
        COMMIT;
        EXIT WHEN loaded < batch_size;
    END LOOP;
END $procedure$
$format$, :'target') \gexec
