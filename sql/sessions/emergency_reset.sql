-- The emergency reset of a runbook as one SELECT.
CREATE FUNCTION scout.emergency_reset(
    reason text DEFAULT 'emergency reset', older_than interval DEFAULT '10 minutes',
    drain_timeout interval DEFAULT '5 seconds', probe_events int DEFAULT 100, dry_run boolean DEFAULT false)
RETURNS TABLE (step int, action text, status text, details jsonb, duration_ms numeric, message text)
LANGUAGE c ROWS 4 AS 'MODULE_PATHNAME', 'scout_emergency_reset';
COMMENT ON FUNCTION scout.emergency_reset(text, interval, interval, int, boolean) IS
'Pauses loading, ends stuck holders of locks, loads one batch as a probe, and resumes if all of that went well; one row per step, never an error.';
