-- ingest_event() and ingest_events(): what is accepted, what is a duplicate, and bad input.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SELECT accepted, duplicate, reason, event_id IS NOT NULL AS has_id FROM scout.ingest_event(pg_temp.ev('T4'));
SELECT accepted, duplicate, regexp_replace(reason, '\d+', 'N') AS reason, event_id IS NOT NULL AS has_id FROM scout.ingest_event(pg_temp.ev('T4'));
SELECT ordinal, accepted, duplicate, regexp_replace(reason, '\d+', 'N') AS reason, event_id IS NOT NULL AS has_id
FROM scout.ingest_events(jsonb_build_array(pg_temp.ev('T5'), pg_temp.ev('T4'), 17, '{}'::jsonb, NULL, pg_temp.ev('T5'), '[]'::jsonb), source_system => 'web');
SELECT * FROM scout.ingest_events('[]');
SELECT scout.ingest_event('[1]');
SELECT scout.ingest_event('"text"');
SELECT scout.ingest_event(NULL);
SELECT scout.ingest_event('{}', NULL);
SELECT scout.ingest_events('{}');
SELECT scout.ingest_events('3');
SELECT scout.ingest_event('{"a": "\u0000"}');

SELECT * FROM pg_temp.balance();
