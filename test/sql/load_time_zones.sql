-- Times of the sale: without a zone UTC, whatever the session says.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SET timezone = 'Asia/Manila';
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (201, pg_temp.ev('Z1', '{"ts": "2025-08-24T14:05:00"}')),
 (202, pg_temp.ev('Z2', '{"ts": "2025-08-24 14:05:00.123456Z"}')), (203, pg_temp.ev('Z3', '{"ts": "2025-08-25T01:00:00+08:00"}'));
SELECT * FROM pg_temp.load();
SELECT transaction_id, ts AT TIME ZONE 'UTC' AS utc, date_key FROM scout.silver_transactions WHERE transaction_id LIKE 'Z%' ORDER BY 1;
SELECT event_id, event_ts AT TIME ZONE 'UTC' AS utc FROM scout.bronze_events WHERE event_id > 200 ORDER BY 1;
SET timezone = 'UTC';
