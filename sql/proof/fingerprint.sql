-- Fingerprints: how reconcile() proves that two tables agree without joining them.
--
-- The sum of a keyed hash over a table does not depend on the order of its rows, is made in one
-- sequential pass, and, with a salt that is drawn anew for every call, agrees for two different
-- multisets of rows with a probability of about 2^-61 (src/core/fingerprint.hpp). So sums that agree
-- prove a check, and only where they differ does reconcile() have to search.

CREATE FUNCTION scout_internal.fingerprint(salt uuid, weight int, VARIADIC "values" "any") RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 5
AS 'MODULE_PATHNAME', 'scout_fingerprint';
COMMENT ON FUNCTION scout_internal.fingerprint(uuid, int, "any") IS
'Keyed hash of bigint, text and bytea values, times a weight, modulo 2^61 - 1: the term that reconcile() sums.';

-- One pass over each of the large tables. As RETURN QUERY, because that may run in parallel where
-- SELECT INTO may not. A row with a NULL in what is hashed is in no sum.
CREATE FUNCTION scout_internal.pipeline_fingerprints(salt uuid)
RETURNS TABLE (bronze_rows bigint, bronze_ids numeric, bronze_keys numeric, key_rows bigint, keys numeric,
               silver_rows bigint, silver_sources bigint, silver_ids numeric, silver_lines numeric,
               silver_empty bigint, lines numeric)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    prime CONSTANT numeric := 2305843009213693951;  -- 2^61 - 1
BEGIN
    PERFORM scout_internal.require_pipeline();
    RETURN QUERY
    SELECT b.n, mod(coalesce(b.ids, 0), prime), mod(coalesce(b.keys, 0), prime), k.n, mod(coalesce(k.keys, 0), prime),
           s.n, s.sources, mod(coalesce(s.ids, 0), prime), mod(coalesce(s.lines, 0), prime), s.empty,
           mod(coalesce(l.lines, 0), prime)
    FROM (SELECT count(*) AS n, sum(scout_internal.fingerprint(salt, 1, e.event_id)) AS ids,
                 sum(scout_internal.fingerprint(salt, 1, e.event_id, e.event_hash)) AS keys
          FROM scout.bronze_events e) b,
         (SELECT count(*) AS n, sum(scout_internal.fingerprint(salt, 1, h.event_id, h.event_hash)) AS keys
          FROM scout.bronze_event_keys h) k,
         (SELECT count(*) AS n, count(t.source_event_id) AS sources,
                 sum(scout_internal.fingerprint(salt, 1, t.source_event_id)) AS ids,
                 sum(scout_internal.fingerprint(salt, greatest(t.item_count, 0), t.transaction_id)) AS lines,
                 count(*) FILTER (WHERE t.item_count <= 0) AS empty
          FROM scout.silver_transactions t) s,
         (SELECT sum(scout_internal.fingerprint(salt, 1, i.transaction_id)) AS lines
          FROM scout.silver_line_items i) l;
END
$$;
COMMENT ON FUNCTION scout_internal.pipeline_fingerprints(uuid) IS
'Counts and sums of fingerprints over bronze, its dedup keys, silver and the line items, one pass each: part of reconcile().';
