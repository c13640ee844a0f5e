-- Gold: materialized views in dependency order.

CREATE FUNCTION scout.refresh_gold_platinum()
RETURNS TABLE (operation text, duration_ms numeric, status text, rows_before bigint, rows_after bigint)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_refresh_gold_platinum';
COMMENT ON FUNCTION scout.refresh_gold_platinum() IS
'Refreshes the gold materialized views of schema scout that belong to the pipeline''s owner, in dependency order, concurrently where the view is populated and has a plain unique index; a failing view is reported (with a WARNING), its dependents skipped, the others refreshed.';
