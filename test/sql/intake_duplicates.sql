-- The same content is taken in once: in one statement, in one transaction, later, after a rollback.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
-- Duplicates are skipped: same statement, same transaction, later.
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T2')), (pg_temp.ev('T2')) RETURNING event_data ->> 'transaction_id';
BEGIN;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T3'));
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T3')) RETURNING 1;
COMMIT;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T3')) RETURNING 1;

-- Written another way: case and blanks of an id, metadata.
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev(' t3 ', '{"metadata": {"try": 2}}')) RETURNING 1;

-- A rolled-back savepoint takes event, key and queue entry along.
BEGIN;
SAVEPOINT s;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R1'));
SELECT count(*) AS unflushed FROM scout_internal.unflushed_events();
ROLLBACK TO s;
SELECT count(*) AS unflushed FROM scout_internal.unflushed_events();
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R1')) RETURNING 1 AS accepted_again;
COMMIT;
SELECT * FROM pg_temp.balance();

INSERT INTO scout.bronze_events (event_id, event_data) OVERRIDING SYSTEM VALUE VALUES (900001, pg_temp.ev('T1'));
-- ON CONFLICT DO NOTHING: what it drops does not occupy a key.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (900001, pg_temp.ev('R2')) ON CONFLICT DO NOTHING RETURNING 1;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R2')) RETURNING 1 AS accepted;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R2')) RETURNING 1 AS accepted;
BEGIN;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (900001, pg_temp.ev('R3')) ON CONFLICT DO NOTHING RETURNING 1;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R3')) RETURNING 1 AS accepted;
COMMIT;
SELECT * FROM pg_temp.balance();
