-- The circuit breaker: what opens it and what does not, where the events are then, and how it closes.
BEGIN;
SELECT plan(80);
\ir ../lib/pipeline.sql
SET client_min_messages = error;
SET scout_ir.keep_firing_for = 0;
SET scout_ir.circuit_breaker_minimum = 100;

-- n events of a source, of which the first `bad` fail: one in three for its time, the others for their total.
CREATE SEQUENCE pg_temp.ids;
CREATE FUNCTION pg_temp.send(source text, n int, bad int, amount numeric DEFAULT 10) RETURNS void LANGUAGE sql AS $$
    INSERT INTO scout.bronze_events (source_system, event_data)
    SELECT source, jsonb_build_object('transaction_id', 'T' || nextval('pg_temp.ids'), 'store_id', 's',
        'ts', CASE WHEN g <= bad AND g % 3 = 0 THEN 'nonsense' ELSE '2026-03-01T09:00:00Z' END,
        'total_amount', CASE WHEN g <= bad THEN -amount ELSE amount END,
        'items', jsonb_build_array(jsonb_build_object('product_id', 'P', 'qty', 1, 'unit_price', 1, 'line_amount', CASE WHEN g <= bad THEN -amount ELSE amount END)))
    FROM generate_series(1, n) g ORDER BY g
$$;
-- processed, dead-lettered, waiting
CREATE FUNCTION pg_temp.load(batch_size int DEFAULT 2000, force boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', l.events_processed, l.events_dead_lettered, l.backlog) FROM scout.load_silver_from_bronze(batch_size, force) l
$$;
CREATE FUNCTION pg_temp.open_breakers() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(p.source_system, ',' ORDER BY p.source_system), 'none') FROM scout.pipeline_pauses p WHERE p.holder = 'circuit breaker'
$$;
CREATE FUNCTION pg_temp.open_alerts() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(a.dedup_key || ' ' || a.count, ',' ORDER BY a.dedup_key), 'none') FROM scout_internal.alerts a WHERE a.state <> 'resolved'
$$;
CREATE FUNCTION pg_temp.counted() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(concat_ws(' ', c.source_system, c.error_code, c.events), ',' ORDER BY c.source_system, c.error_code), 'nothing')
    FROM scout_internal.circuit_breaker_counts c
$$;
CREATE FUNCTION pg_temp.broken() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(check_name || '=' || value, ', '), 'balanced') FROM scout.reconcile() WHERE status <> 'ok'
$$;
-- Closes what is open and takes the events away.
CREATE FUNCTION pg_temp.start_over() RETURNS void LANGUAGE sql AS $$
    SELECT scout.control_ingestion('resume', all_holders => true);
    DELETE FROM scout_internal.circuit_breaker_counts;
    DELETE FROM scout.silver_line_items;
    DELETE FROM scout.silver_transactions;
    DELETE FROM scout.bronze_events_dlq;
    DELETE FROM scout.bronze_pending;
    DELETE FROM scout.bronze_events;
    DELETE FROM scout.bronze_deletions;
    DELETE FROM scout.bronze_event_keys;
$$;

-- It opens.
SELECT pg_temp.send('pos', 400, 300) \; SELECT pg_temp.send('web', 300, 3) \g /dev/null
SELECT is(pg_temp.load(), '300 3 400', 'the other source is loaded, the failing one waits');
SELECT results_eq($$SELECT source_system, reason, expires_at FROM scout.pipeline_pauses$$,
    $$VALUES ('pos', 'circuit breaker: 300 of 400 events (75 %) of source "pos" failed: NEGATIVE_TOTAL 200, INVALID_TIMESTAMP 100', NULL::timestamptz)$$,
    'the source is paused, and the pause says why');
SELECT is((SELECT string_agg(DISTINCT source_system, ',') FROM scout.bronze_events_dlq), 'web', 'none of its events is dead-lettered');
SELECT is(pg_temp.broken(), 'balanced', 'every event is in one state');
SELECT is((SELECT count(*) FROM scout.etl_runs WHERE kind = 'load'), 1::bigint, 'one run, of what was loaded');
SELECT is((SELECT concat_ws(' ', action, outcome, counts, arguments ->> 'source_system', arguments ->> 'threshold_percent')
           FROM scout.timeline ORDER BY entry_id DESC LIMIT 1),
          'circuit_breaker paused {"events": 400, "failed": 300} pos 50', 'the timeline has it');
SELECT is((SELECT array_agg(DISTINCT e.source_system || coalesce(e.event_data ->> 'ts', '') ORDER BY e.source_system || coalesce(e.event_data ->> 'ts', ''))
           FROM scout.timeline t, scout.bronze_events e
           WHERE t.action = 'circuit_breaker' AND e.event_id = ANY (string_to_array(t.arguments ->> 'example_events', ',')::bigint[])),
          '{pos2026-03-01T09:00:00Z,posnonsense}', 'with an event for each code');
