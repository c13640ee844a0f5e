-- A long history of processed events, made by plain INSERTs with the triggers off: bench.fill_history(from, to, all).
-- Events, keys and silver are of realistic size (the bodies and lines of 1,000 generated events, over and over);
-- received evenly over the thirty days that ended two hours ago, so that the last hour belongs to the bench.
--   psql -v files=/folder
CREATE TABLE bench.body (n bigint GENERATED ALWAYS AS IDENTITY (START 0 MINVALUE 0) PRIMARY KEY, source_system text, event_data jsonb NOT NULL);
SELECT format('COPY bench.body (source_system, event_data) FROM PROGRAM %L', 'head -n 1000 ' || :'files' || '/events.tsv') \gexec
CREATE TABLE bench.body_line AS
SELECT b.n, l.*
FROM bench.body b
CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(b.event_data -> 'items') AS (
        product_id text, product_name text, brand text, category text, qty numeric, unit_price numeric, line_amount numeric))
    WITH ORDINALITY AS l(product_id, product_name, brand, category, qty, unit_price, line_amount, line);
ANALYZE bench.body;
ANALYZE bench.body_line;
-- Ids of the bench's own events come after the whole history, however much of it is there yet.
ALTER TABLE scout.bronze_events ALTER COLUMN event_id RESTART WITH 1000000001;

CREATE PROCEDURE bench.fill_history(first bigint, last bigint, of bigint) LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := now() - interval '30 days';
    step interval := (interval '30 days' - interval '2 hours') / of;
BEGIN
    -- A hash join with the numbers outside keeps their order, and so every index but the keys' grows at its end.
    SET LOCAL enable_mergejoin = off;
    SET LOCAL enable_nestloop = off;
    SET LOCAL jit = off;
    ALTER TABLE scout.bronze_events DISABLE TRIGGER USER;
    INSERT INTO scout.bronze_events (event_id, event_ts, source_system, store_id, event_data, event_hash, ingested_at)
    SELECT e.n, started + e.n * step, 'pos', 'S' || lpad((e.n % 100)::text, 3, '0'), b.event_data,
           decode(md5('history ' || e.n), 'hex'), started + e.n * step
    FROM generate_series(first, last) e(n) LEFT JOIN bench.body b ON b.n = e.n % 1000;
    CALL bench.enable_triggers();

    INSERT INTO scout.bronze_event_keys (event_hash, event_id)
    SELECT h.hash, e.n FROM generate_series(first, last) e(n), LATERAL (SELECT decode(md5('history ' || e.n), 'hex')) h(hash)
    ORDER BY h.hash;

    INSERT INTO scout.silver_transactions (transaction_id, store_id, ts, date_key, total_amount, net_amount, customer_id,
        payment_method, item_count, unique_products, processed_at, updated_at, source_event_id)
    SELECT 'H' || lpad(e.n::text, 12, '0'), 'S' || lpad((e.n % 100)::text, 3, '0'), t.at, to_char(t.at, 'YYYYMMDD')::int,
           b.total, b.net, b.customer_id, b.payment_method, b.items, b.items, t.at + interval '1 minute',
           t.at + interval '1 minute', e.n
    FROM generate_series(first, last) e(n)
    CROSS JOIN LATERAL (SELECT started + e.n * step) t(at)
    LEFT JOIN (SELECT n, (event_data ->> 'total_amount')::numeric AS total, (event_data ->> 'net_amount')::numeric AS net,
                      event_data ->> 'customer_id' AS customer_id, event_data ->> 'payment_method' AS payment_method,
                      jsonb_array_length(event_data -> 'items') AS items FROM bench.body OFFSET 0) b ON b.n = e.n % 1000;

    INSERT INTO scout.silver_line_items (transaction_id, line_sequence, product_id, product_name, brand_name, category,
        quantity, unit_price, line_amount, discount_amount, updated_at, store_id)
    SELECT 'H' || lpad(e.n::text, 12, '0'), l.line, l.product_id, l.product_name, l.brand, l.category, l.qty, l.unit_price,
           l.line_amount, 0, started + e.n * step + interval '1 minute', 'S' || lpad((e.n % 100)::text, 3, '0')
    FROM generate_series(first, last) e(n) LEFT JOIN bench.body_line l ON l.n = e.n % 1000;
END $$;
