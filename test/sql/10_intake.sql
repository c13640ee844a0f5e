-- Intake: every way into bronze, duplicates, what leaves it.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set reset :abs_srcdir /sql/include/reset.sql
\i :reset
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ECHO all
SET ROLE regress_scout_operator;

-- INSERT fills hash, time and store.
INSERT INTO scout.bronze_events (event_id, event_data, source_system, ingested_at) OVERRIDING SYSTEM VALUE
VALUES (900001, pg_temp.ev('T1'), 'pos', '2025-08-24 06:10Z') RETURNING event_id, event_type, event_ts, store_id, length(event_hash);

-- Duplicates are skipped: same statement, same transaction, later.
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T2')), (pg_temp.ev('T2')) RETURNING event_data ->> 'transaction_id';
BEGIN;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T3'));
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T3')) RETURNING 1;
COMMIT;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('T3')) RETURNING 1;
-- The same business content: case and blanks of ids, 30 and 30.00, metadata, order of keys.
SELECT v.what, scout.event_hash(v.e) = scout.event_hash(pg_temp.ev('T3')) AS same
FROM (VALUES ('case', pg_temp.ev('t3')), ('blanks', pg_temp.ev(' T3 ')), ('scale', pg_temp.ev('T3', '{"total_amount": 30.00}')),
      ('metadata', pg_temp.ev('T3', '{"metadata": {"a": 1}}')),
      ('key order', (SELECT json_object_agg(k, v ORDER BY k DESC)::jsonb FROM jsonb_each(pg_temp.ev('T3')) x(k, v))),
      ('amount', pg_temp.ev('T3', '{"total_amount": 31}')), ('id', pg_temp.ev('T33')),
      ('line', pg_temp.ev('T3', '{"items": []}'))) v(what, e);
SELECT scout.event_hash('{"transaction_id": "x", "total_amount": 1.5}') = scout.event_hash('{"transaction_id": "x", "total_amount": 1.50}') AS same,
       scout.event_hash('{"a": 1}') = scout.event_hash('{"a": 1}', 'other.v1') AS type_counts,
       length(scout.event_hash('[]')) AS len, scout.event_hash(NULL) IS NULL AS strict;
-- The bytes of the hash are a promise: they are stored in user tables and in dumps.
SELECT scout.event_hash('{"transaction_id": " TX-1 ", "store_id": "S1", "customer_id": "c\t", "total_amount": -12.3400, "big": 1.5e30,
    "small": 1e-12, "zero": -0.00, "ok": true, "no": false, "none": null, "metadata": {"x": 1},
    "items": [{"product_id": " P1 ", "qty": 10000, "unit_price": 0.0500, "nested": {"product_id": " P1 ", "metadata": 1}}, [], "x", 7]}');
SELECT e AS event, scout.event_hash(e) FROM unnest('{"{}", "[]", "\"A\"", "3", "null"}'::jsonb[]) e;
SELECT scout.event_hash('{}', 'refund.v1') AS type, scout.event_hash('1e131071') AS huge, scout.event_hash('1e-16383') AS tiny;
-- Numbers of every shape by an independent way: the number's plain text, after the version, 'transaction.v1', [, #, with
-- their lengths.
WITH shape AS (
    SELECT (sign || digits)::numeric * 10::numeric ^ exponent AS n
    FROM unnest('{"",-}'::text[]) sign, generate_series(-41, 41) exponent,
         unnest('{0,1,10,120,9999,10000,10001,99999999,100000000,1.5,1.50,0.0001,1000.0001,12345.678900,0.00001,3.14159265358979}'::text[]) digits
), plain AS (SELECT n, convert_to(trim_scale(n)::text, 'UTF8') AS t FROM shape)
SELECT count(*) AS numbers, count(*) FILTER (WHERE scout.event_hash(to_jsonb(n)) <> substr(sha256(
    '\x010e000000'::bytea || 'transaction.v1'::bytea || '[#'::bytea || set_byte('\x00000000', 0, length(t)) || t || ']'::bytea), 1, 16)) AS wrong
FROM plain;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev(' t3 ', '{"metadata": {"try": 2}}')) RETURNING 1;

-- COPY.
COPY scout.bronze_events (event_data, source_system) FROM stdin;
{"transaction_id": "C1", "total_amount": 1.5}	csv
{"total_amount": 1.50, "transaction_id": "c1"}	csv
{"transaction_id": "C2"}	csv
\.
SELECT source_system, count(*) FROM scout.bronze_events GROUP BY 1 ORDER BY 1;

-- The two calls.
SELECT accepted, duplicate, reason, event_id IS NOT NULL AS has_id FROM scout.ingest_event(pg_temp.ev('T4'));
SELECT accepted, duplicate, regexp_replace(reason, '\d+', 'N') AS reason, event_id IS NOT NULL AS has_id FROM scout.ingest_event(pg_temp.ev('T4'));
SELECT ordinal, accepted, duplicate, regexp_replace(reason, '\d+', 'N') AS reason, event_id IS NOT NULL AS has_id
FROM scout.ingest_events(jsonb_build_array(pg_temp.ev('T5'), pg_temp.ev('T4'), 17, '{}'::jsonb, NULL, pg_temp.ev('T5'), '[]'::jsonb), source_system => 'web');
SELECT * FROM scout.ingest_events('[]');
SELECT scout.ingest_event('[1]');
SELECT scout.ingest_event('"text"');
SELECT scout.ingest_event(NULL);
SELECT scout.ingest_event('{}', NULL);
SELECT scout.ingest_events('{}');
SELECT scout.ingest_events('3');
SELECT scout.ingest_event('{"a": "\u0000"}');

