-- Linking: which product of the catalogue a line of silver is.

-- How each spelling of a product was matched, and how surely. A spelling is what the lines say: a name
-- that they leave out is ''. The key is a hash, because a name may be longer than an index row.
CREATE TABLE scout.product_links (
    product_hash bytea PRIMARY KEY,
    product_id   text NOT NULL,
    product_name text NOT NULL,
    brand_name   text NOT NULL,
    product_key  bigint NOT NULL,
    method       text NOT NULL CHECK (method IN ('id', 'name and brand', 'name', 'similar')),
    confidence   real NOT NULL,
    linked_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX product_links_product_key_idx ON scout.product_links (product_key);
SELECT pg_catalog.pg_extension_config_dump('scout.product_links', '');
COMMENT ON TABLE scout.product_links IS
'How link_products_to_catalog() matched each spelling of a product: to which product_key, by which method, with which confidence.';

CREATE FUNCTION scout.link_products_to_catalog(
    batch_size int DEFAULT 10000, similarity real DEFAULT 0.6, dry_run boolean DEFAULT false)
RETURNS TABLE (lines_linked_exact bigint, lines_linked_similar bigint, lines_unmatched bigint, remaining bigint,
               duration_ms numeric, dry_run boolean)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_link_products_to_catalog';
COMMENT ON FUNCTION scout.link_products_to_catalog(int, real, boolean) IS
'Gives product_key to line items that have none: by product_id, by name and brand, then by similarity of the name (pg_trgm).';

-- The best candidate is sought for the rows that are shown only, and, like in linking, through an index.
CREATE FUNCTION scout.unmatched_products(max_products int DEFAULT 50)
RETURNS TABLE (product_id text, product_name text, brand_name text, line_items bigint, line_amount numeric,
               candidate_key bigint, candidate_id text, candidate_name text, similarity real)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    trigrams text := (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                      WHERE e.extname = 'pg_trgm');
    found    text := 'SELECT NULL::bigint, NULL::text, NULL::text, NULL::real WHERE false';
BEGIN
    IF max_products IS NULL OR max_products < 1 OR max_products > 10000 THEN
        RAISE EXCEPTION 'max_products must be from 1 to 10000, not %', coalesce(max_products::text, 'NULL')
            USING ERRCODE = CASE WHEN max_products IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
                  HINT = 'Leave it out for the 50 products with the most line items.';
    END IF;
    PERFORM scout.require_pipeline();
    IF trigrams IS NOT NULL THEN
        found := format(
            'SELECT p.product_key::bigint, p.product_id::text, p.product_name::text, %1$s.similarity(p.product_name, u.product_name) AS similarity'
            ' FROM scout.dim_product p WHERE p.product_name OPERATOR(%1$s.%%) u.product_name'
            ' ORDER BY 4 DESC, 1 LIMIT 1', trigrams);
    END IF;
    RETURN QUERY EXECUTE
        'SELECT u.product_id, u.product_name, u.brand_name, u.line_items, u.line_amount, c.*
         FROM (SELECT l.product_id::text, l.product_name::text, l.brand_name::text, count(*) AS line_items,
                      sum(l.line_amount)::numeric AS line_amount
               FROM scout.silver_line_items l WHERE l.product_key IS NULL
               GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT $1) u
         LEFT JOIN LATERAL (' || found || ') c ON true
         ORDER BY u.line_items DESC, u.product_id, u.product_name, u.brand_name' USING max_products;
END
$$;
COMMENT ON FUNCTION scout.unmatched_products(int) IS
'Products of line items without product_key, those with the most lines first, with the most similar product of the catalogue (with pg_trgm).';
