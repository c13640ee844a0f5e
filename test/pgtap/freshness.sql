-- Freshness and volume: what each status means, on relations of any layout; calendars; what
-- must not look fresh; one bad dataset among good ones; bad input. The clock is `at`, or rows are placed around now().
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;
CREATE EXTENSION IF NOT EXISTS dblink;

-- The older layouts, committed: another session must see them.
CREATE TABLE scout.bronze_transactions_raw (id bigint PRIMARY KEY, transaction_id text, created_at timestamptz);
CREATE TABLE scout.silver_transactions_cleaned (transaction_id text, amount numeric, created_at timestamp);
CREATE TABLE scout.gold_business_metrics (day date, revenue numeric, updated_at timestamptz);
CREATE TABLE public.events (id bigint PRIMARY KEY, source text, created_at timestamptz);
CREATE ROLE freshness_owner;
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'freshness_owner') \gset
ALTER TABLE scout.bronze_transactions_raw OWNER TO freshness_owner;
ALTER TABLE public.events OWNER TO freshness_owner;
ALTER TABLE scout.silver_transactions_cleaned OWNER TO freshness_owner;
CREATE INDEX ON scout.bronze_transactions_raw (created_at);
CREATE INDEX ON public.events (source, created_at);
INSERT INTO scout.bronze_transactions_raw SELECT i, 'T' || i, '2026-03-02 12:00+00'::timestamptz - i * interval '1 minute' FROM generate_series(1, 100) i;
INSERT INTO scout.silver_transactions_cleaned SELECT 'T' || i, 1, '2026-03-02 12:00'::timestamp - i * interval '1 minute' FROM generate_series(8, 100) i;
INSERT INTO scout.gold_business_metrics VALUES ('2026-03-01', 100, '2026-03-02 11:00+00');
INSERT INTO public.events SELECT i, (ARRAY['venue', 'ticketing', 'weather'])[1 + i % 3],
    '2026-03-02 12:00+00'::timestamptz - CASE i % 3 WHEN 2 THEN interval '3 hours' ELSE interval '0' END - i * interval '1 second' FROM generate_series(1, 300) i;
SELECT string_agg(status, ',') AS ignored FROM (
    SELECT status FROM scout.register_dataset('bronze', 'scout.bronze_transactions_raw', 'created_at', '5 minutes', '15 minutes')
    UNION ALL SELECT status FROM scout.register_dataset('silver', 'scout.silver_transactions_cleaned', 'created_at', '5 minutes', '15 minutes')
    UNION ALL SELECT status FROM scout.register_dataset('gold', 'scout.gold_business_metrics', 'updated_at', '10 minutes', '1 hour')
    UNION ALL SELECT status FROM scout.register_dataset('bronze', 'public.events', 'created_at', '10 minutes', '1 hour',
        source_column => 'source', expected_sources => '{venue,ticketing,weather,social}')) r \gset

BEGIN;
SELECT plan(139);
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END
$$;
CREATE FUNCTION pg_temp.fresh(name text, at timestamptz DEFAULT '2026-03-02 12:00+00') RETURNS text LANGUAGE sql AS $$
SELECT string_agg(concat_ws(' ', f.source, f.status, f.age), ', ' ORDER BY f.source NULLS FIRST) FROM scout.freshness(ARRAY[name], at) f $$;

-- Nobody but the extension's owner may create an index in schema scout: there maintain() does it.
SELECT lives_ok((SELECT substring(details FROM 'SELECT .*') FROM scout.register_dataset('gold', 'scout.gold_business_metrics', 'updated_at', '10 minutes', '1 hour')),
                'the statement that makes a missing index');
SELECT matches((SELECT arguments ->> 'name' FROM scout.jobs WHERE kind = 'maintain'), 'gold_business_metrics_updated_at_idx', 'asks for that one');

-- The older layouts.
SELECT is(pg_temp.fresh('bronze_transactions_raw'), 'pass 00:01:00', 'bronze_transactions_raw');
SELECT is(pg_temp.fresh('silver_transactions_cleaned'), 'warn 00:08:00', 'silver_transactions_cleaned: a timestamp without a zone is in the time zone of the dataset');
SELECT is(pg_temp.fresh('gold_business_metrics'), 'warn 01:00:00', 'gold_business_metrics: exactly error_after is not beyond it');
SELECT is(pg_temp.fresh('gold_business_metrics', '2026-03-02 12:00:01+00'), 'error 01:00:01', 'one second later it is');
SELECT is(pg_temp.fresh('events'), 'social error, ticketing pass 00:00:01, venue pass 00:00:03, weather error 03:00:02',
          'events: a source that fell silent and one that never came do not vanish');
