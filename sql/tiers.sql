-- The three privilege tiers. Which function and relation belongs to which is the registry's: tiers(), relation_tiers().

CREATE FUNCTION scout.grant_access(tier text, role name)
RETURNS TABLE (role name, tier text, functions_granted int, relations_granted int)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_grant_access';
COMMENT ON FUNCTION scout.grant_access(text, name) IS
'Gives a role a privilege tier: reader (look), operator (runbook steps), admin (configure); each includes the one before. Call again after create_pipeline().';

CREATE FUNCTION scout.revoke_access(tier text, role name)
RETURNS TABLE (role name, tier text, functions_revoked int, relations_revoked int)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_revoke_access';
COMMENT ON FUNCTION scout.revoke_access(text, name) IS
'Takes a privilege tier, and the tiers above it, from a role.';

-- Markers: who may execute one has the tier, whatever becomes of the functions that the tier is for. Nobody calls
-- them.
CREATE FUNCTION scout_internal.operator_tier() RETURNS void
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS '';
COMMENT ON FUNCTION scout_internal.operator_tier() IS 'Whoever may execute it is an operator.';
CREATE FUNCTION scout_internal.admin_tier() RETURNS void
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS '';
COMMENT ON FUNCTION scout_internal.admin_tier() IS 'Whoever may execute it is an admin.';
