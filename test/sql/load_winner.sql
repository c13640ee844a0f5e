-- The winner of a transaction is the lowest event id, in whichever order they are loaded.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (502, pg_temp.ev('X1', '{"customer_id": "late"}')), (501, pg_temp.ev('X1', '{"customer_id": "early"}'));
SELECT * FROM pg_temp.load();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (504, pg_temp.ev('X2', '{"customer_id": "late", "items": [{"product_id": "P9", "qty": 3, "unit_price": 10}]}'));
SELECT * FROM pg_temp.load();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (503, pg_temp.ev('X2', '{"customer_id": "early"}'));
SELECT * FROM pg_temp.load();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (505, pg_temp.ev('X2', '{"customer_id": "last"}'));
SELECT * FROM pg_temp.load();
SELECT * FROM pg_temp.silver() WHERE content LIKE 'X%';
SELECT event_id, error_code, error_message, error_details, transaction_id, attempts FROM scout.bronze_events_dlq WHERE event_id BETWEEN 500 AND 510 ORDER BY 1;
SELECT * FROM pg_temp.balance();
