-- An admin's overrides of the built-in rules; NULL keeps the default.
CREATE TABLE scout_internal.rule_overrides (
    code      text PRIMARY KEY,
    enabled   boolean,
    severity  text CHECK (severity IN ('critical', 'warning')),
    threshold numeric(18, 4),
    set_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    set_by    text NOT NULL
);

-- Warnings of loaded events, replaced whenever the event is loaded again.
CREATE TABLE scout_internal.quality_warnings (
    event_id       bigint NOT NULL,
    code           text NOT NULL,
    transaction_id text NOT NULL,
    path           text NOT NULL,
    message        text NOT NULL,
    raised_at      timestamptz NOT NULL,
    PRIMARY KEY (event_id, code)
);
CREATE INDEX quality_warnings_raised_at_idx ON scout_internal.quality_warnings (raised_at);
SELECT pg_catalog.pg_extension_config_dump('scout_internal.rule_overrides', '');
SELECT pg_catalog.pg_extension_config_dump('scout_internal.quality_warnings', '');
COMMENT ON TABLE scout_internal.rule_overrides IS 'Overrides of built-in validation rules, set by set_rule(); empty means the defaults.';
COMMENT ON TABLE scout_internal.quality_warnings IS 'Warnings of events that were loaded nevertheless.';

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

CREATE VIEW scout.quality_warnings AS
SELECT s.event_id, s.code, s.transaction_id, s.path, s.message, s.raised_at
FROM scout_internal.quality_warnings s;
COMMENT ON VIEW scout.quality_warnings IS 'Warnings of events that were loaded nevertheless.';
