-- What data_quality_report() counts in the silver rows of its window, in one scan; it is planned and run under
-- the report's settings.

CREATE FUNCTION scout_internal.rule_conditions()
RETURNS TABLE (place int, code text, category text, check_name text, of_lines boolean, condition text, details text)
LANGUAGE c STABLE ROWS 6 AS 'MODULE_PATHNAME', 'scout_rule_conditions';
COMMENT ON FUNCTION scout_internal.rule_conditions() IS
'The rules that silver rows can break, in the order of the report: a condition on a row t of the scan in silver_counts(), or of line items, with the threshold in force.';

-- The conditions are constants of the library, with numbers in the place of their thresholds; nothing that anybody
-- wrote is run. What belongs to a transaction is fetched by its key, so that no plan reads the history.
CREATE FUNCTION scout_internal.silver_counts(since timestamptz)
RETURNS TABLE (transactions bigint, lines bigint, unlinked bigint, no_store bigint, no_lines bigint, miscounted bigint,
               broken bigint[])
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    line_counts text;
    rule_counts text;
BEGIN
    SELECT string_agg(format(', count(*) FILTER (WHERE %s) AS broken_%s', c.condition, c.place), '') FILTER (WHERE c.of_lines),
           string_agg(CASE WHEN c.of_lines THEN format('coalesce(sum(t.broken_%s), 0)::bigint', c.place)
                           ELSE format('count(*) FILTER (WHERE %s)', c.condition) END, ', ' ORDER BY c.place)
    INTO line_counts, rule_counts
    FROM scout_internal.rule_conditions() c;

    RETURN QUERY EXECUTE format($scan$
        SELECT count(*), coalesce(sum(t.lines), 0)::bigint, coalesce(sum(t.unlinked), 0)::bigint,
               count(*) FILTER (WHERE t.store_id IS NULL OR btrim(t.store_id) = ''),
               count(*) FILTER (WHERE t.lines = 0 AND t.item_count > 0),
               count(*) FILTER (WHERE t.lines > 0 AND t.lines <> t.item_count),
               ARRAY[%2$s]
        FROM (SELECT s.total_amount, s.store_id, s.item_count, s.ts, l.*,
                     coalesce((SELECT b.ingested_at FROM scout.bronze_events b WHERE b.event_id = s.source_event_id),
                              s.processed_at) AS received
              FROM scout.silver_transactions s
              CROSS JOIN LATERAL (
                  SELECT count(*) AS lines, sum(t.line_amount) AS line_sum,
                         count(*) FILTER (WHERE t.product_key IS NULL) AS unlinked %1$s
                  FROM scout.silver_line_items t WHERE t.transaction_id = s.transaction_id) l
              WHERE s.processed_at >= $1) t
        $scan$, line_counts, rule_counts)
    USING since;
END
$$;
COMMENT ON FUNCTION scout_internal.silver_counts(timestamptz) IS
'Transactions processed since then, their lines, and how many break each rule: broken has the counts by the place of rule_conditions().';