SELECT is((SELECT details FROM scout.freshness('{events}', '2026-03-02 12:00+00') WHERE source = 'social'), 'expected, but without a row', 'and says so');
SELECT is(pg_temp.fresh('events', '2026-03-12 12:00+00'),
          'social error, ticketing error 10 days 00:00:01, venue error 10 days 00:00:03, weather error 10 days 03:00:02', 'expected ones stay, however old');
DROP INDEX public.events_source_created_at_idx;
SELECT is(pg_temp.fresh('events'), 'social error, ticketing pass 00:00:01, venue pass 00:00:03, weather error 03:00:02', 'the same without an index');
SELECT is(pg_temp.fresh('events', '2026-03-12 12:00+00'), 'error 10 days 00:00:01, social error, ticketing error, venue error, weather error',
          'beyond the lookback without an index: the dataset as a whole, and each expected source');
CREATE INDEX ON public.events (source, created_at);
SELECT ok((SELECT status = 'replaced' FROM scout.register_dataset('bronze', 'public.events', 'created_at', '10 minutes', '1 hour', source_column => 'source', lookback => '2 hours')), 'registered anew');
SELECT is(pg_temp.fresh('events'), 'ticketing pass 00:00:01, venue pass 00:00:03', 'not expected: only those of the lookback');
SELECT is(pg_temp.fresh('events', '2026-03-02 14:30+00'), 'error 02:30:01', 'all silent for longer than the lookback: the dataset itself does not vanish');
SELECT ok((SELECT status = 'replaced' FROM scout.register_dataset('bronze', 'public.events', 'created_at', '10 minutes', '1 hour', source_column => 'source', lookback => '2 hours',
    filter => $$source LIKE '%e%' AND source NOT LIKE '%s'$$)), 'with a filter that looks like a format');
SELECT is(pg_temp.fresh('events'), 'ticketing pass 00:00:01, venue pass 00:00:03', 'is a filter');

-- What must not look fresh.
INSERT INTO scout.bronze_transactions_raw VALUES (1000, 'F', '2026-03-03 12:00+00'), (1001, 'I', 'infinity'), (1002, 'N', NULL), (1003, 'M', '-infinity');
SELECT is(pg_temp.fresh('bronze_transactions_raw', '2026-03-02 12:30+00'), 'error 00:31:00', 'a time in the future does not make fresh');
SELECT matches((SELECT details FROM scout.freshness('{bronze_transactions_raw}', '2026-03-02 12:30+00')), '^times in the future do not count: up to ', 'and is named');
SELECT ok((SELECT status = 'replaced' FROM scout.register_dataset('bronze', 'scout.bronze_transactions_raw', 'created_at', '5 minutes', '15 minutes', filter => $$transaction_id <> 'T1' -- a backfill$$)), 'with a filter');
SELECT is(pg_temp.fresh('bronze_transactions_raw'), 'pass 00:02:00', 'rows that the filter keeps out do not make fresh');
DELETE FROM scout.bronze_transactions_raw WHERE created_at <= '2026-03-03';
SELECT is(pg_temp.fresh('bronze_transactions_raw'), 'error', 'nothing but the future is not empty');

-- Empty.
CREATE TABLE public.nothing (at timestamptz, d date);
CREATE INDEX ON public.nothing (at);
SELECT is((SELECT status FROM scout.register_dataset('x', 'public.nothing', 'at', '1 hour', '1 hour', empty_is => p, name => 'empty ' || p)), 'registered', p) FROM unnest('{pass,warn,error}'::text[]) p;
SELECT is((SELECT string_agg(f.status || '=' || f.dataset, ', ' ORDER BY f.dataset) FROM scout.freshness('{empty pass,empty warn,empty error}') f),
          'error=empty error, pass=empty pass, warn=empty warn', 'an empty table is what it was registered as');

-- A date is the beginning of its day in the time zone of the dataset.
SELECT is((SELECT status FROM scout.register_dataset('x', 'public.nothing', 'd', '1 day', '2 days', time_zone => 'Asia/Manila', name => 'daily')), 'registered', 'by date');
INSERT INTO public.nothing (d) VALUES ('2026-03-02'), ('2026-03-09');
SELECT is(pg_temp.fresh('daily', '2026-03-02 12:00+08'), 'pass 12:00:00', 'noon in Manila is half a day');

