-- PUBLIC may execute the trigger functions: on a table of somebody's own they must not reach into the pipeline.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1000000, pg_temp.ev('O1'));
DO $$ BEGIN PERFORM scout.quarantine_events(ARRAY[1000000], 'test'); END $$;
DO $$ BEGIN PERFORM scout.dlq_resolve('not wanted', error_code => 'quarantine'); END $$;

SET ROLE regress_scout_reader;
CREATE TEMP TABLE fake (event_id bigint, event_type text, event_ts timestamptz, source_system text, store_id text,
    event_data jsonb, event_hash bytea, ingested_at timestamptz);
CREATE TEMP TABLE fake_letter (event_id bigint, original_payload jsonb, error_code text, error_message text,
    error_details jsonb, transaction_id text, last_error_code text);
DO $$
BEGIN
    CREATE TRIGGER fake BEFORE INSERT ON fake FOR EACH ROW EXECUTE FUNCTION scout_internal.bronze_intake();
    INSERT INTO fake VALUES (900001, 'transaction.v1', NULL, 'x', '', pg_temp.ev('REAL'), NULL, now());
EXCEPTION WHEN OTHERS THEN NULL; END $$;
DO $$
BEGIN
    ALTER TABLE fake DISABLE TRIGGER USER;
    INSERT INTO fake VALUES (77, 'transaction.v1', NULL, 'x', '', '{}', '\x00', now());
    CREATE TRIGGER fake_deleted AFTER DELETE ON fake FOR EACH ROW EXECUTE FUNCTION scout_internal.bronze_deleted();
    DELETE FROM fake;
EXCEPTION WHEN OTHERS THEN NULL; END $$;
DO $$
BEGIN
    CREATE TRIGGER fake BEFORE INSERT ON fake_letter FOR EACH ROW EXECUTE FUNCTION scout_internal.dead_letter_link();
    INSERT INTO fake_letter (original_payload, error_code) VALUES (pg_temp.ev('O1'), 'FORGED');
EXCEPTION WHEN OTHERS THEN NULL; END $$;
RESET ROLE;
SELECT count(*) AS forged_deletions FROM scout.bronze_deletions WHERE event_id = 77;
SELECT event_id, status, last_error_code FROM scout.bronze_events_dlq WHERE event_id = 1000000;
SET ROLE regress_scout_operator;
SELECT accepted, reason FROM scout.ingest_event(pg_temp.ev('REAL'));
