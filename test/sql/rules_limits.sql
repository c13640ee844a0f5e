-- Limits of the built-in rules: what is above one loads with a warning, or is a dead letter; at the limit there is neither.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- Warnings load. At the limit there is none.
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 400 + n, pg_temp.ev('W' || n, jsonb_build_object('total_amount', v, 'ts', ts, 'items', jsonb_build_array(jsonb_build_object('product_id', 'P1', 'qty', 1, 'unit_price', v))))
FROM (VALUES (1, 10000, '2025-08-24T00:00:00Z'), (2, 10000.0001, '2025-08-24T00:00:00Z'), (3, 1, '2999-01-01T00:00:00Z')) x(n, v, ts);
SELECT * FROM pg_temp.load();
SELECT event_id, code, path, message FROM scout.quality_warnings ORDER BY 1, 2;
SELECT alert_type, severity, transaction_id FROM scout.v_quality_alerts WHERE severity = 'warning' ORDER BY 1;

-- A quarantined event is in one alert, not in two.
SELECT events_quarantined FROM scout.quarantine_events('{402}', 'check');
SELECT alert_type, severity FROM scout.v_quality_alerts WHERE transaction_id = 'W2' ORDER BY 1;
SELECT events_loaded FROM scout.dlq_redrive(event_ids => '{402}');
SELECT alert_type, severity FROM scout.v_quality_alerts WHERE transaction_id = 'W2' ORDER BY 1;

-- Totals may differ by 1 percent or 0.50, not by more.
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 420 + n, pg_temp.ev('M' || n, jsonb_build_object('total_amount', t)) FROM (VALUES (1, 30.5), (2, 30.51), (3, 29.5), (4, 29.49)) x(n, t);
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 430 + n, pg_temp.ev('M' || 10 + n, jsonb_build_object('total_amount', t, 'items', '[{"product_id": "P", "qty": 1, "unit_price": 990}]'::jsonb))
FROM (VALUES (1, 1000), (2, 1000.01), (3, 980.2), (4, 980.19)) x(n, t);
SELECT * FROM pg_temp.load();
SELECT event_id, error_code, error_details FROM scout.bronze_events_dlq WHERE event_id BETWEEN 420 AND 440 ORDER BY 1;