-- Calendars. 2026-03-01 is a Sunday; 2026-03-29 the clocks in Berlin go forward.
CREATE TABLE public.shop (at timestamptz);
ALTER TABLE public.shop OWNER TO freshness_owner;
CREATE INDEX ON public.shop (at);
INSERT INTO public.shop VALUES ('2026-02-28 19:50+01');
SELECT is((SELECT status FROM scout.register_dataset('x', 'public.shop', 'at', '30 minutes', '2 hours', open_from => '08:00', open_until => '20:00', weekdays => '{1,2,3,4,5,6}', time_zone => 'Europe/Berlin')), 'registered', 'a shop');
SELECT is(pg_temp.fresh('shop', '2026-03-01 15:00+01'), 'pass 00:10:00', 'no alarm on a closed Sunday');
SELECT is(pg_temp.fresh('shop', '2026-03-02 08:15+01'), 'pass 00:25:00', 'Monday morning goes on where Saturday evening ended');
SELECT is(pg_temp.fresh('shop', '2026-03-02 09:00+01'), 'warn 01:10:00', 'and then it is late');
SELECT is(pg_temp.fresh('shop', '2026-03-03 09:00+01'), 'error 13:10:00', 'and later');
SELECT is(scout_internal.open_time('2026-03-28 22:00+01', '2026-03-29 07:00+02', '22:00', '06:00', '{6}', 'Europe/Berlin'), '07:00', 'a night of seven hours, and it belongs to Saturday');
SELECT is(scout_internal.open_time('2026-10-24 22:00+02', '2026-10-25 07:00+01', '22:00', '06:00', '{6}', 'Europe/Berlin'), '09:00', 'a night of nine hours');
SELECT is(scout_internal.open_time('2026-03-01 00:00+01', '2026-03-08 00:00+01', '00:00', '24:00', '{1,2,3,4,5,6,7}', 'Europe/Berlin'), '7 days', 'always open');
SELECT is(scout_internal.open_time('2026-03-01 00:00+01', '2026-03-01 23:00+01', '08:00', '20:00', '{1}', 'Europe/Berlin'), '00:00', 'a closed day');

-- One bad dataset does not hide the others.
CREATE TABLE public.leaving (at timestamptz, n int);
CREATE TABLE public.renamed (at timestamptz);
CREATE VIEW public.bad AS SELECT at, 1 / n AS one FROM public.leaving;
CREATE VIEW public.slow AS SELECT i * interval '1 ms' + '2026-01-01 00:00+00'::timestamptz AS at FROM generate_series(1, 1000000000) i;
INSERT INTO public.leaving VALUES (now(), 0);
ALTER TABLE public.leaving OWNER TO freshness_owner;
ALTER VIEW public.bad OWNER TO freshness_owner;
ALTER VIEW public.slow OWNER TO freshness_owner;
SELECT is((SELECT count(*) FROM unnest('{leaving,renamed,bad,slow}'::text[]) t, scout.register_dataset('y', ('public.' || t)::regclass, 'at', '1 hour', '2 hours',
    filter => CASE t WHEN 'bad' THEN 'one > 0' WHEN 'slow' THEN 'at > now()' END)), 4::bigint, 'four more');
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{slow}', timeout => '20 ms')), 'runtime error took longer than 20 ms (57014)', 'a view that takes for ever ends');
ALTER TABLE public.renamed RENAME TO renamed_away;
SELECT is((SELECT string_agg(f.dataset || ': ' || coalesce(f.details, f.status), ', ' ORDER BY f.dataset) FROM scout.freshness('{bad,leaving,renamed,slow}', timeout => '50 ms') f),
    'bad: division by zero (22012), leaving: pass, renamed: relation "public.renamed" does not exist (42P01), slow: took longer than 50 ms (57014)',
    'each says what is wrong with it, and the good one passes');
-- The user's own limits end the call as a whole: they are no fault of a dataset.
SET LOCAL statement_timeout = '200 ms';
DO $$BEGIN
    PERFORM scout.freshness('{slow}', timeout => '1 minute');
    PERFORM set_config('test.outcome', 'went on', true);
