-- Linking lines to the catalogue: what matches, in which order, how ties are decided, what stays.
BEGIN;
SELECT plan(38);
\ir ../lib/pipeline.sql
SET client_min_messages = warning;

INSERT INTO scout.dim_product (product_key, product_id, product_name, brand_name) VALUES
    (1, 'P1', 'Coca-Cola  1.5L', 'Coke'), (2, 'P2', 'Pepsi Max 0.5L', 'Pepsi'), (3, 'P3', 'Orange Juice', NULL),
    (4, 'P4', 'ORANGE JUICE!', 'Acme'), (5, 'P5', 'Wooden Toy Train', 'Brio'), (6, 'P6', 'Wooden Toy Train', 'Brio'),
    (7, 'P7', NULL, NULL), (8, 'P8', 'Café crème', 'Maison'), (9, 'P9', 'Tea Chai', NULL), (10, 'P10', '--', NULL);
CREATE FUNCTION pg_temp.sell(id text, product text, name text DEFAULT NULL, brand text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
    SELECT scout.ingest_event(jsonb_strip_nulls(jsonb_build_object('transaction_id', id, 'store_id', 's', 'ts', '2026-03-01T09:00:00Z',
        'total_amount', 5, 'items', jsonb_build_array(jsonb_build_object('product_id', product, 'product_name', name,
        'brand', brand, 'brand_name', brand, 'qty', 1, 'unit_price', 5, 'line_amount', 5)))))
$$;
CREATE FUNCTION pg_temp.key(id text) RETURNS bigint LANGUAGE sql AS
    $$SELECT l.product_key FROM scout.silver_line_items l WHERE l.transaction_id = id$$;
CREATE FUNCTION pg_temp.link(text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
    EXECUTE 'SELECT concat_ws('' '', l.lines_linked_exact, l.lines_linked_similar, l.lines_unmatched, l.remaining)
             FROM scout.link_products_to_catalog(' || $1 || ') l' INTO r;
    RETURN r;
END $$;
SELECT count(*) AS ignored FROM (SELECT
    pg_temp.sell('name+brand', 'X1', 'coca cola 1.5l', 'COKE'), pg_temp.sell('name', 'X2', ' orange   juice '),
    pg_temp.sell('brand decides', 'X3', 'Orange juice', 'acme'), pg_temp.sell('other brand', 'X4', 'Coca-Cola 1.5L', 'Pepsi'),
    pg_temp.sell('typo', 'X5', 'Pepsi Maxx 0.5L'), pg_temp.sell('typo, again', 'X5', 'Pepsi Maxx 0.5L'),
    pg_temp.sell('tie', 'X6', 'Wooden Toy Train'), pg_temp.sell('similar tie', 'X7', 'Wooden Toy Trains', 'Brio'),
    pg_temp.sell('typo, other brand', 'X8', 'Pepsi Maxx 0.5L', 'Coke'), pg_temp.sell('no name', 'X9'),
    pg_temp.sell('no letters', 'X10', '!!'), pg_temp.sell('nothing alike', 'X11', 'Umbrella'),
    pg_temp.sell('accents', 'X12', 'CAFÉ CRÈME'), pg_temp.sell('long', 'X13', repeat('x', 100000)),
    pg_temp.sell('words in another order', 'X14', 'chai tea')) x;
SELECT is((SELECT l.line_items_created FROM scout.load_silver_from_bronze() l), 15::bigint, 'fifteen lines');
SELECT is((SELECT count(*) FROM scout.silver_line_items l WHERE l.product_key IS NOT NULL), 0::bigint, 'none is linked by its id');

-- Without pg_trgm.
SELECT is((SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'), 0::bigint, 'pg_trgm is not there');
SELECT is(pg_temp.link('dry_run => true'), '5 0 10 0', 'without pg_trgm only exact matches');
SELECT is((SELECT count(*) FROM scout.silver_line_items l WHERE l.product_key IS NOT NULL) + (SELECT count(*) FROM scout.product_links), 0::bigint,
          'a dry run links nothing');
SELECT is((SELECT count(u.candidate_key) || '/' || count(*) FROM scout.unmatched_products() u), '0/14', 'the report works without pg_trgm, too');

CREATE EXTENSION pg_trgm;
SELECT is((SELECT u.product_id || ' ' || u.line_items || ' ' || u.candidate_id FROM scout.unmatched_products() u LIMIT 1),
          'X5 2 P2', 'the report names the most frequent first, with the best candidate');
SELECT is((SELECT u.candidate_id FROM scout.unmatched_products() u WHERE u.product_id = 'X8'), 'P2', 'a candidate of another brand is shown');
SELECT is((SELECT count(*) FROM scout.unmatched_products(3)), 3::bigint, 'as many as asked for');

SELECT is(pg_temp.link('batch_size => 1'), '5 4 6 0', 'exact, similar, unmatched; whatever the batch size');
SELECT is(pg_temp.key(k.id), k.key::bigint, 'linked: ' || k.id)
FROM (VALUES ('name+brand', 1), ('name', 3), ('brand decides', 4), ('typo', 2), ('typo, again', 2), ('tie', 5),
             ('similar tie', 5), ('accents', 8), ('words in another order', 9)) k (id, key);
SELECT is((SELECT string_agg(l.transaction_id, ', ' ORDER BY l.transaction_id) FROM scout.silver_line_items l WHERE l.product_key IS NULL),
          'long, no letters, no name, nothing alike, other brand, typo, other brand', 'not linked');
SELECT is((SELECT string_agg(concat_ws(' ', k.product_id, k.method, round(k.confidence::numeric, 2)), ', ' ORDER BY k.product_id) FROM scout.product_links k),
          'X1 name and brand 1.00, X12 name 0.90, X14 similar 1.00, X2 name 0.50, X3 name and brand 1.00, X5 similar 0.82, X6 name 0.50, X7 similar 0.83',
          'each spelling with method and confidence');
SELECT is((SELECT k.confidence FROM scout.product_links k WHERE k.product_id = 'X5'), similarity('Pepsi Maxx 0.5L', 'Pepsi Max 0.5L'),
          'the confidence is the similarity of pg_trgm');
SELECT is(pg_temp.link(), '0 0 6 0', 'linking again changes nothing');
SELECT is((SELECT t.counts ->> 'lines_linked_similar' FROM scout.timeline t WHERE t.action = 'link_products_to_catalog' AND t.outcome = 'done'
           ORDER BY t.entry_id LIMIT 1), '4', 'it stands in the timeline');
SELECT is((SELECT count(*) FROM scout.etl_runs r WHERE r.kind = 'link' AND r.transactions_updated > 0), 1::bigint,
          'and as a change of silver, once');

-- A link survives a reprocess and is found again for the next line.
SELECT count(*) AS ignored FROM scout.reprocess_bronze_window('-infinity', now() + interval '1 second') \gset
SELECT is(pg_temp.key('typo'), 2::bigint, 'a reprocess keeps the link');
UPDATE scout.silver_line_items SET product_key = NULL WHERE transaction_id = 'typo';
INSERT INTO scout.dim_product (product_key, product_id, product_name, brand_name) VALUES (11, 'P11', 'Pepsi Maxxx 0.5L', 'Pepsi');
SELECT is(pg_temp.link() || ' ' || pg_temp.key('typo'), '0 1 6 0 2', 'what was similar once stays with its product');
DELETE FROM scout.dim_product WHERE product_key = 2;
UPDATE scout.silver_line_items SET product_key = NULL WHERE transaction_id = 'typo';
SELECT is(pg_temp.link('similarity => 0.5') || ' ' || pg_temp.key('typo'), '0 1 6 0 11', 'unless that has left the catalogue');

SELECT throws_ok('SELECT scout.link_products_to_catalog(' || a || ')', code, message, 'link: ' || a)
FROM (VALUES ('0', '22023', 'batch_size must be from 1 to 1000000, not 0'), ('NULL', '22004', 'batch_size must not be NULL'),
             ('similarity => NULL', '22004', 'similarity must not be NULL'), ('similarity => 1.5', '22023', 'similarity must be from 0.1 to 1, not 1.5'),
             ($$similarity => 'NaN'$$, '22023', 'similarity must be from 0.1 to 1, not NaN'), ('similarity => 0', '22023', 'similarity must be from 0.1 to 1, not 0'),
             ('dry_run => NULL', '22004', 'dry_run must not be NULL')) v (a, code, message);
SELECT throws_ok('SELECT scout.unmatched_products(' || a || ')', code, NULL, 'unmatched_products: ' || a)
FROM (VALUES ('0', '22023'), ('NULL', '22004'), ('10001', '22023')) v (a, code);
SELECT * FROM finish();
ROLLBACK;
