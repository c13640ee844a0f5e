-- An adopted catalogue whose product_key may be NULL: such a product is none to link to, by whatever rule.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(8);
SET client_min_messages = warning;
CREATE TABLE scout.dim_product (product_key bigint, product_id text UNIQUE, product_name text, brand_name text, category text);
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
CREATE EXTENSION pg_trgm;
SELECT is((SELECT count(*) FROM generate_series(1, 4) n, scout.ingest_event(jsonb_build_object('transaction_id', 'T' || n, 'store_id', 'S1',
    'ts', '2025-08-24T14:05:00Z', 'total_amount', 1, 'items', jsonb_build_array(jsonb_build_object('product_id', 'P' || n,
    'product_name', (ARRAY['Coca-Cola 1.5L', 'Pepsi Max 0.5L', 'Wooden Toy Trains', 'Orange Juice'])[n], 'qty', 1, 'unit_price', 1, 'line_amount', 1))))
    WHERE accepted), 4::bigint, 'four events');
SELECT is((SELECT transactions_created FROM scout.load_silver_from_bronze()), 4::bigint, 'loaded');
-- The same id, the same name, a similar name, all without a key; and one with a key, of the same name as the first.
INSERT INTO scout.dim_product (product_key, product_id, product_name)
VALUES (NULL, 'P1', 'Cola'), (NULL, 'X2', 'Pepsi Max 0.5L'), (NULL, 'X3', 'Wooden Toy Train'), (7, 'X4', 'Coca-Cola 1.5L'), (8, 'X5', 'Orange Juices');
SELECT is((SELECT count(*) FROM scout.unmatched_products() u WHERE u.candidate_key IS NOT NULL), 2::bigint, 'candidates have keys');
SELECT results_eq('SELECT lines_linked_exact, lines_linked_similar, lines_unmatched FROM scout.link_products_to_catalog()',
    'VALUES (1::bigint, 1::bigint, 2::bigint)', 'what has no key links nothing');
SELECT results_eq('SELECT product_id, product_key FROM scout.silver_line_items ORDER BY 1',
    $$VALUES ('P1', 7::bigint), ('P2', NULL), ('P3', NULL), ('P4', 8)$$, 'the others go by name');
SELECT is((SELECT count(*) FROM scout.product_links WHERE product_key = 0), 0::bigint, 'none is linked to a product 0');
UPDATE scout.dim_product SET product_key = 9 WHERE product_id = 'X3';
SELECT is((SELECT lines_linked_similar FROM scout.link_products_to_catalog()), 1::bigint, 'a key that comes later counts');
SELECT * FROM finish();
ROLLBACK;