EXCEPTION WHEN query_canceled THEN PERFORM set_config('test.outcome', SQLERRM, true);
END$$;
SET LOCAL statement_timeout = 0;
SELECT is(current_setting('test.outcome'), 'canceling statement due to statement timeout', 'statement_timeout is not taken for the timer of a look');
DROP VIEW public.bad;
ALTER TABLE public.leaving ALTER at TYPE text;
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{leaving}')), 'runtime error column "at" of "public.leaving" is no longer a time but text (42804)', 'a changed type');
ALTER TABLE public.leaving DROP at;
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{leaving}')), 'runtime error column "at" of "public.leaving" does not exist (42703)', 'a dropped column');
DROP TABLE public.leaving;
SELECT is((SELECT status FROM scout.freshness('{leaving}')), 'runtime error', 'a dropped relation');
SELECT is((SELECT status FROM scout.volume('{leaving}')), 'runtime error', 'in volume(), too');
SELECT isnt((SELECT error_sqlstate FROM scout.freshness('{leaving}')), NULL, 'its SQLSTATE is a column');
SELECT is((SELECT error_sqlstate FROM scout.volume('{leaving}')), (SELECT error_sqlstate FROM scout.freshness('{leaving}')), 'of volume() as well');

-- A relation under ACCESS EXCLUSIVE is not waited for.
SELECT dblink_connect('other', 'dbname=' || current_database()) \g /dev/null
SELECT dblink_exec('other', 'BEGIN; LOCK TABLE scout.gold_business_metrics') \g /dev/null
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{gold_business_metrics}')),
          'runtime error could not obtain lock on relation "scout.gold_business_metrics" (55P03)', 'a locked relation');
SELECT is(pg_temp.fresh('daily', '2026-03-02 12:00+08'), 'pass 12:00:00', 'the others go on');
SELECT dblink_exec('other', 'ROLLBACK') \g /dev/null
SELECT is((SELECT count(*) FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.relation = 'scout.gold_business_metrics'::regclass), 0::bigint, 'no look leaves a lock behind');

-- The caller's own rights.
CREATE ROLE freshness_reader;
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'freshness_reader') \gset
GRANT SELECT ON public.shop TO freshness_reader;
SET LOCAL ROLE freshness_reader;
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{gold_business_metrics}')), 'runtime error permission denied for table gold_business_metrics (42501)', 'what the caller may not read');
SELECT is((SELECT status FROM scout.freshness('{shop}', '2026-03-01 15:00+01')), 'pass', 'what it may');
SELECT is((SELECT status FROM scout.volume('{gold_business_metrics}')), 'runtime error', 'volume() too');
SELECT throws_ok($$SELECT * FROM scout.register_dataset('x', 'public.shop', 'at', '1 hour', '2 hours')$$, '42501', NULL, 'a reader registers nothing');
RESET ROLE;
SAVEPOINT read_only;
SET LOCAL transaction_read_only = on;
SELECT lives_ok('SELECT * FROM scout.freshness()', 'in a read-only transaction');
ROLLBACK TO read_only;

-- A superuser's look does not lend its rights to what somebody put into a view.
CREATE ROLE freshness_author;
CREATE FUNCTION public.who() RETURNS boolean LANGUAGE plpgsql STABLE AS $$BEGIN IF current_user <> 'freshness_author' THEN RAISE 'ran as %', current_user; END IF; RETURN true; END$$;
CREATE VIEW public.trojan AS SELECT now() AS at WHERE public.who();
ALTER VIEW public.trojan OWNER TO freshness_author;
GRANT USAGE ON SCHEMA public TO freshness_author;
SELECT is((SELECT status FROM scout.register_dataset('x', 'public.trojan', 'at', '1 hour', '2 hours')), 'registered', 'a view of somebody else');
SELECT is((SELECT coalesce(details, status) FROM scout.freshness('{trojan}')), 'pass', 'is looked at as its owner');

-- The pipeline's own.
SELECT is((SELECT count(*) FROM scout.datasets WHERE built_in), 0::bigint, 'no pipeline, no built-in datasets');
\ir ../lib/pipeline.sql
SELECT is((SELECT string_agg(dataset, ',') FROM scout.datasets WHERE built_in), 'bronze,silver,gold_daily_metrics,gold_region_choropleth', 'its datasets');
SELECT is((SELECT string_agg(DISTINCT status, ',') FROM scout.freshness('{bronze,silver,gold_daily_metrics}')), 'warn', 'an empty pipeline is a warning');
INSERT INTO scout.bronze_events (source_system, event_data, ingested_at)
SELECT CASE i % 2 WHEN 0 THEN 'pos' ELSE 'web' END, jsonb_build_object('transaction_id', 'T' || i, 'store_id', 'S1', 'ts', '2026-01-01T00:00:00Z', 'total_amount', 10,
    'items', jsonb_build_array(jsonb_build_object('product_id', 'P', 'qty', 1, 'unit_price', 10, 'line_amount', 10))), now() - CASE i % 2 WHEN 0 THEN interval '20 minutes' ELSE interval '8 minutes' END
