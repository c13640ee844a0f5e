-- From bronze to silver.

CREATE FUNCTION scout.load_silver_from_bronze(batch_size int DEFAULT 2000, force boolean DEFAULT false)
RETURNS TABLE (events_processed bigint, transactions_created bigint, line_items_created bigint,
               processing_duration_ms numeric, transactions_updated bigint, events_dead_lettered bigint,
               backlog bigint)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_load_silver_from_bronze';
COMMENT ON FUNCTION scout.load_silver_from_bronze(int, boolean) IS
'Loads one batch of pending events into silver; honours a pause with a WARNING unless forced.';

CREATE FUNCTION scout.reprocess_bronze_window(
    start_ts timestamptz, end_ts timestamptz, batch_size int DEFAULT 2000, dry_run boolean DEFAULT false,
    window_on text DEFAULT 'ingested_at', workers int DEFAULT 1, wait boolean DEFAULT true,
    idempotency_key text DEFAULT NULL)
RETURNS TABLE (events_reprocessed bigint, transactions_created bigint, line_items_created bigint,
               transactions_updated bigint, transactions_removed bigint, events_dead_lettered bigint,
               dead_letters_resolved bigint, duration_ms numeric, job_id bigint, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_reprocess_bronze_window';
COMMENT ON FUNCTION scout.reprocess_bronze_window(timestamptz, timestamptz, int, boolean, text, int, boolean, text) IS
'Derives silver again from the bronze events of the half-open window [start_ts, end_ts) on ingested_at (or event_ts).';

CREATE FUNCTION scout.built_in_rules()
RETURNS TABLE (code text, category text, severity text, enabled boolean, threshold numeric,
               threshold_unit text, overridden boolean, tunable boolean, description text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_built_in_rules';
COMMENT ON FUNCTION scout.built_in_rules() IS
'The validation rules in force: built-in defaults with the overrides of set_rule().';

CREATE FUNCTION scout.set_rule(
    code text, enabled boolean DEFAULT NULL, severity text DEFAULT NULL, threshold numeric DEFAULT NULL)
RETURNS TABLE (code text, severity text, enabled boolean, threshold numeric)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_set_rule';
COMMENT ON FUNCTION scout.set_rule(text, boolean, text, numeric) IS
'Overrides a tunable built-in rule; arguments left out keep what was set before, all of them NULL returns the rule to its defaults.';
