-- An idempotency key stands for instants, whatever the time zone and date style of the session that names them.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(9);
SET client_min_messages = warning;
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
CREATE FUNCTION pg_temp.reprocess(start_ts timestamptz) RETURNS bigint LANGUAGE sql AS $$
SELECT job_id FROM scout.reprocess_bronze_window(start_ts, start_ts + interval '1 hour', wait => false, idempotency_key => 'reprocess') $$;
CREATE FUNCTION pg_temp.redrive(failed_after timestamptz) RETURNS bigint LANGUAGE sql AS $$
SELECT job_id FROM scout.dlq_redrive(failed_after => failed_after, failed_before => 'infinity', wait => false, idempotency_key => 'redrive') $$;
SET TimeZone = 'Asia/Manila';
SELECT set_config('test.reprocess', pg_temp.reprocess('2025-08-24 14:05+08')::text, true) AS job,
       set_config('test.redrive', pg_temp.redrive('2025-08-24 14:05:00.000001+08')::text, true) AS other \gset
SELECT is(pg_temp.reprocess('2025-08-24 06:05Z')::text, current_setting('test.reprocess'), 'the same session, another way to write it');
SET TimeZone = 'America/St_Johns';
SELECT is(pg_temp.reprocess('2025-08-24 14:05+08')::text, current_setting('test.reprocess'), 'another time zone');
SELECT is(pg_temp.redrive('2025-08-24 14:05:00.000001+08')::text, current_setting('test.redrive'), 'the same of a redrive');
SET DateStyle = 'SQL, DMY';
SELECT is(pg_temp.reprocess('2025-08-24 14:05+08')::text, current_setting('test.reprocess'), 'another date style');
SELECT throws_ok($$SELECT pg_temp.reprocess('2025-08-24 14:05:00.000001+08')$$, '23505', NULL, 'another instant is another request');
SET TimeZone = 'Asia/Manila';
SELECT throws_ok($$SELECT pg_temp.redrive('2025-08-24 14:05:00.000002+08')$$, '23505', NULL, 'of a redrive, too');
SET DateStyle = 'ISO, MDY';
SELECT is((SELECT arguments ->> 'start_ts' FROM scout.job(current_setting('test.reprocess')::bigint)), '2025-08-24 06:05:00+00', 'the job says it in UTC');
SELECT is((SELECT array_agg((arguments ->> 'failed_after')::timestamptz ORDER BY job_id) || array_agg((arguments ->> 'failed_before')::timestamptz)
    FROM scout.jobs WHERE kind = 'dlq_redrive'), '{2025-08-24 06:05:00.000001Z,infinity}'::timestamptz[], 'and reads it back as it was');
SELECT * FROM finish();
ROLLBACK;