SELECT is((SELECT string_agg(concat_ws(' ', dedup_key, source, severity, subject, state, count), ',') FROM scout_internal.alerts),
          'circuit_breaker:pos circuit_breaker critical pos firing 1', 'an alert fires');
SELECT is((SELECT concat_ws(' ', state, coalesce(inhibited_by, 'is heard')) FROM scout.v_alerts WHERE dedup_key = 'circuit_breaker:pos'),
          'firing is heard', 'which its own pause does not inhibit');
SELECT matches(remedy, 'control_ingestion\(''resume'', source_system => ''pos''\)', 'it names the call that resumes') FROM scout_internal.alerts;

-- It stays open.
SELECT is(pg_temp.load(), '0 0 400', 'the next load leaves the source alone');
SELECT is(pg_temp.open_alerts(), 'circuit_breaker:pos 1', 'and does not count again');
SELECT is((SELECT ingestion_active FROM scout.control_ingestion('resume')), true, 'a resume of the caller''s own pauses');
SELECT is(pg_temp.open_breakers(), 'pos', 'does not close it');

-- It closes, and opens again while nothing has been mended.
SELECT is((SELECT message FROM scout.control_ingestion('resume', source_system => 'pos')),
          'Loading of source "pos" is active. Pauses lifted: 1.', 'a resume that names the source does');
SELECT is(pg_temp.open_alerts(), 'none', 'and ends the alert');
SELECT is(pg_temp.load(), '0 0 400', 'the first batch after it is judged as any other');
SELECT is(pg_temp.open_breakers() || ' ' || pg_temp.open_alerts(), 'pos circuit_breaker:pos 1', 'paused again, a new alert');
SELECT scout.set_rule('NEGATIVE_TOTAL', enabled => false) \; SELECT scout.control_ingestion('resume', holder => 'circuit breaker') \g /dev/null
SELECT is(pg_temp.load(), '400 100 0', 'a share below the threshold is loaded, its dead letters too');
SELECT is(pg_temp.open_breakers() || ' ' || pg_temp.open_alerts() || ' ' || pg_temp.broken(), 'none none balanced', 'all is well');
SELECT scout.set_rule('NEGATIVE_TOTAL') \g /dev/null

-- Whoever wants the dead letters.
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 150, 150) \g /dev/null
SELECT is(pg_temp.load(force => true), '150 150 0', 'a forced load is not judged');
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 150, 150) \g /dev/null
SET scout_ir.circuit_breaker = off;
SELECT is(pg_temp.load(), '150 150 0', 'nor is any where the breaker is off');
SET scout_ir.circuit_breaker = on;
SELECT is((SELECT concat_ws(' ', events_redriven, events_failed_again) FROM scout.dlq_redrive()), '150 150', 'a redrive is not');
SELECT is((SELECT events_reprocessed FROM scout.reprocess_bronze_window('-infinity', 'infinity')), 150::bigint, 'a reprocess is not');
SELECT is(pg_temp.open_breakers(), 'none', 'nothing is paused');

-- The share and the minimum.
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 100, 50) \g /dev/null
SELECT is(pg_temp.load(), '100 50 0', 'the threshold itself is not too much');
SELECT pg_temp.send('pos', 100, 51) \g /dev/null
SELECT is(pg_temp.load(), '0 0 100', 'one more is');
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 200, 199) \g /dev/null
SET scout_ir.circuit_breaker_threshold = 100;
SELECT is(pg_temp.load(), '200 199 0', 'at 100 percent one good event keeps it closed');
SELECT pg_temp.send('pos', 100, 100) \g /dev/null
SELECT is(pg_temp.load(), '0 0 100', 'and nothing but failures opens it');
SET scout_ir.circuit_breaker_threshold = 1;
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 200, 2) \g /dev/null
SELECT is(pg_temp.load(), '200 2 0', 'at 1 percent two of 200 do not');
SELECT pg_temp.send('pos', 200, 3) \g /dev/null
SELECT is(pg_temp.load(), '0 0 200', 'three do');
RESET scout_ir.circuit_breaker_threshold;
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 1, 1) \g /dev/null
SET scout_ir.circuit_breaker_minimum = 1;
SELECT is(pg_temp.load(), '0 0 1', 'with a minimum of 1 a single event can open it');
SET scout_ir.circuit_breaker_minimum = 100;

