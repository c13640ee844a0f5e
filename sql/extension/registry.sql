-- What each capability says of itself (src/<name>/capability.cpp), for SQL: the lists are the library's.

CREATE FUNCTION scout_internal.tiers() RETURNS TABLE (function_name text, tier text, schema_name text, capability text)
LANGUAGE c STABLE ROWS 150 AS 'MODULE_PATHNAME', 'scout_tiers';
COMMENT ON FUNCTION scout_internal.tiers() IS
'Which privilege tier (reader, operator, admin, none) each function belongs to.';

CREATE FUNCTION scout_internal.relation_tiers()
RETURNS TABLE (relation_name text, privilege text, tier text, schema_name text, is_member boolean, capability text)
LANGUAGE c STABLE ROWS 60 AS 'MODULE_PATHNAME', 'scout_relation_tiers';
COMMENT ON FUNCTION scout_internal.relation_tiers() IS
'From which privilege tier on each view, state table and table of the pipeline may be read or written.';

-- The functions that it names return what is wrong now. Texts name relations, rules and counts; messages of errors
-- that user data may have caused are left out for their SQLSTATE. A pause of source_system, or of all loading where
-- of_pipeline, inhibits the alert.
CREATE FUNCTION scout_internal.alert_sources()
RETURNS TABLE (source text, conditions text, hourly boolean, capability text)
LANGUAGE c STABLE ROWS 10 AS 'MODULE_PATHNAME', 'scout_alert_sources';
COMMENT ON FUNCTION scout_internal.alert_sources() IS
'Where alerts come from: the function of scout_internal that says what is wrong now, NULL where the source raises its alerts itself.';
