-- Tables as users adopt them, with columns that may be NULL: a reprocess sees a NULL in silver as what it is, another value,
-- and an event without store is loaded or a dead letter like any other.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(14);
SET client_min_messages = warning;
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
ALTER TABLE scout.silver_transactions ALTER updated_at DROP NOT NULL, ALTER item_count DROP NOT NULL, ALTER unique_products DROP NOT NULL,
    ALTER ts DROP NOT NULL, ALTER date_key DROP NOT NULL, ALTER total_amount DROP NOT NULL, ALTER store_id DROP NOT NULL;
-- 'first': the instant whose binary value is 0, and without items.
CREATE FUNCTION pg_temp.ev(id text, ts text, items jsonb) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('transaction_id', id, 'store_id', 'S1', 'ts', ts, 'total_amount', 1, 'items', items) $$;
SELECT is((SELECT count(*) FROM (SELECT * FROM scout.ingest_event(pg_temp.ev('first', '2000-01-01T00:00:00Z', '[{"product_id": "P", "qty": 1, "unit_price": 1, "line_amount": 1}]'))
    UNION ALL SELECT * FROM scout.ingest_event(pg_temp.ev('other', '2025-08-24T00:00:00Z', '[{"product_id": "P", "qty": 1, "unit_price": 1, "line_amount": 1}]'))) i
    WHERE i.accepted), 2::bigint, 'two events');
SELECT is((SELECT transactions_created FROM scout.load_silver_from_bronze()), 2::bigint, 'loaded');
CREATE TABLE pg_temp.loaded AS SELECT to_jsonb(t) - '{processed_at,updated_at}'::text[] AS row FROM scout.silver_transactions t;
UPDATE scout.silver_transactions SET updated_at = NULL;
SELECT is((SELECT transactions_updated FROM scout.reprocess_bronze_window(now() - interval '1 hour', now() + interval '1 hour')), 2::bigint,
    'rows without updated_at are reprocessed');
SELECT is((SELECT count(*) FROM scout.silver_transactions WHERE updated_at IS NOT NULL), 2::bigint, 'and have one then');
UPDATE scout.silver_transactions SET updated_at = now();
UPDATE scout.silver_transactions SET ts = NULL WHERE transaction_id = 'first';
SELECT is((SELECT transactions_updated FROM scout.reprocess_bronze_window(now() - interval '1 hour', now() + interval '1 hour')), 2::bigint, 'a row without ts');
SELECT is((SELECT count(*) FROM scout.silver_transactions WHERE ts IS NULL), 0::bigint, 'has it back, also where it is the instant that NULL reads as');
UPDATE scout.silver_transactions SET store_id = NULL, total_amount = NULL, item_count = NULL, unique_products = NULL, date_key = NULL;
SELECT is((SELECT transactions_updated FROM scout.reprocess_bronze_window(now() - interval '1 hour', now() + interval '1 hour')), 2::bigint, 'other columns');
SELECT bag_eq($$SELECT to_jsonb(t) - '{processed_at,updated_at}'::text[] FROM scout.silver_transactions t$$, 'SELECT row FROM pg_temp.loaded',
    'all is as it was loaded');
-- store_id, which intake leaves alone where the document has none, of an adopted table without the default.
ALTER TABLE scout.bronze_events ALTER store_id DROP NOT NULL, ALTER store_id DROP DEFAULT;
SELECT is((SELECT accepted FROM scout.ingest_event('{"transaction_id": "no store"}')), true, 'an event without store');
SELECT is((SELECT store_id FROM scout.bronze_events WHERE event_data ->> 'transaction_id' = 'no store'), NULL, 'has none in bronze');
SELECT is((SELECT events_dead_lettered FROM scout.load_silver_from_bronze()), 1::bigint, 'is a dead letter');
SELECT lives_ok($$SELECT * FROM scout.quarantine_events((SELECT array_agg(event_id) FROM scout.bronze_events WHERE store_id IS NULL), 'no store')$$, 'can be quarantined');
SELECT lives_ok('DELETE FROM scout.bronze_events WHERE store_id IS NULL', 'and deleted');

SELECT * FROM finish();
ROLLBACK;
