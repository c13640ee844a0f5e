-- Clean, realistic events, the same ones in every run: what varies comes from hashes of a seed, not from
-- random(), whose sequence depends on the plan.
--   psql -v events=200000 -v files=/folder
-- Baskets of 1 to 6 lines, 3.5 on average; 100 stores whose clocks advance together, each numbering its own
-- receipts; 5,000 products. Files, written by the server:
--   events.tsv   source_system, event_data: what a client sends
--   plain.tsv    the same with what our trigger fills in already there: event_ts, store_id, event_hash
--   arrays.json  JSON arrays of 1,000 events, one a line: what ingest_events takes
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.dice(n bigint, sides int) RETURNS int LANGUAGE sql IMMUTABLE
    RETURN (hashint8extended(n, 42) & 1073741823) % sides;

CREATE TABLE bench.product AS
SELECT p AS n, 'SKU-' || lpad(p::text, 6, '0') AS product_id,
       (ARRAY['Instant Coffee', 'Corned Beef', 'Shampoo Sachet', 'Laundry Powder', 'Canned Sardines',
              'Soy Sauce', 'Energy Drink', 'Biscuits'])[1 + p % 8] || ' ' || (10 + p % 90) * 5 || ' g' AS product_name,
       'Brand ' || chr(65 + p % 26) || p % 60 AS brand,
       (ARRAY['Beverages', 'Canned goods', 'Personal care', 'Home care', 'Snacks'])[1 + p % 5] AS category,
       round((pg_temp.dice(p, 19500) + 500) / 100.0, 2) AS price
FROM generate_series(0, 4999) p;

CREATE TABLE bench.event AS
WITH line AS MATERIALIZED (
    SELECT e.n, i.line, p.product_id, p.product_name, p.brand, p.category, p.price, 1 + pg_temp.dice(e.n * 64 + i.line * 8 + 1, 5) AS qty
    FROM generate_series(1, :events) e(n)
    CROSS JOIN LATERAL generate_series(1, 1 + (e.n % 6)::int) i(line)
    JOIN bench.product p ON p.n = pg_temp.dice(e.n * 64 + i.line * 8, 5000)
)
SELECT n, 'pos' AS source_system, 'S' || lpad((n % 100)::text, 3, '0') AS store_id, s.ts AS event_ts,
       jsonb_build_object(
           'transaction_id', 'S' || lpad((n % 100)::text, 3, '0') || to_char(s.ts AT TIME ZONE 'UTC', '-YYYYMMDD-')
                             || lpad((n / 100)::text, 6, '0'),
           'store_id', 'S' || lpad((n % 100)::text, 3, '0'),
           'ts', to_char(s.ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'total_amount', sum(qty * price), 'net_amount', round(sum(qty * price) / 1.12, 2),
           'customer_id', 'C' || lpad(pg_temp.dice(n, 40000)::text, 6, '0'),
           'payment_method', (ARRAY['cash', 'card', 'gcash', 'maya'])[1 + n % 4],
           'items', jsonb_agg(jsonb_build_object(
               'product_id', product_id, 'product_name', product_name, 'brand', brand, 'category', category,
               'qty', qty, 'unit_price', price, 'line_amount', qty * price) ORDER BY line),
           'metadata', jsonb_build_object('device', 'pos-' || n % 4, 'version', '4.2.1')) AS event_data
FROM line CROSS JOIN LATERAL (
    SELECT timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second') s(ts)
GROUP BY n, s.ts;
CREATE INDEX ON bench.event (n);
ANALYZE bench.event;

SELECT format('COPY (SELECT source_system, event_data FROM bench.event ORDER BY n) TO %L', :'files' || '/events.tsv') \gexec
SELECT format('COPY (SELECT source_system, event_data, event_ts, store_id, scout.event_hash(event_data) FROM bench.event ORDER BY n) TO %L',
              :'files' || '/plain.tsv') \gexec
SELECT format('COPY (SELECT jsonb_agg(event_data ORDER BY n) FROM bench.event GROUP BY (n - 1) / 1000 ORDER BY (n - 1) / 1000) TO %L',
              :'files' || '/arrays.json') \gexec
SELECT format('COPY (SELECT product_id, product_name, brand, category FROM bench.product ORDER BY n) TO %L',
              :'files' || '/products.tsv') \gexec
