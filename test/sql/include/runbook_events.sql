-- reset.sql, and what the drill of the runbook happens to: thirty events over two hours of one afternoon, loaded.
-- 25 and 26 share a transaction, 27 to 30 are invalid, 8 is above the limit. No output.
\ir reset.sql
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, source_system, ingested_at, event_data)
SELECT n, CASE n % 3 WHEN 0 THEN 'web' ELSE 'pos' END, '2025-08-24 14:00:00+08'::timestamptz + n * interval '4 minutes',
       pg_temp.ev('T' || CASE n WHEN 26 THEN 25 ELSE n END, jsonb_build_object('customer_id', 'C' || n))
       || (CASE n WHEN 27 THEN '{"total_amount": -5}' WHEN 28 THEN '{"items": []}' WHEN 29 THEN '{"ts": "yesterday"}'
                  WHEN 30 THEN '{"total_amount": null}'
                  WHEN 8 THEN '{"total_amount": 20000, "items": [{"product_id": "P1", "qty": 1, "unit_price": 20000}]}'
                  ELSE '{}' END)::jsonb
FROM generate_series(1, 30) n;
DO $$ BEGIN PERFORM scout.load_silver_from_bronze(); END $$;
RESET ROLE;
RESET client_min_messages;
\set ON_ERROR_STOP off
