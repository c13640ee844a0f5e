-- The key table in every shape that it may have.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
SET client_min_messages = warning;

-- Two new events and a duplicate in one statement, a redelivery, an event that is deleted and put back.
CREATE FUNCTION pg_temp.take_in(shape text, OUT inserted bigint, OUT again bigint, OUT put_back bigint, OUT keys bigint, OUT broken text)
LANGUAGE plpgsql AS $$
DECLARE
    id bigint;
BEGIN
    INSERT INTO scout.bronze_events (event_data)
    VALUES (pg_temp.ev(shape || 1)), (pg_temp.ev(shape || 2)), (pg_temp.ev(shape || 1));
    GET DIAGNOSTICS inserted = ROW_COUNT;
    PERFORM scout.load_silver_from_bronze();  -- flushes; silver keeps the key of what is deleted
    INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev(shape || 2));
    GET DIAGNOSTICS again = ROW_COUNT;
    DELETE FROM scout.bronze_events b WHERE b.event_data ->> 'transaction_id' = shape || 2 RETURNING b.event_id INTO id;
    INSERT INTO scout.bronze_events (event_id, event_data) VALUES (id, pg_temp.ev(shape || 2));
    GET DIAGNOSTICS put_back = ROW_COUNT;
    PERFORM scout.load_silver_from_bronze();
    SELECT count(*) INTO keys FROM scout.bronze_event_keys k JOIN scout.bronze_events b USING (event_id, event_hash);
    SELECT string_agg(check_name || '=' || value, ', ') INTO broken FROM scout.reconcile()
    WHERE status <> 'ok' AND check_name <> 'bronze_deleted';
END $$;

SELECT * FROM pg_temp.take_in('plain');
RESET ROLE;
CREATE INDEX second ON scout.bronze_event_keys (event_id);
SET ROLE regress_scout_owner;
SELECT * FROM pg_temp.take_in('second index');
SET enable_seqscan = off;
SELECT count(*) AS by_second_index FROM scout.bronze_event_keys k WHERE k.event_id IN (SELECT b.event_id FROM scout.bronze_events b);
RESET enable_seqscan;
DROP INDEX scout.second;
RESET ROLE;
CREATE SCHEMA theirs AUTHORIZATION regress_scout_owner;
SET ROLE regress_scout_owner;
CREATE TABLE theirs.seen (event_id bigint);
CREATE FUNCTION theirs.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO theirs.seen VALUES (new.event_id); RETURN new; END $$;
CREATE TRIGGER see BEFORE INSERT ON scout.bronze_event_keys FOR EACH ROW EXECUTE FUNCTION theirs.see();
SELECT * FROM pg_temp.take_in('trigger');
SELECT count(DISTINCT event_id) AS seen FROM theirs.seen;
DROP TRIGGER see ON scout.bronze_event_keys;
ALTER TABLE scout.bronze_event_keys ADD CHECK (event_id > 0);
SELECT * FROM pg_temp.take_in('check');
ALTER TABLE scout.bronze_event_keys ADD noted_at timestamptz NOT NULL DEFAULT now();
SELECT * FROM pg_temp.take_in('further column');
ALTER TABLE scout.bronze_event_keys ENABLE ROW LEVEL SECURITY;
SELECT * FROM pg_temp.take_in('row security');

-- Another table in its place: columns in another order, one dropped between them, UNIQUE and no primary key.
RESET ROLE;
ALTER TABLE scout.bronze_event_keys RENAME TO old_keys;
CREATE TABLE scout.bronze_event_keys (event_id bigint NOT NULL, gone text, event_hash bytea NOT NULL UNIQUE);
ALTER TABLE scout.bronze_event_keys DROP COLUMN gone, OWNER TO regress_scout_owner;
SET ROLE regress_scout_owner;
INSERT INTO scout.bronze_event_keys SELECT event_id, event_hash FROM scout.old_keys;
SELECT * FROM pg_temp.take_in('another order');
SELECT count(*) AS still_old FROM scout.old_keys k WHERE k.event_id NOT IN (SELECT event_id FROM scout.bronze_event_keys);

-- Partitioned.
DROP TABLE scout.old_keys;
RESET ROLE;
ALTER TABLE scout.bronze_event_keys RENAME TO old_keys;
CREATE TABLE scout.bronze_event_keys (event_hash bytea PRIMARY KEY, event_id bigint NOT NULL) PARTITION BY HASH (event_hash);
CREATE TABLE scout.keys_0 PARTITION OF scout.bronze_event_keys FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE scout.keys_1 PARTITION OF scout.bronze_event_keys FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE scout.bronze_event_keys OWNER TO regress_scout_owner;
ALTER TABLE scout.keys_0 OWNER TO regress_scout_owner;
ALTER TABLE scout.keys_1 OWNER TO regress_scout_owner;
SET ROLE regress_scout_owner;
INSERT INTO scout.bronze_event_keys SELECT event_hash, event_id FROM scout.old_keys;
SELECT * FROM pg_temp.take_in('partitioned');

-- And a plain one again, renamed into its place within a transaction.
DROP TABLE scout.old_keys;
BEGIN;
RESET ROLE;
ALTER TABLE scout.bronze_event_keys RENAME TO old_keys;
CREATE TABLE scout.bronze_event_keys (event_hash bytea PRIMARY KEY, event_id bigint NOT NULL);
ALTER TABLE scout.bronze_event_keys OWNER TO regress_scout_owner;
SET LOCAL ROLE regress_scout_owner;
INSERT INTO scout.bronze_event_keys SELECT event_hash, event_id FROM scout.old_keys;
SELECT * FROM pg_temp.take_in('in a transaction');
ROLLBACK;
SET ROLE regress_scout_owner;
SELECT * FROM pg_temp.take_in('after its rollback');
SELECT broken FROM pg_temp.balance();
RESET ROLE;
DROP SCHEMA theirs CASCADE;