FROM generate_series(1, 10) i;
SELECT is((SELECT string_agg(source || ' ' || status, ', ') FROM scout.freshness('{bronze}', now())), 'pos error, web warn', 'bronze per source');
SELECT is((SELECT status FROM scout.freshness('{silver}', now())), 'warn', 'silver has none of it yet');
SELECT is((SELECT events_processed FROM scout.load_silver_from_bronze(100)), 10::bigint, 'loaded');
SELECT is((SELECT status || ' ' || age FROM scout.freshness('{silver}', now())), 'warn 00:08:00', 'silver is as old as its newest event');
SELECT is((SELECT count(*) FROM scout.reprocess_bronze_window(now() - interval '1 hour', now() + interval '1 hour')), 1::bigint, 'reprocessed');
SELECT is((SELECT status || ' ' || age FROM scout.freshness('{silver}', now())), 'warn 00:08:00', 'a reprocess does not make it fresh');
SELECT is((SELECT status || ' ' || details FROM scout.freshness('{gold_daily_metrics}', now())) ~ '^error never refreshed', true, 'gold that lacks all of it');
SELECT is((SELECT string_agg(DISTINCT status, ',') FROM scout.refresh_gold_platinum()), 'refreshed', 'refreshed');
SELECT is((SELECT age FROM scout.freshness('{gold_daily_metrics}', now())), interval '8 minutes', 'a refresh does not make gold fresher than silver');
SELECT is((SELECT status FROM scout.register_dataset('bronze', 'scout.bronze_events', NULL, '1 hour', '2 hours', expected_sources => '{pos,fax}', name => 'bronze')), 'registered', 'other thresholds');
SELECT is((SELECT string_agg(source || ' ' || status, ', ') FROM scout.freshness('{bronze}', now())), 'fax error, pos pass, web pass', 'replace the built-in');
SELECT is((SELECT count(*) FROM scout.datasets WHERE relation = 'scout.bronze_events'), 1::bigint, 'it is not shown twice');
SELECT is((SELECT status FROM scout.unregister_dataset('bronze')), 'unregistered', 'taken back');
SELECT is((SELECT string_agg(source || ' ' || status, ', ') FROM scout.freshness('{bronze}', now())), 'pos error, web warn', 'the built-in is back');
SELECT cmp_ok((SELECT count(*) FROM scout.timeline WHERE action IN ('register_dataset', 'unregister_dataset')), '>', 10::bigint, 'each is in the timeline');

-- Volume.
CREATE TABLE public.w (week timestamptz);  -- a name that our own statement could have
SELECT is((SELECT status FROM scout.register_dataset('x', 'public.w', 'week', '1 hour', '2 hours')), 'registered', 'a short name');
INSERT INTO public.w VALUES (now() - interval '1 minute');
SELECT is((SELECT row_count FROM scout.volume('{w}')), 1::bigint, 'volume of it');
CREATE TABLE public.visits (at timestamptz, source text);
CREATE INDEX ON public.visits (at);
INSERT INTO public.visits SELECT '2026-06-01 11:30+00'::timestamptz - w * interval '7 days' + i * interval '1 second', s
FROM generate_series(0, 4) w, (VALUES ('a', 100, 100), ('b', 100, 60), ('c', 100, 78), ('d', 100, 140), ('gone', 100, 0)) v(s, usual, now), generate_series(1, CASE w WHEN 0 THEN v.now ELSE v.usual END) i;
INSERT INTO public.visits VALUES ('2026-06-01 12:30+00', 'a'), ('2026-01-01', 'a'), ('2026-05-30 11:30+00', 'a');
SELECT is((SELECT status FROM scout.register_dataset('x', 'public.visits', 'at', '1 hour', '2 hours', source_column => 'source')), 'registered', 'visits');
SELECT is((SELECT string_agg(concat_ws(' ', v.source, v.row_count, v.mean, v.samples, v.status), ', ' ORDER BY v.source) FROM scout.volume('{visits}', at => '2026-06-01 12:00+00') v),
    'a 100 100.0 4 pass, b 60 100.0 4 error, c 78 100.0 4 warn, d 140 100.0 4 error, gone 0 100.0 4 error', 'against the same hour of the weeks before, either way, and who fell silent');
