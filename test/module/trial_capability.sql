-- The catalogue's part of the trial capability: what sql/<name>.sql is for one of the extension's own.
CREATE TABLE scout_internal.trial_log (log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL,
                                       keep boolean NOT NULL DEFAULT false, routine boolean NOT NULL DEFAULT false);
CREATE TABLE scout_internal.trial_secrets (secret text);
CREATE VIEW scout.v_trial AS SELECT 1 AS one;
CREATE FUNCTION scout.trial_look() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION scout.trial_act() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION scout.trial_set() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION scout_internal.trial_helper() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION scout_internal.trial_alerts()
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'trial:log', 'warning', 'trial_log', format('%s entries', count(*)), 'Try again.', NULL::text, false
      FROM scout_internal.trial_log HAVING count(*) > 0 $$;
REVOKE ALL ON FUNCTION scout.trial_look(), scout.trial_act(), scout.trial_set(), scout_internal.trial_helper(),
    scout_internal.trial_alerts() FROM PUBLIC;
ALTER EXTENSION scout_ir ADD TABLE scout_internal.trial_log;
ALTER EXTENSION scout_ir ADD TABLE scout_internal.trial_secrets;
ALTER EXTENSION scout_ir ADD VIEW scout.v_trial;
ALTER EXTENSION scout_ir ADD FUNCTION scout.trial_look();
ALTER EXTENSION scout_ir ADD FUNCTION scout.trial_act();
ALTER EXTENSION scout_ir ADD FUNCTION scout.trial_set();
ALTER EXTENSION scout_ir ADD FUNCTION scout_internal.trial_helper();
ALTER EXTENSION scout_ir ADD FUNCTION scout_internal.trial_alerts();
