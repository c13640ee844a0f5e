-- docs/migrate.md on what the runbooks have: a schema scout made by hand, with functions, views and tables of the
-- names that the extension brings.
BEGIN;
SELECT plan(20);
SET client_min_messages = warning;
DROP EXTENSION scout_ir CASCADE;
DROP SCHEMA scout CASCADE;
CREATE ROLE migrate_app;
CREATE ROLE migrate_reader;
CREATE SCHEMA scout AUTHORIZATION migrate_app;
GRANT USAGE, CREATE ON SCHEMA scout TO migrate_reader;
SET ROLE migrate_app;

-- The v5.2 runbook's layers.
CREATE TABLE scout.bronze_events (
    event_id bigserial PRIMARY KEY, event_type text NOT NULL DEFAULT 'transaction.v1', event_ts timestamptz, source_system text NOT NULL,
    store_id text NOT NULL DEFAULT '', event_data jsonb NOT NULL, ingested_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE scout.bronze_events_dlq (
    id bigserial PRIMARY KEY, original_payload jsonb, error_code text, error_message text, source_system text, created_at timestamptz DEFAULT now());
CREATE TABLE scout.silver_transactions (
    transaction_id text PRIMARY KEY, store_id text NOT NULL, ts timestamptz NOT NULL, date_key int NOT NULL, total_amount numeric(18, 4) NOT NULL,
    net_amount numeric(18, 4), customer_id text, payment_method text, item_count int NOT NULL, unique_products int NOT NULL,
    processed_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE scout.silver_line_items (
    transaction_id text NOT NULL, line_sequence int NOT NULL, product_id text NOT NULL, product_name text, brand_name text, category text,
    quantity numeric(18, 4) NOT NULL, unit_price numeric(18, 4) NOT NULL, line_amount numeric(18, 4) NOT NULL,
    discount_amount numeric(18, 4) NOT NULL, product_key bigint, updated_at timestamptz NOT NULL, PRIMARY KEY (transaction_id, line_sequence));
CREATE MATERIALIZED VIEW scout.gold_daily_metrics AS
    SELECT date_key, count(*) AS tx_count, sum(total_amount) AS revenue FROM scout.silver_transactions GROUP BY 1;
CREATE VIEW scout.v_ingest_freshness AS SELECT max(ingested_at) AS latest FROM scout.bronze_events;
CREATE FUNCTION scout.control_ingestion(action text) RETURNS text LANGUAGE sql AS $$SELECT 'by hand: ' || action$$;
CREATE FUNCTION scout.load_silver_from_bronze(batch_size int DEFAULT 1000) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
CREATE FUNCTION scout.data_quality_report(hours int) RETURNS SETOF text LANGUAGE sql AS $$SELECT 'fine'$$;
-- The Scout platform runbook's tables.
CREATE TABLE scout.etl_alerts (id bigserial PRIMARY KEY, severity text, message text, acknowledged boolean DEFAULT false, created_at timestamptz DEFAULT now());
CREATE TABLE scout.api_rate_limits (api_key text PRIMARY KEY, requests_per_hour int NOT NULL);
CREATE TYPE scout.layer AS ENUM ('bronze', 'silver', 'gold');
INSERT INTO scout.bronze_events (source_system, event_data)
SELECT 'pos', jsonb_build_object('transaction_id', 'T' || n, 'store_id', 'S1', 'ts', '2025-08-24T14:05:00Z', 'total_amount', 20,
    'items', jsonb_build_array(jsonb_build_object('product_id', 'P1', 'qty', 1, 'unit_price', 20, 'line_amount', 20)))
FROM generate_series(1, 3) n;
INSERT INTO scout.silver_transactions VALUES ('T1', 'S1', '2025-08-24T14:05:00Z', 20250824, 20, NULL, NULL, NULL, 1, 1, now(), now());
INSERT INTO scout.silver_line_items VALUES ('T1', 1, 'P1', NULL, NULL, NULL, 1, 20, 20, 0, NULL, now());
INSERT INTO scout.bronze_events_dlq (original_payload, error_code, source_system) VALUES ('{"bad": true}', 'MANUAL', 'pos');
INSERT INTO scout.etl_alerts (severity, message) VALUES ('ERROR', 'old');
INSERT INTO scout.api_rate_limits VALUES ('default', 10000);
RESET ROLE;

-- As it is, the schema is refused, and every reason is said.
CREATE FUNCTION pg_temp.refusal() RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
    CREATE EXTENSION scout_ir;
    RETURN 'none';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN detail || E'\n' || hint;
END $$;
CREATE TEMPORARY TABLE refused AS SELECT pg_temp.refusal() AS why;
SELECT matches(why, 'It belongs to role migrate_app', 'refused: another owner') FROM refused;
SELECT matches(why, 'Role migrate_reader may create in it', 'refused: others may create') FROM refused;
SELECT matches(why, 'It contains function .*control_ingestion\(.*text\)', 'refused: a function of one of our names') FROM refused;
SELECT matches(why, 'It contains type .*layer', 'refused: a type') FROM refused;
SELECT matches(why, 'docs/migrate.md', 'the hint says where the way is') FROM refused;

-- 1. Out of the way. 2. The extension.
ALTER SCHEMA scout RENAME TO scout_old;
SELECT lives_ok('CREATE EXTENSION scout_ir', 'the extension is created beside it');
-- 3. The tables that are to be adopted move, with the columns that they lack.
ALTER TABLE scout_old.bronze_events SET SCHEMA scout;
ALTER TABLE scout.bronze_events ADD COLUMN event_hash bytea NOT NULL DEFAULT '';
ALTER TABLE scout.bronze_events ALTER COLUMN event_hash DROP DEFAULT;
ALTER TABLE scout_old.silver_transactions SET SCHEMA scout;
ALTER TABLE scout.silver_transactions ADD COLUMN source_event_id bigint UNIQUE;
ALTER TABLE scout_old.silver_line_items SET SCHEMA scout;
ALTER TABLE scout.silver_line_items ADD COLUMN store_id text NOT NULL DEFAULT '';
ALTER TABLE scout_old.api_rate_limits SET SCHEMA scout;
-- Silver rows say which event they stand for.
UPDATE scout.silver_transactions t SET source_event_id = b.event_id
FROM scout.bronze_events b WHERE b.event_data ->> 'transaction_id' = t.transaction_id AND t.source_event_id IS NULL;
-- 4. The pipeline.
SELECT set_eq($$SELECT object_name, status FROM scout.create_pipeline('migrate_app')
                WHERE kind = 'table' AND object_name IN ('bronze_events', 'silver_transactions', 'bronze_events_dlq')$$,
              $$VALUES ('bronze_events', 'adopted'), ('silver_transactions', 'adopted'), ('bronze_events_dlq', 'created')$$,
              'what was moved is adopted, the rest is made');
SELECT is((SELECT count(DISTINCT c.relowner::regrole) FROM pg_class c JOIN scout_internal.pipeline_layout() l ON l.object_name = c.relname
           WHERE c.relnamespace = 'scout'::regnamespace AND c.relowner = 'migrate_app'::regrole), 1::bigint, 'all of one owner');
-- 5. Letters by the runbook's own INSERT.
INSERT INTO scout.bronze_events_dlq (original_payload, error_code, error_message, source_system)
SELECT original_payload, error_code, error_message, source_system FROM scout_old.bronze_events_dlq;
SELECT is((SELECT count(*) FROM scout.bronze_events_dlq), 1::bigint, 'the letters are there');

SELECT is((SELECT transactions_created FROM scout.load_silver_from_bronze()), 2::bigint, 'what was not in silver is loaded');
SELECT is((SELECT string_agg(transaction_id, ',' ORDER BY transaction_id) FROM scout.silver_transactions), 'T1,T2,T3', 'nothing is loaded twice');
SELECT is_empty($$SELECT check_name, status FROM scout.reconcile() WHERE status = 'critical'$$, 'nothing is lost');
SELECT is((SELECT octet_length(event_hash) FROM scout.bronze_events WHERE event_id = 1), 16, 'old events have their dedup key');
SELECT ok((SELECT NOT accepted AND duplicate FROM scout.ingest_event((SELECT event_data FROM scout.bronze_events WHERE event_id = 1), source_system => 'pos')),
          'and are not taken in again');
SELECT is((SELECT ingestion_active FROM scout.control_ingestion('status')), true, 'control_ingestion() is ours');
SELECT is((SELECT scout_old.control_ingestion('x')), 'by hand: x', 'the old function is where it can be looked at');
SELECT is((SELECT count(*) FROM scout.etl_alerts), 0::bigint, 'etl_alerts is the view');
SELECT is((SELECT count(*) FROM scout_old.etl_alerts), 1::bigint, 'the old alerts are kept');
UPDATE scout.api_rate_limits SET requests_per_hour = 20000 WHERE api_key = 'default';
SELECT is((SELECT requests_per_hour FROM scout.api_rate_limits), 20000, 'the other runbook''s table works as it did');
REFRESH MATERIALIZED VIEW scout_old.gold_daily_metrics;
SELECT is((SELECT max(revenue) FROM scout_old.gold_daily_metrics), 60::numeric, 'views by hand go on over the tables that have moved');
SELECT * FROM finish();
ROLLBACK;
