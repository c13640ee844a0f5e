-- A seeded generator of realistic retail events, for where the real file is not there.
--   psql -v events=5000 -v out=/path/events.tsv -f generate_events.sql
-- About one event in fifty is dirty: a negative total, an empty basket or a broken line.
SET client_min_messages = warning;
SELECT setseed(0.42) \g /dev/null
CREATE TEMP TABLE events AS
WITH lines AS MATERIALIZED (
    SELECT t.n, l.line, 'P' || (1 + floor(random() * 3000))::int AS product_id,
           1 + floor(random() * 8)::int AS quantity, round((0.5 + random() * 40)::numeric, 2) AS unit_price
    FROM generate_series(1, :events) AS t(n), LATERAL generate_series(1, 1 + (t.n * 7) % 9) AS l(line)
)
SELECT n, jsonb_build_object(
    'transaction_id', 'T' || n, 'store_id', 'store-' || n % 25,
    'ts', to_char(timestamp '2026-01-01' + n * interval '37 seconds', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'customer_id', 'C' || (n * 31) % 4000, 'payment_method', (ARRAY['card', 'cash', 'wallet'])[1 + n % 3],
    'total_amount', sum(quantity * unit_price) * CASE WHEN n % 97 = 0 THEN -1 ELSE 1 END,
    'items', CASE WHEN n % 211 = 0 THEN '[]'::jsonb ELSE jsonb_agg(jsonb_build_object(
        'product_id', product_id, 'product_name', 'Product ' || product_id,
        'qty', CASE WHEN n % 149 = 0 THEN -quantity ELSE quantity END,
        'unit_price', unit_price, 'line_amount', quantity * unit_price) ORDER BY line) END) AS event
FROM lines GROUP BY n;
\set save '\\copy (SELECT ''transaction.v1'', ''generated'', event FROM events ORDER BY n) TO ' :'out'
:save
