-- load_silver_from_bronze(): what comes into silver, one batch after the other; wrong sizes.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- Nothing to do, wrong sizes.
SELECT * FROM pg_temp.load();
SELECT scout.load_silver_from_bronze(0);
SELECT scout.load_silver_from_bronze(-1);
SELECT scout.load_silver_from_bronze(NULL);
\set VERBOSITY sqlstate
SELECT scout.load_silver_from_bronze(1, NULL);
\set VERBOSITY default

-- Two events, one at a time. The second leaves out what is optional.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1, pg_temp.ev('A1', '{"transaction_id": " A1 ", "total_amount": "30.00"}')),
(2, '{"transaction_id": 77, "store_id": "S2", "ts": "2025-08-24T23:30:00-01:00", "total_amount": 1.5,
      "items": [{"product_id": "P1", "qty": "1.5", "unit_price": 1}]}');
SELECT * FROM pg_temp.load(1);
SELECT * FROM pg_temp.load(1);
SELECT * FROM pg_temp.load(1);
SELECT * FROM pg_temp.silver();
SELECT * FROM pg_temp.balance();

-- Zones: without one, UTC, whatever the session says.
SET timezone = 'Asia/Manila';
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (201, pg_temp.ev('Z1', '{"ts": "2025-08-24T14:05:00"}')),
 (202, pg_temp.ev('Z2', '{"ts": "2025-08-24 14:05:00.123456Z"}')), (203, pg_temp.ev('Z3', '{"ts": "2025-08-25T01:00:00+08:00"}'));
SELECT * FROM pg_temp.load();
SELECT transaction_id, ts AT TIME ZONE 'UTC' AS utc, date_key FROM scout.silver_transactions WHERE transaction_id LIKE 'Z%' ORDER BY 1;
SELECT event_id, event_ts AT TIME ZONE 'UTC' AS utc FROM scout.bronze_events WHERE event_id > 200 ORDER BY 1;
SET timezone = 'UTC';

-- Big ones: a payload of 1 MB, 10,000 lines.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES
(301, pg_temp.ev('B1', jsonb_build_object('metadata', repeat('m', 1000000)))),
(302, pg_temp.ev('B2', jsonb_build_object('total_amount', 10000, 'items', (SELECT jsonb_agg(jsonb_build_object('product_id', 'P' || i % 7, 'qty', 1, 'unit_price', 1)) FROM generate_series(1, 10000) i))));
SELECT * FROM pg_temp.load();
SELECT transaction_id, item_count, unique_products, (SELECT count(*) FROM scout.silver_line_items l WHERE l.transaction_id = t.transaction_id) AS lines
FROM scout.silver_transactions t WHERE transaction_id LIKE 'B%' ORDER BY 1;
