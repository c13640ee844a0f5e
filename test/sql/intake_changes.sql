-- Events that are changed or leave: UPDATE moves the key, DELETE is logged, TRUNCATE is refused.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data) OVERRIDING SYSTEM VALUE VALUES (900001, pg_temp.ev('T1'));

-- UPDATE moves the key; the id stays. (The operator may not, the owner may.)
UPDATE scout.bronze_events SET event_data = '{}' WHERE event_id = 900001;
SET ROLE regress_scout_owner;
UPDATE scout.bronze_events SET event_data = pg_temp.ev('T1', '{"total_amount": 30.1}') WHERE event_id = 900001;
SELECT b.event_hash = scout.event_hash(b.event_data) AS hash, k.event_id IS NOT NULL AS key
FROM scout.bronze_events b LEFT JOIN scout.bronze_event_keys k USING (event_hash, event_id) WHERE b.event_id = 900001;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (2000000, pg_temp.ev('T1')) RETURNING event_id AS old_content_is_new;
UPDATE scout.bronze_events SET event_id = 5 WHERE event_id = 900001;
UPDATE scout.bronze_events SET event_data = pg_temp.ev('T1') WHERE event_id = 900001;
SELECT * FROM pg_temp.balance();

-- DELETE is logged, the content may come again; TRUNCATE would leave no trace.
DELETE FROM scout.bronze_events WHERE event_id = 2000000;
SELECT event_id, event_data ->> 'transaction_id' AS transaction_id, deleted_by FROM scout.bronze_deletions;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (2000001, pg_temp.ev('T1')) RETURNING event_id;
TRUNCATE scout.bronze_events;
SELECT * FROM pg_temp.balance();