SELECT is((SELECT string_agg(DISTINCT v.status, ',') FROM scout.volume('{visits}', at => '2026-06-01 10:00+00') v), 'pass', 'an hour that is always quiet');
SELECT is((SELECT string_agg(DISTINCT v.samples || ' ' || v.status, ',') FROM scout.volume('{visits}', weeks => 2, at => '2026-06-01 12:00+00') v), '2 insufficient data', 'two weeks prove nothing');
SELECT is((SELECT string_agg(v.row_count || ' ' || v.status, ',') FROM scout.volume('{empty pass}') v), '0 insufficient data', 'an empty table');
SELECT is((SELECT details FROM scout.volume('{daily}') v), 'column d is a date: it has no hours (42804)', 'a date has no hours');
SELECT isnt((SELECT status FROM scout.volume('{daily}', hours => 24) v), 'runtime error', 'but days');

-- Bad input: one clear error each, and nothing is registered.
CREATE TEMPORARY TABLE before AS SELECT * FROM scout_internal.registered_datasets;
SELECT throws_ok('SELECT * FROM scout.register_dataset(' || a || ')', code, message, 'register_dataset: ' || a)
FROM (VALUES
    ($$NULL, 'public.shop', 'at', '1 hour', '2 hours'$$, '22004', 'register_dataset: layer must not be NULL'),
    ($$' ', 'public.shop', 'at', '1 hour', '2 hours'$$, '22023', 'register_dataset: invalid layer:  '),
    ($$'x', NULL, 'at', '1 hour', '2 hours'$$, '22004', 'register_dataset: relation must not be NULL'),
    ($$'x', 'public.nowhere', 'at', '1 hour', '2 hours'$$, '42P01', NULL),
    ($$'x', '1'::regclass, 'at', '1 hour', '2 hours'$$, '42P01', NULL),
    ($$'x', 'public.events_pkey', 'created_at', '1 hour', '2 hours'$$, '42809', NULL),
    ($$'x', 'before', 'registered_at', '1 hour', '2 hours'$$, '42809', NULL),
    ($$'x', 'public.shop', NULL, '1 hour', '2 hours'$$, '22004', 'register_dataset: loaded_at_column must not be NULL'),
    ($$'x', 'public.shop', 'nix', '1 hour', '2 hours'$$, '42703', 'register_dataset: public.shop has no column "nix"'),
    ($$'x', 'public.events', 'id', '1 hour', '2 hours'$$, '42804', 'register_dataset: column "id" of public.events is no time but bigint'),
    ($$'x', 'public.shop', 'at', NULL, '2 hours'$$, '22004', 'register_dataset: warn_after must not be NULL'),
    ($$'x', 'public.shop', 'at', '0', '2 hours'$$, '22023', 'register_dataset: invalid warn_after: 00:00:00'),
    ($$'x', 'public.shop', 'at', '1 hour', '-2 hours'$$, '22023', 'register_dataset: invalid error_after: -02:00:00'),
    ($$'x', 'public.shop', 'at', '3 hours', '2 hours'$$, '22023', 'register_dataset: invalid warn_after: 03:00:00'),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', filter => 'true) OR (true'$$, '42601', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', filter => 'true; DROP TABLE public.shop'$$, '42601', 'register_dataset: filter: the text is not one SQL expression'),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', filter => 'true LIMIT 1'$$, '42601', 'register_dataset: filter: the text is not one SQL expression'),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', filter => 'nix > 1'$$, '42703', 'register_dataset: filter: column "nix" does not exist'),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', filter => '1'$$, '42804', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', filter => 'pg_sleep(0) IS NULL'$$, '22023', 'register_dataset: filter: it calls a volatile function'),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', filter => ' '$$, '22023', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', source_column => 'nix'$$, '42703', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', expected_sources => '{a}'$$, '22023', NULL),
    ($$'x', 'public.events', 'created_at', '1 hour', '2 hours', source_column => 'source', expected_sources => '{}'$$, '22023', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', empty_is => 'fine'$$, '22023', 'register_dataset: invalid empty_is: fine'),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', weekdays => '{0}'$$, '22023', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', weekdays => '{}'$$, '22023', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', open_from => '08:00', open_until => '08:00'$$, '22023', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', time_zone => 'Europe/Berln'$$, '22023', 'register_dataset: invalid time_zone: Europe/Berln'),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', lookback => '1000 years'$$, '22023', NULL),
    ($$'x', 'public.shop', 'at', '1 hour', '2 hours', name => ''$$, '22023', NULL)) v (a, code, message);
