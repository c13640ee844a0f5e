-- Who is calling: REST claims in the audit, the time to live of a pause from outside, holders.
BEGIN;
SELECT plan(12);
\ir ../lib/pipeline.sql

SET LOCAL request.jwt.claims = '{"sub": "u-1", "email": "ada@example.org", "role": "oncall"}';
SELECT is(paused_by, 'ada@example.org', 'a pause through REST is held by the person in the claims')
FROM scout.control_ingestion('pause', 'from the phone');
SELECT is(p.expires_at - p.paused_at BETWEEN interval '59 minutes' AND interval '61 minutes', true,
          'and ends by itself, an hour later by default') FROM scout.pipeline_pauses p;
SELECT is(t.actor || ' ' || (t.claims ->> 'sub'), 'ada@example.org u-1', 'the timeline has actor and claims')
FROM scout.timeline t WHERE t.action = 'control_ingestion';

SET LOCAL request.jwt.claims = '{"sub": "u-2"}';
SELECT is(ingestion_active, false, 'another caller''s resume does not lift it') FROM scout.control_ingestion('resume');

SET LOCAL request.jwt.claims = 'no json at all';
SELECT lives_ok($$SELECT scout.control_ingestion('pause', 'x', source_system => 'till', holder => 'robot')$$, 'claims that are no JSON stop nobody');
SELECT is(t.claims, '"no json at all"'::jsonb, 'and are kept as they came')
FROM scout.timeline t ORDER BY t.entry_id DESC LIMIT 1;

SET LOCAL request.jwt.claims = '';
SELECT is(paused_by, session_user::text, 'without claims the holder is the login role')
FROM scout.control_ingestion('pause', 'from psql');
SELECT is(p.expires_at, NULL, 'whose pause stays until it is lifted') FROM scout.pipeline_pauses p WHERE p.holder = session_user;

-- The clock is moved by moving the pauses: dbt was killed an hour ago, on-call still holds its own.
UPDATE scout.pipeline_pauses SET expires_at = now() - interval '1 minute' WHERE holder <> session_user;
SELECT is(array_agg(s.paused_by), ARRAY[session_user::text], 'expired pauses are no longer in force')
FROM scout.ingestion_status() s;
SELECT is(ingestion_active, true, 'resume lifts the caller''s own') FROM scout.control_ingestion('resume');

CREATE ROLE scout_test_reader;
SELECT lives_ok($$SELECT scout.grant_access('reader', 'scout_test_reader')$$, 'a reader');
SET LOCAL ROLE scout_test_reader;
SELECT throws_ok($$SELECT scout.control_ingestion('pause')$$, '42501', 'permission denied for control_ingestion(''pause'')',
                 'may look but not pause');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