-- Batches that are smaller than the minimum.
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 300, 300) \g /dev/null
SELECT is(pg_temp.load(50), '50 50 250', 'the first 50 are too few to judge by');
SELECT is(pg_temp.counted(), 'pos INVALID_TIMESTAMP 16,pos NEGATIVE_TOTAL 34', 'they are remembered');
SELECT is(pg_temp.load(50), '0 0 250', 'with the next 50 they are enough');
SELECT is((SELECT reason FROM scout.pipeline_pauses),
          'circuit breaker: 100 of 100 events (100 %) of source "pos" failed: NEGATIVE_TOTAL 67, INVALID_TIMESTAMP 33', 'both are named');
SELECT is(pg_temp.broken(), 'balanced', 'every event is in one state');
SELECT scout.control_ingestion('resume', source_system => 'pos') \g /dev/null
SELECT is(pg_temp.counted(), 'nothing', 'a resume forgets what was counted');
SELECT is(pg_temp.load(50), '50 50 200', 'so that the next batch is too small again');
SELECT is(pg_temp.load(), '0 0 200', 'a large one is judged by itself');
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 60, 1) \; SELECT pg_temp.send('pos', 60, 0) \g /dev/null
SELECT is(pg_temp.load(60), '60 1 60', 'a batch with a poisonous event');
SELECT is(pg_temp.counted(), 'pos NEGATIVE_TOTAL 1,pos 59', 'good events count, too');
SELECT is(pg_temp.load(60) || ' ' || pg_temp.counted(), '60 0 0 nothing', 'enough good ones, and it is forgotten');
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 70, 70) \g /dev/null
SELECT pg_temp.load() \; SELECT pg_temp.send('pos', 40, 0) \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.open_breakers(), '40 0 0 none', 'good events do not pause their source, though most of those counted failed');
SELECT is(pg_temp.counted(), 'pos INVALID_TIMESTAMP 23,pos NEGATIVE_TOTAL 47,pos 40', 'but nothing is forgotten yet');
SAVEPOINT next;
SELECT pg_temp.send('pos', 2, 1) \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.open_breakers(), '0 0 2 pos', 'the next failure does');
ROLLBACK TO next;
SELECT pg_temp.send('pos', 40, 0) \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.counted(), '40 0 0 nothing', 'with as many good ones it is forgotten');
SELECT pg_temp.send('pos', 60, 0) \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.counted(), '60 0 0 nothing', 'a source that does not fail is not counted');
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 60, 60) \g /dev/null
SELECT pg_temp.load() \g /dev/null
UPDATE scout_internal.circuit_breaker_counts SET since = since - interval '25 hours';
SELECT pg_temp.send('pos', 60, 20) \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.counted(), '60 20 0 pos INVALID_TIMESTAMP 6,pos NEGATIVE_TOTAL 14,pos 40', 'after a day counts are forgotten');
-- A small source among others: 30 events in each batch of 500.
SELECT pg_temp.start_over() \g /dev/null
CREATE FUNCTION pg_temp.send_both() RETURNS text LANGUAGE sql AS
    $$SELECT pg_temp.send('till', 30, 30); SELECT pg_temp.send('web', 470, 0); SELECT pg_temp.load(500)$$;
SELECT is(pg_temp.send_both(), '500 30 0', 'batch ' || g || ' passes') FROM generate_series(1, 3) g;
SELECT is(pg_temp.send_both() || ' ' || pg_temp.open_breakers(), '470 0 30 till', 'the fourth leaves the small source out');
SELECT is(pg_temp.broken(), 'balanced', 'every event is in one state');

-- What fails: rules and writes, not duplicates.
SELECT pg_temp.start_over() \g /dev/null
INSERT INTO scout.bronze_events (source_system, event_data)
SELECT 'pos', jsonb_build_object('transaction_id', 'same', 'store_id', 's', 'ts', '2026-03-01T09:00:00Z', 'total_amount', g,
       'items', jsonb_build_array(jsonb_build_object('product_id', 'P', 'qty', 1, 'unit_price', g, 'line_amount', g)))
FROM generate_series(1, 200) g;
SELECT is(pg_temp.load() || ' ' || pg_temp.open_breakers(), '200 199 0 none', 'duplicates are no failures');
SELECT pg_temp.start_over() \g /dev/null
ALTER TABLE scout.silver_transactions ADD CONSTRAINT small CHECK (total_amount < 500);
SELECT pg_temp.send('pos', 120, 0, 600) \; SELECT pg_temp.send('web', 20, 0) \g /dev/null
SELECT is(pg_temp.load(), '20 0 120', 'events that silver refuses are');
SELECT is((SELECT reason FROM scout.pipeline_pauses), 'circuit breaker: 120 of 120 events (100 %) of source "pos" failed: WRITE_FAILED 120', 'with their code');
ALTER TABLE scout.silver_transactions DROP CONSTRAINT small;
SELECT scout.control_ingestion('resume', source_system => 'pos') \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.broken(), '120 0 0 balanced', 'once it is mended all of them load');

