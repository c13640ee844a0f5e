-- Nothing of the extension, and four ordinary roles; no output.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET timezone = 'UTC';
SET scout_ir.progress_interval = 0;  -- what is said depends on how long a job takes
RESET ROLE;
DROP EXTENSION IF EXISTS scout_ir CASCADE;
DROP SCHEMA IF EXISTS scout, scout_internal CASCADE;
DO $$
DECLARE r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['owner', 'operator', 'reader', 'none'] LOOP
        IF to_regrole('regress_scout_' || r) IS NULL THEN
            EXECUTE format('CREATE ROLE %I LOGIN', 'regress_scout_' || r);
        END IF;
    END LOOP;
END $$;
REVOKE pg_read_all_stats FROM regress_scout_operator;
\set SHOW_CONTEXT never
RESET client_min_messages;
\set ON_ERROR_STOP off
