-- What runs by itself: the supervisor's look by hand, retention, and the standard jobs in pg_cron.

CREATE FUNCTION scout.supervise()
RETURNS TABLE (task text, outcome text, job_id bigint)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_supervise';
COMMENT ON FUNCTION scout.supervise() IS
'Does now, in this database, what the supervisor does every few seconds: restarts jobs that nobody works on, starts scheduled ones that are due (load, refresh, alerts), applies retention. One row for each thing done.';

CREATE FUNCTION scout.apply_retention(
    older_than interval DEFAULT NULL, dry_run boolean DEFAULT false, max_rows int DEFAULT 100000)
RETURNS TABLE (table_name text, rows_removed bigint, more boolean, dry_run boolean)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_apply_retention';
COMMENT ON FUNCTION scout.apply_retention(interval, boolean, int) IS
'Removes ended jobs, runs, timeline entries, gold refreshes, results of quality rules, resolved alerts and past silences older than scout_ir.history_retention, or older_than; keeps what freshness is read from.';

CREATE FUNCTION scout.schedule_jobs(
    load_interval interval DEFAULT '30 seconds', refresh_interval interval DEFAULT '5 minutes',
    retention_schedule text DEFAULT '17 3 * * *', load_workers int DEFAULT 1,
    alert_interval interval DEFAULT '1 minute')
RETURNS TABLE (job_name text, schedule text, command text, status text)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_schedule_jobs';
COMMENT ON FUNCTION scout.schedule_jobs(interval, interval, text, int, interval) IS
'Registers the standard jobs in pg_cron, for the calling role: load, refresh, alerts, retention; called again it changes them.';

CREATE FUNCTION scout.unschedule_jobs()
RETURNS TABLE (job_name text, schedule text, command text, status text)
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_unschedule_jobs';
COMMENT ON FUNCTION scout.unschedule_jobs() IS
'Removes the standard jobs of this database from pg_cron: the caller''s, a superuser everybody''s.';