-- Several sources, and odd names.
SELECT pg_temp.start_over() \; SELECT pg_temp.send('a', 200, 200) \; SELECT pg_temp.send('b', 200, 0) \; SELECT pg_temp.send('', 200, 150) \; SELECT pg_temp.send('o''ne "x" %s', 200, 150) \g /dev/null
SELECT is(pg_temp.load(), '200 0 600', 'each source is judged by itself');
SELECT is(pg_temp.open_breakers(), ',a,o''ne "x" %s', 'three are paused');
SELECT is((SELECT count(*) FROM scout_internal.alerts WHERE state = 'firing'), 3::bigint, 'with an alert each');
SELECT lives_ok(substring(remedy FROM 'SELECT \* FROM scout.control_ingestion.*$'), 'the remedy''s call can be run')
FROM scout_internal.alerts WHERE state = 'firing' AND subject LIKE 'o%';
SELECT is(pg_temp.open_breakers(), ',a', 'and lifts the pause');
SELECT throws_ok($$SELECT scout.control_ingestion('resume', source_system => '')$$, '22023', NULL, 'a blank source cannot be named');
SELECT lives_ok(substring(remedy FROM 'SELECT \* FROM scout.control_ingestion.*$'), 'its remedy names the holder')
FROM scout_internal.alerts WHERE state = 'firing' AND subject = '';
SELECT is(pg_temp.open_breakers() || ' ' || pg_temp.open_alerts(), 'none none', 'which lifts them all');

-- Beside pauses of people.
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 200, 200) \; SELECT pg_temp.send('web', 20, 0) \; SELECT scout.control_ingestion('pause', 'by hand') \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.open_breakers(), '0 0 220 none', 'nothing is judged while everything is paused');
SELECT scout.control_ingestion('resume') \; SELECT scout.control_ingestion('pause', 'by hand', 'pos') \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.open_breakers(), '20 0 200 none', 'nor a source that is');
SELECT scout.control_ingestion('resume', source_system => 'pos') \g /dev/null
SELECT is(pg_temp.load() || ' ' || pg_temp.open_breakers(), '0 0 200 pos', 'afterwards it is');
SELECT scout.control_ingestion('pause', 'by hand', 'pos', holder => 'ada') \g /dev/null
SELECT scout.control_ingestion('resume', source_system => 'pos') \g /dev/null
SELECT is((SELECT string_agg(holder, ',') FROM scout.pipeline_pauses), 'ada', 'closing the breaker lifts nobody else''s pause');

-- The whole backlog, here in the caller's transaction.
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 250, 250) \; SELECT pg_temp.send('web', 250, 0) \g /dev/null
SELECT is((SELECT concat_ws(' ', events_processed, events_dead_lettered, backlog, status) FROM scout.load_backlog(100)),
          '250 0 250 in_transaction', 'the other source is drained, and the result says what remains');

-- Rolled back, nothing was.
SELECT pg_temp.start_over() \; SELECT pg_temp.send('pos', 250, 250) \g /dev/null
SAVEPOINT s;
SELECT pg_temp.load() \g /dev/null
SELECT is(pg_temp.open_breakers(), 'pos', 'open within the savepoint');
ROLLBACK TO s;
SELECT is(pg_temp.open_breakers() || ' ' || pg_temp.open_alerts(), 'none none', 'and not after it');
SELECT is(pg_temp.load() || ' ' || pg_temp.open_breakers(), '0 0 250 pos', 'it opens again');

-- Settings.
SELECT throws_ok('SET scout_ir.circuit_breaker_threshold = 0', '22023', NULL, 'a threshold of 0 is refused');
SELECT throws_ok('SET scout_ir.circuit_breaker_threshold = 101', '22023',
                 '101 is outside the valid range for parameter "scout_ir.circuit_breaker_threshold" (1 .. 100)', 'and one of 101');
SELECT throws_ok('SET scout_ir.circuit_breaker_minimum = 0', '22023', NULL, 'a minimum of 0 is refused');
SELECT throws_ok('SET scout_ir.circuit_breaker = perhaps', '22023', NULL, 'on or off');
SELECT throws_ok('SET scout_ir.circuit_breaker_window = 5', '42602', NULL, 'an unknown name is refused');
CREATE ROLE breaker_nobody;
SET ROLE breaker_nobody;
SELECT throws_ok('SET scout_ir.circuit_breaker = off', '42501', NULL, 'not everybody may turn it off');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