-- Events that are no objects are taken in; the load says what is wrong.
INSERT INTO scout.bronze_events (event_data) VALUES ('[1, 2]'), ('"text"'), ('null'), ('3') RETURNING event_data;
INSERT INTO scout.bronze_events (event_data) VALUES ('3.0') RETURNING event_data;
INSERT INTO scout.bronze_events (event_data) VALUES (NULL);
INSERT INTO scout.bronze_events (event_data, event_type) VALUES ('{"n": 1}', NULL);
INSERT INTO scout.bronze_events (event_data, source_system) VALUES ('{"n": 2}', NULL);
INSERT INTO scout.bronze_events (event_data) VALUES ('{"transaction_id": "a\u0000b"}');
SELECT * FROM pg_temp.balance();

-- A rolled-back savepoint takes event, key and queue entry along.
BEGIN;
SAVEPOINT s;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R1'));
SELECT count(*) AS unflushed FROM scout.unflushed_events();
ROLLBACK TO s;
SELECT count(*) AS unflushed FROM scout.unflushed_events();
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R1')) RETURNING 1 AS accepted_again;
COMMIT;
SELECT * FROM pg_temp.balance();

-- ON CONFLICT DO NOTHING: what it drops does not occupy a key.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (900001, pg_temp.ev('R2')) ON CONFLICT DO NOTHING RETURNING 1;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R2')) RETURNING 1 AS accepted;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R2')) RETURNING 1 AS accepted;
BEGIN;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (900001, pg_temp.ev('R3')) ON CONFLICT DO NOTHING RETURNING 1;
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('R3')) RETURNING 1 AS accepted;
COMMIT;
SELECT * FROM pg_temp.balance();

-- An event may bring its own id.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1000000, pg_temp.ev('O1')) RETURNING event_id;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1000000, pg_temp.ev('O2'));
SELECT * FROM pg_temp.balance();

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

-- The state of the event that refuses a redelivery.
SET ROLE regress_scout_operator;
SELECT events_processed, transactions_created, line_items_created, transactions_updated, events_dead_lettered, backlog
FROM scout.load_silver_from_bronze();
SELECT accepted, regexp_replace(reason, '\d+', 'N') AS reason FROM scout.ingest_event(pg_temp.ev('T2'));
SELECT accepted, regexp_replace(reason, '\d+', 'N') AS reason FROM scout.ingest_event('{"transaction_id": "C1", "total_amount": 1.5}');
DO $$ BEGIN PERFORM scout.quarantine_events(ARRAY[1000000], 'test'); END $$;
SELECT * FROM scout.ingest_event(pg_temp.ev('O1'));
DO $$ BEGIN PERFORM scout.dlq_resolve('not wanted', error_code => 'quarantine'); END $$;
SELECT * FROM scout.ingest_event(pg_temp.ev('O1'));
INSERT INTO scout.bronze_events (event_data) VALUES (pg_temp.ev('O1')) RETURNING 1;
SELECT * FROM pg_temp.balance();
SELECT sum(duplicates_skipped) AS duplicates_counted FROM scout.etl_runs WHERE kind = 'intake';

-- PUBLIC may execute the trigger functions: on a table of somebody's own they must not reach into the pipeline.
SET ROLE regress_scout_reader;
CREATE TEMP TABLE fake (event_id bigint, event_type text, event_ts timestamptz, source_system text, store_id text,
    event_data jsonb, event_hash bytea, ingested_at timestamptz);
CREATE TEMP TABLE fake_letter (event_id bigint, original_payload jsonb, error_code text, error_message text,
    error_details jsonb, transaction_id text, last_error_code text);
DO $$
BEGIN
    CREATE TRIGGER fake BEFORE INSERT ON fake FOR EACH ROW EXECUTE FUNCTION scout.bronze_intake();
    INSERT INTO fake VALUES (900001, 'transaction.v1', NULL, 'x', '', pg_temp.ev('REAL'), NULL, now());
EXCEPTION WHEN OTHERS THEN NULL; END $$;
DO $$
BEGIN
    ALTER TABLE fake DISABLE TRIGGER USER;
    INSERT INTO fake VALUES (77, 'transaction.v1', NULL, 'x', '', '{}', '\x00', now());
    CREATE TRIGGER fake_deleted AFTER DELETE ON fake FOR EACH ROW EXECUTE FUNCTION scout.bronze_deleted();
    DELETE FROM fake;
EXCEPTION WHEN OTHERS THEN NULL; END $$;
DO $$
BEGIN
    CREATE TRIGGER fake BEFORE INSERT ON fake_letter FOR EACH ROW EXECUTE FUNCTION scout.dead_letter_link();
    INSERT INTO fake_letter (original_payload, error_code) VALUES (pg_temp.ev('O1'), 'FORGED');
EXCEPTION WHEN OTHERS THEN NULL; END $$;
RESET ROLE;
SELECT count(*) AS forged_deletions FROM scout.bronze_deletions WHERE event_id = 77;
SELECT event_id, status, last_error_code FROM scout.bronze_events_dlq WHERE event_id = 1000000;
SET ROLE regress_scout_operator;
SELECT accepted, reason FROM scout.ingest_event(pg_temp.ev('REAL'));
