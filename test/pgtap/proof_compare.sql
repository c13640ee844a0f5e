-- compare_layers(): what is missing, orphaned, doubled or without a key, where the difference of counts is 0; keys
-- of other names and types; what the caller may not read; bad input.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(16);
CREATE FUNCTION pg_temp.compared(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    EXECUTE 'SELECT string_agg(concat_ws('' '', check_name, value, sample_keys::text), '', '') FROM scout.compare_layers(' || call || ') WHERE value > 0' INTO found;
    RETURN found;
END $$;

-- The older layouts.
CREATE TABLE scout.bronze_transactions_raw (id bigint PRIMARY KEY, transaction_id text, created_at timestamptz);
CREATE TABLE scout.silver_transactions_cleaned (transaction_id text, amount numeric, created_at timestamp);
INSERT INTO scout.bronze_transactions_raw SELECT i, 'T' || i, '2026-03-02 12:00+00'::timestamptz - i * interval '1 minute' FROM generate_series(1, 100) i;
INSERT INTO scout.silver_transactions_cleaned SELECT 'T' || i, 1, '2026-03-02 12:00'::timestamp - i * interval '1 minute' FROM generate_series(8, 100) i;
SELECT is(pg_temp.compared($$'scout.bronze_transactions_raw', 'scout.silver_transactions_cleaned', '{transaction_id}', samples => 2$$),
          'matched 93, missing_in_target 7 {T1,T2}', 'bronze_transactions_raw against silver_transactions_cleaned');

CREATE TABLE public.a (k bigint, part text, v int);
CREATE TABLE public.b (id text, part text, v int);
CREATE TABLE public.dead (k bigint);
INSERT INTO public.a SELECT i, 'p', 0 FROM generate_series(1, 10) i;
INSERT INTO public.b SELECT i::text, 'p', 0 FROM generate_series(3, 10) i UNION ALL VALUES ('99', 'p', 0), ('10', 'p', 0);
SELECT is((SELECT count(*) FROM public.a), (SELECT count(*) FROM public.b), 'as many rows on both sides');
SELECT is(pg_temp.compared($$'public.a', 'public.b', '{k}', target_key => '{id}'$$),
          'matched 8, missing_in_target 2 {1,2}, orphans_in_target 1 {99}, duplicates_in_target 1 {10}', 'a key of another name and type');
INSERT INTO public.dead VALUES (2), (2), (5), (77), (NULL);
SELECT is(pg_temp.compared($$'public.a', 'public.b', '{k}', 'public.dead', '{id}'$$),
          'matched 8, dead_lettered 1 {2}, missing_in_target 1 {1}, orphans_in_target 1 {99}, duplicates_in_target 1 {10}', 'what is in the dead letters is accounted for');
INSERT INTO public.a VALUES (NULL, 'p', 0), (3, 'q', 0), (4, 'p', 1);
SELECT is(pg_temp.compared($$'public.a', 'public.b', '{k,part}', target_key => '{id,part}', samples => 1$$),
          'matched 8, missing_in_target 3 {"(1, p)"}, orphans_in_target 1 {"(99, p)"}, duplicates_in_source 1 {"(4, p)"}, duplicates_in_target 1 {"(10, p)"}, null_keys_in_source 1', 'a key of two columns');
SELECT is(pg_temp.compared($$'public.a', 'public.a', '{k}'$$), 'matched 10, duplicates_in_source 2 {3,4}, duplicates_in_target 2 {3,4}, null_keys_in_source 1, null_keys_in_target 1', 'a table with itself');
SELECT is((SELECT string_agg(DISTINCT status, ',') FROM scout.compare_layers('public.dead', 'public.dead', '{k}') WHERE check_name ~ 'missing|orphan'), 'ok', 'nothing wrong is ok');

-- A reader compares what he may read.
CREATE ROLE compare_reader;
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'compare_reader') \gset
GRANT SELECT ON public.a TO compare_reader;
SET LOCAL ROLE compare_reader;
SELECT throws_ok($$SELECT * FROM scout.compare_layers('public.a', 'public.b', '{k}', target_key => '{id}')$$, '42501', NULL, 'nobody compares what he may not read');
SELECT is(pg_temp.compared($$'public.a', 'public.a', '{k,part,v}'$$), 'matched 12, null_keys_in_source 1, null_keys_in_target 1', 'what he may');
RESET ROLE;

SELECT throws_ok(call, code, NULL, call) FROM (VALUES
    ($$SELECT * FROM scout.compare_layers(NULL, 'public.b', '{id}')$$, '22004'), ($$SELECT * FROM scout.compare_layers('public.a', 'public.b', NULL)$$, '22004'),
    ($$SELECT * FROM scout.compare_layers('public.a', 'public.b', '{}')$$, '22023'), ($$SELECT * FROM scout.compare_layers('public.a', 'public.b', '{k}')$$, '42703'),
    ($$SELECT * FROM scout.compare_layers('public.a', 'public.b', '{k,part}', target_key => '{id}')$$, '22023'),
    ($$SELECT * FROM scout.compare_layers('public.a', 'public.b', '{part}', samples => -1)$$, '22023'),
    ($$SELECT * FROM scout.compare_layers('public.a', 'public.nowhere', '{k}')$$, '42P01')) v(call, code);

SELECT * FROM finish();
ROLLBACK;
