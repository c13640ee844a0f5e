-- Whom no action on sessions may touch.

CREATE TABLE scout_internal.protected_sessions (
    role         name,
    application  text,
    reason       text NOT NULL,
    protected_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    protected_by text NOT NULL,
    CHECK (role IS NOT NULL OR application IS NOT NULL)
);
CREATE UNIQUE INDEX protected_sessions_key
    ON scout_internal.protected_sessions ((coalesce(role, '')), (coalesce(application, '')));
SELECT pg_catalog.pg_extension_config_dump('scout_internal.protected_sessions', '');
COMMENT ON TABLE scout_internal.protected_sessions IS
'Login roles and applications that clear_stuck_locks() and its like must leave alone; set by protect_sessions().';

CREATE FUNCTION scout.protect_sessions(
    role name DEFAULT NULL, application text DEFAULT NULL, reason text DEFAULT NULL)
RETURNS TABLE (role name, application text, reason text, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_protect_sessions';
COMMENT ON FUNCTION scout.protect_sessions(name, text, text) IS
'Keeps the sessions of a login role, of an application, or of both together, from being signalled by operators.';

CREATE FUNCTION scout.unprotect_sessions(role name DEFAULT NULL, application text DEFAULT NULL)
RETURNS TABLE (role name, application text, reason text, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_unprotect_sessions';
COMMENT ON FUNCTION scout.unprotect_sessions(name, text) IS
'Takes back what protect_sessions() was called with.';

CREATE VIEW scout.protected_sessions AS
SELECT s.role, s.application, s.reason, s.protected_at, s.protected_by
FROM scout_internal.protected_sessions s;
COMMENT ON VIEW scout.protected_sessions IS 'Login roles and applications that clear_stuck_locks() and its like must leave alone; set by protect_sessions().';
