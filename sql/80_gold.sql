-- Gold: materialized views in dependency order.

CREATE FUNCTION scout.refresh_gold_platinum(
    wait boolean DEFAULT true, idempotency_key text DEFAULT NULL, skip_if_running boolean DEFAULT false)
RETURNS TABLE (operation text, duration_ms numeric, status text, rows_before bigint, rows_after bigint,
               job_id bigint)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_refresh_gold_platinum';
COMMENT ON FUNCTION scout.refresh_gold_platinum(boolean, text, boolean) IS
'Refreshes the gold materialized views of schema scout that belong to the pipeline''s owner, in dependency order, concurrently where the view is populated and has a plain unique index; a failing view is reported (with a WARNING), its dependents skipped, the others refreshed. A worker does it, view by view, each committed by itself.';
