-- Gold: materialized views in dependency order.

CREATE FUNCTION scout.refresh_gold_platinum(force boolean DEFAULT false)
RETURNS TABLE (operation text, duration_ms numeric, status text, rows_before bigint, rows_after bigint)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_refresh_gold_platinum';
COMMENT ON FUNCTION scout.refresh_gold_platinum(boolean) IS
'Refreshes the gold materialized views in dependency order, concurrently where possible; a failing view is reported, its dependents skipped, the others refreshed.';
