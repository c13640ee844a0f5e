-- Totals may differ from the sum of the lines by 1 percent or 0.50, not by more.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 420 + n, pg_temp.ev('M' || n, jsonb_build_object('total_amount', t)) FROM (VALUES (1, 30.5), (2, 30.51), (3, 29.5), (4, 29.49)) x(n, t);
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 430 + n, pg_temp.ev('M' || 10 + n, jsonb_build_object('total_amount', t, 'items', '[{"product_id": "P", "qty": 1, "unit_price": 990}]'::jsonb))
FROM (VALUES (1, 1000), (2, 1000.01), (3, 980.2), (4, 980.19)) x(n, t);
SELECT * FROM pg_temp.load();
SELECT event_id, error_code, error_details FROM scout.bronze_events_dlq WHERE event_id BETWEEN 420 AND 440 ORDER BY 1;
