-- Rows from a time without triggers and constraints: NULL where intake never leaves it. Each is mended, loaded as a
-- dead letter or refused by name; none of them ends the server.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(21);
SET client_min_messages = warning;
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
CREATE FUNCTION pg_temp.ev(id text) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('transaction_id', id, 'store_id', 'S1', 'ts', '2025-08-24T14:05:00Z', 'total_amount', 10,
    'items', jsonb_build_array(jsonb_build_object('product_id', 'P1', 'qty', 1, 'unit_price', 10, 'line_amount', 10)))
$$;
ALTER TABLE scout.bronze_events ALTER event_hash DROP NOT NULL, ALTER event_data DROP NOT NULL, ALTER source_system DROP NOT NULL;
ALTER TABLE scout.bronze_events DISABLE TRIGGER USER;
INSERT INTO scout.bronze_events (event_id, event_data, event_hash, source_system)
VALUES (1, pg_temp.ev('A'), NULL, 'pos'), (2, pg_temp.ev('B'), NULL, 'pos'), (3, pg_temp.ev('C'), NULL, 'pos'),
       (4, NULL, sha256('4'), 'pos'), (5, pg_temp.ev('E'), scout.event_hash(pg_temp.ev('E')), NULL), (6, NULL, NULL, 'pos');
ALTER TABLE scout.bronze_events ENABLE ALWAYS TRIGGER zz_scout_ir_intake, ENABLE ALWAYS TRIGGER zz_scout_ir_deleted;

-- event_hash
SELECT lives_ok($$UPDATE scout.bronze_events SET store_id = 'S2' WHERE event_id = 1$$, 'an update of a row without hash');
SELECT is((SELECT event_hash FROM scout.bronze_events WHERE event_id = 1), scout.event_hash(pg_temp.ev('A')), 'makes its hash');
SELECT is((SELECT event_id FROM scout.bronze_event_keys WHERE event_hash = scout.event_hash(pg_temp.ev('A'))), 1::bigint, 'and its key');
SELECT is((SELECT duplicate FROM scout.ingest_event(pg_temp.ev('A'))), true, 'a redelivery is refused');
SELECT lives_ok($$DELETE FROM scout.bronze_events WHERE event_id = 2$$, 'a row without hash can be deleted');
SELECT is((SELECT event_data ->> 'transaction_id' FROM scout.bronze_deletions WHERE event_id = 2), 'B', 'and its copy is kept');

-- source_system
SELECT lives_ok($$UPDATE scout.bronze_events SET source_system = 'pos' WHERE event_id = 5$$, 'a missing source can be filled in');

-- event_data
SELECT throws_ok($$UPDATE scout.bronze_events SET store_id = 'S2' WHERE event_id = 4$$, '23502', 'null value in column "event_data"',
    'an update that leaves an event without document');
SELECT lives_ok($$UPDATE scout.bronze_events SET event_data = pg_temp.ev('F') WHERE event_id = 6$$, 'a missing document can be filled in');
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'create_pipeline() takes the rest in') FROM (
    SELECT count(*) FROM scout.bronze_events) x;
SELECT is((SELECT event_hash FROM scout.bronze_events WHERE event_id = 3), scout.event_hash(pg_temp.ev('C')), 'with hashes');
SELECT is((SELECT transactions_created FROM scout.load_silver_from_bronze()), 4::bigint, 'four load');
SELECT results_eq($$SELECT event_id, error_code, original_payload FROM scout.bronze_events_dlq$$,
    $$VALUES (4::bigint, 'INVALID_TYPE', 'null'::jsonb)$$, 'the one without document is a dead letter');
SELECT is((SELECT events_redriven FROM scout.dlq_redrive()), 1::bigint, 'that can be redriven');
SELECT lives_ok($$SELECT * FROM scout.quarantine_events('{4}', 'no document')$$, 'and quarantined');
SELECT lives_ok($$DELETE FROM scout.bronze_events WHERE event_id = 4$$, 'and deleted');

-- The queue and the keys, written by hand.
ALTER TABLE scout.bronze_pending ALTER events DROP NOT NULL;
INSERT INTO scout.bronze_pending (source_system, events, event_count, min_ingested_at, max_ingested_at) VALUES ('pos', NULL, 1, now(), now());
SELECT throws_ok('SELECT scout.load_silver_from_bronze()', 'XX001', 'the queue holds a chunk without ids', 'a chunk without ids');
DELETE FROM scout.bronze_pending WHERE events IS NULL;
SELECT lives_ok('SELECT scout.load_silver_from_bronze()', 'deleted, as the hint says');
ALTER TABLE scout.bronze_event_keys ALTER event_id DROP NOT NULL;
INSERT INTO scout.bronze_event_keys VALUES (scout.event_hash(pg_temp.ev('G')), NULL);
SELECT throws_ok($$SELECT scout.ingest_event(pg_temp.ev('G')); SELECT scout.backlog(); SELECT scout.load_silver_from_bronze()$$, '23505', NULL,
    'a key without event: its content is not taken twice');

SELECT is((SELECT count(*) FROM scout.bronze_events WHERE event_hash IS NULL OR event_data IS NULL), 0::bigint, 'nothing is left unmended');
SELECT * FROM finish();
ROLLBACK;
