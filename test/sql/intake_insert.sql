-- INSERT and COPY into bronze: what is filled in, and events that are no objects.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- INSERT fills hash, time and store.
INSERT INTO scout.bronze_events (event_id, event_data, source_system, ingested_at) OVERRIDING SYSTEM VALUE
VALUES (900001, pg_temp.ev('T1'), 'pos', '2025-08-24 06:10Z') RETURNING event_id, event_type, event_ts, store_id, length(event_hash);

-- A source that says nothing.
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T2')) RETURNING source_system;

-- COPY.
COPY scout.bronze_events (event_data, source_system) FROM stdin;
{"transaction_id": "C1", "total_amount": 1.5}	csv
{"total_amount": 1.50, "transaction_id": "c1"}	csv
{"transaction_id": "C2"}	csv
\.
SELECT source_system, count(*) FROM scout.bronze_events GROUP BY 1 ORDER BY 1;

-- Events that are no objects are taken in; the load says what is wrong.
INSERT INTO scout.bronze_events (event_data) VALUES ('[1, 2]'), ('"text"'), ('null'), ('3') RETURNING event_data;
INSERT INTO scout.bronze_events (event_data) VALUES ('3.0') RETURNING event_data;
INSERT INTO scout.bronze_events (event_data) VALUES (NULL);
INSERT INTO scout.bronze_events (event_data, event_type) VALUES ('{"n": 1}', NULL);
INSERT INTO scout.bronze_events (event_data, source_system) VALUES ('{"n": 2}', NULL);
INSERT INTO scout.bronze_events (event_data) VALUES ('{"transaction_id": "a\u0000b"}');
SELECT * FROM pg_temp.balance();

-- An event may bring its own id.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1000000, pg_temp.ev('O1')) RETURNING event_id;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1000000, pg_temp.ev('O2'));
SELECT * FROM pg_temp.balance();
