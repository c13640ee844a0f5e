-- CHECK constraints of the user's on silver, on both write paths: they see each row as an INSERT shows it.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(11);
SET client_min_messages = warning;
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
CREATE FUNCTION pg_temp.ingest(prefix text, first int, last int, quantity int) RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM generate_series(first, last) n, scout.ingest_event(jsonb_build_object('transaction_id', prefix || n, 'store_id', 'S1',
    'ts', '2025-08-24T14:05:00Z', 'total_amount', quantity, 'items', jsonb_build_array(
        jsonb_build_object('product_id', 'P1', 'qty', quantity, 'unit_price', 1, 'line_amount', quantity)))) WHERE accepted
$$;
SET scout_ir.write_path = native;
ALTER TABLE scout.silver_transactions ADD CONSTRAINT mine CHECK (tableoid <> 'scout.silver_transactions'::regclass);
SELECT is(pg_temp.ingest('X', 1, 1, 1), 1::bigint, 'an event for a table whose check always fails');
SELECT results_eq('SELECT transactions_created, events_dead_lettered FROM scout.load_silver_from_bronze()', 'VALUES (0::bigint, 1::bigint)',
    'is a dead letter');
DELETE FROM scout.bronze_events_dlq;
DELETE FROM scout.bronze_events;
ALTER TABLE scout.silver_transactions DROP CONSTRAINT mine;
ALTER TABLE scout.silver_transactions ADD CONSTRAINT mine CHECK (tableoid = 'scout.silver_transactions'::regclass);
ALTER TABLE scout.silver_line_items ADD CONSTRAINT mine CHECK (tableoid = 'scout.silver_line_items'::regclass AND quantity < 100);
SELECT is(pg_temp.ingest('N', 1, 1500, 1), 1500::bigint, 'events, more than a page of rows');
SELECT results_eq('SELECT transactions_created, events_dead_lettered FROM scout.load_silver_from_bronze()', 'VALUES (1500::bigint, 0::bigint)',
    'by the page: a check of tableoid holds');
SELECT is((SELECT write_path FROM scout.etl_runs WHERE transactions_created = 1500), 'native', 'and costs no second try by INSERT');
SELECT is(pg_temp.ingest('M', 1, 10, 1) + pg_temp.ingest('bad', 1, 1, 100), 11::bigint, 'one that another check refuses');
SELECT results_eq('SELECT transactions_created, events_dead_lettered FROM scout.load_silver_from_bronze()', 'VALUES (10::bigint, 1::bigint)',
    'is a dead letter, alone');
SELECT matches((SELECT error_message FROM scout.bronze_events_dlq), 'violates check constraint "mine"', 'that names the constraint');
SET scout_ir.write_path = general;
SELECT is(pg_temp.ingest('G', 1, 10, 1) + pg_temp.ingest('bad', 2, 2, 100), 11::bigint, 'the same by INSERT');
SELECT results_eq('SELECT transactions_created, events_dead_lettered FROM scout.load_silver_from_bronze()', 'VALUES (10::bigint, 1::bigint)',
    'has the same outcome');
SELECT * FROM finish();
ROLLBACK;
