-- Linking: which product of the catalogue a line of silver is.

CREATE FUNCTION scout_internal.product_linking_stats(hours numeric)
RETURNS TABLE (hour timestamptz, total_line_items bigint, linked_items bigint, linking_percentage numeric,
               unique_product_ids bigint, unique_product_keys bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := scout_internal.hours_ago(hours);
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT date_trunc('hour', s.processed_at) AS hour, count(*), count(l.product_key),
           round(100.0 * count(l.product_key) / count(*), 2),
           count(DISTINCT l.product_id), count(DISTINCT l.product_key)
    FROM scout.silver_transactions s
    CROSS JOIN LATERAL (SELECT i.product_id, i.product_key FROM scout.silver_line_items i
                        WHERE i.transaction_id = s.transaction_id OFFSET 0) l
    WHERE s.processed_at >= since
    GROUP BY 1
    ORDER BY 1 DESC;
END
$$;
COMMENT ON FUNCTION scout_internal.product_linking_stats(numeric) IS 'The body of product_linking_stats().';

CREATE FUNCTION scout.product_linking_stats(hours numeric DEFAULT 24)
RETURNS TABLE (hour timestamptz, total_line_items bigint, linked_items bigint, linking_percentage numeric,
               unique_product_ids bigint, unique_product_keys bigint)
LANGUAGE c STABLE COST 100 AS 'MODULE_PATHNAME', 'scout_report';
COMMENT ON FUNCTION scout.product_linking_stats(numeric) IS
'Share of line items that are linked to the product catalogue, per hour in which their transaction was processed, newest first.';

CREATE VIEW scout.v_product_linking_stats AS
SELECT hour, total_line_items, linked_items, linking_percentage, unique_product_ids, unique_product_keys
FROM scout.product_linking_stats();
COMMENT ON VIEW scout.v_product_linking_stats IS 'Product linking per hour of the last 24 hours: product_linking_stats().';
-- How each spelling of a product was matched, and how surely. A spelling is what the lines say: a name
-- that they leave out is ''. The key is a hash, because a name may be longer than an index row.
CREATE TABLE scout_internal.product_links (
    product_hash bytea PRIMARY KEY,
    product_id   text NOT NULL,
    product_name text NOT NULL,
    brand_name   text NOT NULL,
    product_key  bigint NOT NULL,
    method       text NOT NULL CHECK (method IN ('id', 'name and brand', 'name', 'similar')),
    confidence   real NOT NULL,
    linked_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX product_links_product_key_idx ON scout_internal.product_links (product_key);
SELECT pg_catalog.pg_extension_config_dump('scout_internal.product_links', '');
COMMENT ON TABLE scout_internal.product_links IS
'How link_products_to_catalog() matched each spelling of a product: to which product_key, by which method, with which confidence.';

CREATE FUNCTION scout.link_products_to_catalog(
    batch_size int DEFAULT 10000, similarity real DEFAULT 0.6, dry_run boolean DEFAULT false)
RETURNS TABLE (lines_linked_exact bigint, lines_linked_similar bigint, lines_unmatched bigint, remaining bigint,
               duration_ms numeric, dry_run boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_link_products_to_catalog';
COMMENT ON FUNCTION scout.link_products_to_catalog(int, real, boolean) IS
'Gives product_key to line items that have none: by product_id, by name and brand, then by similarity of the name (pg_trgm).';

CREATE FUNCTION scout.unmatched_products(max_products int DEFAULT 50)
RETURNS TABLE (product_id text, product_name text, brand_name text, line_items bigint, line_amount numeric,
               candidate_key bigint, candidate_id text, candidate_name text, similarity real)
LANGUAGE c STABLE ROWS 50 AS 'MODULE_PATHNAME', 'scout_unmatched_products';
COMMENT ON FUNCTION scout.unmatched_products(int) IS
'Products of line items without product_key, those with the most lines first, with the most similar product of the catalogue (with pg_trgm).';

CREATE VIEW scout.product_links AS
SELECT s.product_hash, s.product_id, s.product_name, s.brand_name, s.product_key, s.method, s.confidence,
       s.linked_at
FROM scout_internal.product_links s;
COMMENT ON VIEW scout.product_links IS 'How link_products_to_catalog() matched each spelling of a product: to which product_key, by which method, with which confidence.';

-- "  Coca-Cola  1.5L" and "coca cola 1 5l" are the same name. Inlined.
CREATE FUNCTION scout_internal.normal_name(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.lower(name), '[[:space:][:punct:]]+', ' ', 'g'));
COMMENT ON FUNCTION scout_internal.normal_name(text) IS 'A name as linking compares it: in lower case, with one space for whatever separates its words.';

-- By id, or by name where two brands do not contradict each other: they do only where both are given. Of several
-- products of a name none is sure.
CREATE FUNCTION scout_internal.exact_product_matches(ids text[], names text[], brands text[])
RETURNS TABLE (ord bigint, product_key bigint, method int, confidence real)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH texts AS MATERIALIZED (
        SELECT t.ord, t.id, scout_internal.normal_name(t.name) AS name, scout_internal.normal_name(t.brand) AS brand
        FROM unnest(ids, names, brands) WITH ORDINALITY AS t(id, name, brand, ord)
    ), products AS MATERIALIZED (
        SELECT p.product_key, scout_internal.normal_name(p.product_name) AS name,
               scout_internal.normal_name(coalesce(p.brand_name, '')) AS brand
        FROM scout.dim_product p WHERE p.product_key IS NOT NULL
    ), by_id AS MATERIALIZED (
        SELECT t.ord, p.product_key::bigint
        FROM texts t JOIN scout.dim_product p ON p.product_id = t.id AND p.product_key IS NOT NULL
    ), by_name AS (
        SELECT DISTINCT ON (t.ord) t.ord, p.product_key::bigint, t.brand <> '' AND t.brand = p.brand AS branded,
               count(*) OVER (PARTITION BY t.ord) AS candidates
        FROM texts t JOIN products p ON p.name = t.name AND (t.brand = '' OR p.brand = '' OR t.brand = p.brand)
        WHERE t.name <> '' AND NOT EXISTS (SELECT FROM by_id i WHERE i.ord = t.ord)
        ORDER BY t.ord, branded DESC, p.product_key
    )
    SELECT i.ord, i.product_key, 1, 1::real FROM by_id i
    UNION ALL
    SELECT n.ord, n.product_key, CASE WHEN n.branded THEN 2 ELSE 3 END,
           CASE WHEN n.branded THEN 1 WHEN n.candidates = 1 THEN 0.9 ELSE 0.5 END::real
    FROM by_name n;
END
$$;
COMMENT ON FUNCTION scout_internal.exact_product_matches(text[], text[], text[]) IS
'Products of the catalogue that texts name exactly, by their position. method: 1 id, 2 name and brand, 3 name.';
