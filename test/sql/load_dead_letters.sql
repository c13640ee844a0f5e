-- Dead letters: code, path, value; the good event between them is loaded.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data, event_type)
SELECT 100 + row_number() OVER (), e, t FROM (VALUES
    (pg_temp.ev('D01') - 'transaction_id', 'transaction.v1'), (pg_temp.ev('D02', '{"transaction_id": "  "}'), 'transaction.v1'),
    (pg_temp.ev('D03') - 'store_id', 'transaction.v1'), (pg_temp.ev('D04') - 'ts', 'transaction.v1'),
    (pg_temp.ev('D05', '{"total_amount": null}'), 'transaction.v1'), (pg_temp.ev('D06') - 'items', 'transaction.v1'),
    (pg_temp.ev('D07', '{"items": {"product_id": "P1"}}'), 'transaction.v1'), (pg_temp.ev('D08', '{"items": []}'), 'transaction.v1'),
    (pg_temp.ev('D09', '{"total_amount": "thirty"}'), 'transaction.v1'), (pg_temp.ev('D10', '{"total_amount": "NaN"}'), 'transaction.v1'),
    (pg_temp.ev('D11', '{"total_amount": 1e400}'), 'transaction.v1'),
    (pg_temp.ev('D12', '{"total_amount": 1234567890123456789012345678901234567890}'), 'transaction.v1'),
    (pg_temp.ev('D13', '{"total_amount": -1}'), 'transaction.v1'), (pg_temp.ev('D14', '{"ts": "now"}'), 'transaction.v1'),
    (pg_temp.ev('D15', '{"ts": "2025-02-30T10:00:00Z"}'), 'transaction.v1'), (pg_temp.ev('D16', '{"ts": 1724479500}'), 'transaction.v1'),
    (pg_temp.ev('D17', '{"items": [{"product_id": "P1", "qty": -2, "unit_price": 15, "line_amount": 30}]}'), 'transaction.v1'),
    (pg_temp.ev('D18', '{"items": [{"product_id": "P1", "qty": 1, "unit_price": -1, "line_amount": 30}]}'), 'transaction.v1'),
    (pg_temp.ev('D19', '{"items": [{"product_id": "P1", "qty": 1, "unit_price": 30}, {"qty": 1, "unit_price": 0}]}'), 'transaction.v1'),
    (pg_temp.ev('D20', '{"items": [7]}'), 'transaction.v1'), (pg_temp.ev('D21', '{"total_amount": 40}'), 'transaction.v1'),
    (pg_temp.ev('D22'), 'refund.v1'), ('[1]', 'transaction.v1'), (pg_temp.ev('D24', '{"total_amount": true}'), 'transaction.v1'),
    (pg_temp.ev('D25', '{"customer_id": {}}'), 'transaction.v1'), (pg_temp.ev('D26', '{"payment_method": 1}'), 'transaction.v1'),
    (pg_temp.ev('D27', '{"net_amount": "x"}'), 'transaction.v1'),
    (pg_temp.ev('D28', jsonb_build_object('transaction_id', repeat('x', 257))), 'transaction.v1'),
    (pg_temp.ev('G01'), 'transaction.v1'), (pg_temp.ev('D30', '{"total_amount": "Infinity"}'), 'transaction.v1'),
    (pg_temp.ev('D31', '{"total_amount": ""}'), 'transaction.v1')) v(e, t);
SELECT * FROM pg_temp.load();
SELECT event_id, error_code, error_details ->> 'path' AS path, left(error_details ->> 'value', 40) AS value, error_message, left(transaction_id, 5) AS tx, attempts, status
FROM scout.bronze_events_dlq ORDER BY event_id;
SELECT source_event_id FROM scout.silver_transactions WHERE source_event_id >= 100 ORDER BY 1;
SELECT * FROM pg_temp.balance();
SELECT alert_type, severity, count(*) FROM scout.v_quality_alerts GROUP BY alert_type, severity ORDER BY alert_type COLLATE "C";
SELECT error_code, status, letters, attempts_max, unlinked FROM scout.dlq_summary() ORDER BY error_code COLLATE "C";
