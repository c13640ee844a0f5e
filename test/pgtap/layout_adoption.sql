-- Tables that are there already: all that is wrong with them is said at once, and nothing is changed.
BEGIN;
SELECT plan(12);
CREATE ROLE adoption_owner;
SELECT count(*) AS ignored FROM scout.grant_access('admin', 'adoption_owner') \gset
CREATE TABLE scout.silver_transactions (transaction_id text PRIMARY KEY, total_amount text);
CREATE TABLE scout.dim_product (product_key bigint, product_id text, product_name text, brand_name text, category text);
ALTER TABLE scout.silver_transactions OWNER TO adoption_owner;
ALTER TABLE scout.dim_product OWNER TO adoption_owner;
CREATE FUNCTION pg_temp.problems() RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    SET LOCAL ROLE adoption_owner;
    PERFORM scout.create_pipeline();
    RESET ROLE;
    RETURN 'none';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL;
    RETURN found;
END
$$;
SELECT matches(pg_temp.problems(), 'silver_transactions needs column date_key integer', 'a missing column');
SELECT matches(pg_temp.problems(), 'silver_transactions needs column total_amount numeric', 'a column of another type');
SELECT matches(pg_temp.problems(), 'dim_product needs a unique index on \(product_id\)', 'a missing unique index');
SELECT hasnt_table('scout'::name, 'bronze_events'::name, 'nothing was made');

DROP TABLE scout.silver_transactions, scout.dim_product;
CREATE TABLE scout.silver_transactions (
    note text DEFAULT 'mine', updated_at timestamptz NOT NULL, gone int, source_event_id bigint UNIQUE, item_count int,
    unique_products int, processed_at timestamptz, transaction_id text UNIQUE, store_id text, ts timestamptz, date_key int,
    total_amount numeric(20, 2), net_amount numeric, customer_id text, payment_method text);
COMMENT ON TABLE scout.silver_transactions IS 'the user''s words';
ALTER TABLE scout.silver_transactions DROP COLUMN gone, OWNER TO adoption_owner;
SELECT is(pg_temp.problems(), 'none', 'another column order, a dropped column and a column of the user''s are adopted');
SELECT is(obj_description('scout.silver_transactions'::regclass, 'pg_class'), 'the user''s words', 'what is adopted keeps its comment');
SELECT ok(accepted, 'an event') FROM scout.ingest_event('{"transaction_id": "a", "store_id": "s", "ts": "2026-01-01T00:00:00Z",
    "total_amount": 5, "items": [{"product_id": "p", "qty": 1, "unit_price": 5}]}');
SELECT is((SELECT transactions_created FROM scout.load_silver_from_bronze()), 1::bigint, 'loads into it');

-- Altered afterwards: what would be misread or lost is an error.
SELECT ok(accepted, 'a bad event') FROM scout.ingest_event('{"bad": 1}');
CREATE FUNCTION pg_temp.drop_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER mine BEFORE INSERT ON scout.bronze_events_dlq FOR EACH ROW EXECUTE FUNCTION pg_temp.drop_row();
SELECT throws_like('SELECT scout.load_silver_from_bronze()', '%dropped the letter of event 2', 'a trigger that drops letters stops the load');
DROP TRIGGER mine ON scout.bronze_events_dlq;
ALTER TABLE scout.bronze_events ALTER event_data TYPE json;
SELECT throws_like($$SELECT scout.ingest_event('{"other": 1}')$$, '%"event_data" must be of type jsonb', 'no event is taken in as json');
SELECT is((SELECT events_dead_lettered FROM scout.load_silver_from_bronze()), 1::bigint, 'those that are there are read all the same');
SELECT * FROM finish();
ROLLBACK;