SELECT throws_ok(call, code, NULL, call) FROM (VALUES
    ($$SELECT * FROM scout.unregister_dataset(NULL)$$, '22004'), ($$SELECT * FROM scout.unregister_dataset('nix')$$, '42704'),
    ($$SELECT * FROM scout.unregister_dataset('silver')$$, '42704'),
    ($$SELECT * FROM scout.freshness('{nix}')$$, '42704'), ($$SELECT * FROM scout.freshness('{}')$$, '22023'),
    ($$SELECT * FROM scout.freshness('{shop,NULL}')$$, '42704'), ($$SELECT * FROM scout.freshness(timeout => '0')$$, '22023'),
    ($$SELECT * FROM scout.freshness(timeout => NULL)$$, '22004'), ($$SELECT * FROM scout.freshness(timeout => '1 year')$$, '22023'),
    ($$SELECT * FROM scout.freshness(at => 'infinity')$$, '22023'),
    ($$SELECT * FROM scout_internal.dataset_looks(NULL, NULL, 10)$$, '22004'),
    ($$SELECT * FROM scout_internal.dataset_counts(NULL, now(), -1, 1, 10)$$, '22023'),
    ($$SELECT * FROM scout.volume(hours => 0)$$, '22023'), ($$SELECT * FROM scout.volume(hours => -1)$$, '22023'),
    ($$SELECT * FROM scout.volume(hours => NULL)$$, '22023'), ($$SELECT * FROM scout.volume(hours => 2147483647)$$, '22023'),
    ($$SELECT * FROM scout.volume(weeks => 0)$$, '22023'), ($$SELECT * FROM scout.volume(min_samples => 1)$$, '22023')) v(call, code);
SELECT set_eq('SELECT * FROM scout_internal.registered_datasets', 'SELECT * FROM before', 'none of them has registered anything');

-- One definition of what is late.
SELECT set_eq($$SELECT layer, warn_after, error_after FROM scout.datasets WHERE built_in$$,
    $$SELECT DISTINCT d.layer, l.warn_after, l.error_after FROM scout.datasets d, scout_internal.freshness_limits(d.layer) l WHERE d.built_in$$, 'limits of datasets');
SELECT set_eq($$SELECT check_name, warning, critical FROM scout_internal.verification_checks() WHERE check_name ~ 'staleness'$$,
    $$SELECT l.layer || '_staleness' AS check_name, extract(epoch FROM f.warn_after) / 60 AS warning, extract(epoch FROM f.error_after) / 60 AS critical
      FROM (VALUES ('bronze'), ('silver'), ('gold')) l (layer), scout_internal.freshness_limits(l.layer) f$$, 'those of verify_recovery()');
SELECT count(*) FROM scout.register_gold('scout.gold_daily_metrics') \g /dev/null
SELECT set_eq($$SELECT warn_after, error_after FROM scout_internal.registered_gold WHERE view_name = 'gold_daily_metrics'$$,
    $$SELECT warn_after, error_after FROM scout_internal.freshness_limits('gold')$$, 'those of register_gold()');
SELECT is_empty($$SELECT FROM scout_internal.freshness_limits('what there is not')$$, 'of nothing else');

-- Runs that changed silver are found by index, however many did nothing.
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT ok((SELECT bool_or(line ~ x.index) FROM pg_temp.plan_of(x.query) line), 'the plan has ' || x.index)
FROM (VALUES ('etl_runs_silver_idx', 'SELECT r.finished_at FROM scout_internal.etl_runs r WHERE r.changed_silver ORDER BY r.finished_at DESC LIMIT 1'),
             ('etl_runs_silver_txid_idx', $$SELECT * FROM scout_internal.etl_runs r WHERE r.changed_silver AND r.txid >= '9' ORDER BY r.txid LIMIT 1001$$)) x (index, query);

SELECT * FROM finish();
ROLLBACK;
SELECT dblink_disconnect('other') \g /dev/null
