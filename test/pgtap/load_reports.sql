-- Reports look at a window through indexes, whatever the history; the backlog is exact up to 10,000
-- chunks and says so where it is an estimate; bad input.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

-- A history of 20,000 settled events of two lines, the newest 100 within the last half hour.
\ir ../lib/pipeline.sql
ALTER TABLE scout.bronze_events DISABLE TRIGGER USER;
CREATE TEMPORARY TABLE event AS
SELECT n, CASE WHEN n > 19900 THEN now() - (20000 - n) * interval '10 seconds' ELSE now() - interval '1 day' * (20000 - n) END AS at
FROM generate_series(1, 20000) n;
INSERT INTO scout.bronze_events (event_id, store_id, event_data, event_hash, ingested_at)
SELECT n, 'S1', jsonb_build_object('transaction_id', 'T' || n, 'note', repeat('x', 300)), decode(md5(n::text), 'hex'), at FROM event;
INSERT INTO scout.bronze_event_keys SELECT event_hash, event_id FROM scout.bronze_events;
INSERT INTO scout.silver_transactions
SELECT 'T' || n, 'S1', at, 20260101, 2, 2, NULL, NULL, 2, 2, at, at, n FROM event;
INSERT INTO scout.silver_line_items
SELECT 'T' || n, i, 'P', 'Product', NULL, NULL, 1, 1, 1, 0, 1, at, 'S1' FROM event, generate_series(1, 2) i;
INSERT INTO scout_internal.etl_runs (kind, started_at, finished_at, duration_ms, events_processed, transactions_created, write_path)
SELECT 'load', at, at, 5, 1, (n % 2), 'general' FROM event;
VACUUM ANALYZE;

BEGIN;
SELECT plan(74);
ALTER TABLE scout.bronze_events ENABLE ALWAYS TRIGGER zz_scout_ir_intake;

-- Tables of the history that the call read sequentially.
CREATE FUNCTION pg_temp.read_by(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    scans text;
BEGIN
    CREATE TEMPORARY TABLE seen ON COMMIT DROP AS
    SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'scout';
    EXECUTE call;
    SELECT string_agg(t.relname, ' ' ORDER BY t.relname) INTO scans
    FROM pg_stat_xact_user_tables t LEFT JOIN seen s ON s.relname = t.relname
    WHERE t.schemaname = 'scout' AND t.seq_scan > coalesce(s.seq_scan, 0)
      AND t.relname IN ('bronze_events', 'bronze_event_keys', 'silver_transactions', 'silver_line_items', 'etl_runs');
    DROP TABLE seen;
    RETURN coalesce(scans, 'none');
END
$$;
SELECT is(pg_temp.read_by(c.call), 'none', c.call || ' reads no table sequentially')
FROM (VALUES
    ('SELECT * FROM scout.v_ingest_freshness'), ('SELECT * FROM scout.v_gold_freshness'),
    ('SELECT * FROM scout.v_pipeline_throughput'), ('SELECT * FROM scout.v_etl_performance'),
    ('SELECT * FROM scout.v_ingest_latency'), ('SELECT * FROM scout.v_product_linking_stats'),
    ('SELECT * FROM scout.v_quality_alerts'), ('SELECT * FROM scout.data_quality_report(1)'),
    ($$SELECT * FROM scout.reconcile(now() - interval '15 minutes', now())$$),
    ($$SELECT * FROM scout.reconcile(now() - interval '15 minutes', NULL)$$),
    ($$SELECT * FROM scout.ingestion_status()$$), ($$SELECT * FROM scout.control_ingestion('status')$$),
    ('SELECT scout.backlog()')) c (call);
SELECT is(pg_temp.read_by('SELECT * FROM scout.reconcile()'), 'bronze_event_keys bronze_events silver_line_items silver_transactions',
          'the proof of everything reads everything (so the counters do count)');
SELECT results_eq($$SELECT count(*), sum(tx_count)::bigint FROM scout.pipeline_throughput(0.25)$$,
                  $$SELECT count(DISTINCT date_trunc('minute', processed_at)), count(*) FROM scout.silver_transactions
                    WHERE processed_at >= statement_timestamp() - interval '15 minutes'$$, 'what the window holds');

-- Freshness: the newest change of silver, however many runs without one came after it.
INSERT INTO scout_internal.etl_runs (kind, started_at, finished_at, duration_ms, duplicates_skipped, write_path)
SELECT 'intake', now(), now() + i * interval '1 ms', 0, 1, 'trigger' FROM generate_series(1, 100) i;
SELECT is((SELECT latest_silver_load FROM scout.v_ingest_freshness),
          (SELECT max(finished_at) FROM scout.etl_runs WHERE transactions_created > 0), 'the newest change of silver');

-- Backlog. Ids beyond bronze are hints that nobody loads; a chunk is a row of the queue.
CREATE FUNCTION pg_temp.queue(source text, first int, last int, size int, at timestamptz) RETURNS void LANGUAGE sql AS $$
INSERT INTO scout.bronze_pending (source_system, events, event_count, min_ingested_at, max_ingested_at)
SELECT source, int8multirange(int8range(i * 1000 + 1000000, i * 1000 + 1000000 + size)), size, at + i * interval '1 ms', at
FROM generate_series(first, last) i
$$;
SELECT is((SELECT (backlog, backlog_is_estimate, oldest_pending)::text FROM scout.v_ingest_freshness), '(0,f,)', 'nothing waits');
SELECT pg_temp.queue('pos', 1, 6000, 10, '2026-01-02') \g /dev/null
SELECT pg_temp.queue('web', 6001, 10000, 30, '2026-01-01') \g /dev/null
SELECT results_eq($$SELECT backlog, backlog_is_estimate, oldest_pending FROM scout.v_ingest_freshness$$,
                  $$VALUES (180000::bigint, false, timestamptz '2026-01-01' + interval '6001 ms')$$, '10,000 chunks: exact');
SELECT results_eq($$SELECT backlog, backlog_is_estimate FROM scout.control_ingestion('status')$$,
                  $$VALUES (180000::bigint, false)$$, 'control_ingestion says the same');
SELECT results_eq($$SELECT backlog, backlog_is_estimate FROM scout.ingestion_status()$$,
                  $$VALUES (180000::bigint, false)$$, 'ingestion_status, too');
SELECT results_eq($$SELECT source_system, oldest, is_estimate FROM scout_internal.oldest_pending() ORDER BY 1$$,
                  $$VALUES ('pos', timestamptz '2026-01-02' + interval '1 ms', false),
                           ('web', timestamptz '2026-01-01' + interval '6001 ms', false)$$, 'the oldest of each source');
SELECT pg_temp.queue('pos', 10001, 10001, 10, '2026-01-02') \g /dev/null
SELECT results_eq($$SELECT backlog_is_estimate, backlog BETWEEN 180010 AND 250000, oldest_pending FROM scout.v_ingest_freshness$$,
                  $$VALUES (true, true, timestamptz '2026-01-01' + interval '6001 ms')$$,
                  'one more: an estimate, which may take a gap in the ids of a source for chunks');
SELECT pg_temp.queue('till', 10002, 60001, 20, '2026-01-03') \g /dev/null
SELECT results_eq($$SELECT backlog_is_estimate, abs(backlog - 1000000) <= 1000 FROM scout.control_ingestion('status', source_system => 'till')$$,
                  $$VALUES (true, true)$$, 'of one source, without statistics');
SELECT results_eq($$SELECT backlog, backlog_is_estimate FROM scout.control_ingestion('status', source_system => 'web')$$,
                  $$VALUES (120000::bigint, false)$$, 'a source with few chunks stays exact beside one with many');
SELECT is(scout.backlog('nobody'), 0::bigint, 'a source that is not there');
SELECT matches((SELECT details FROM scout.data_quality_report(1) WHERE check_name = 'backlog'), '^about \d+ events pending',
               'the report says that it is an estimate');
-- A pause of one source has its own backlog.
DO $$ BEGIN PERFORM scout.control_ingestion('pause', 'drill', source_system => 'web'); END $$;
SELECT results_eq($$SELECT source_system, backlog, backlog_is_estimate FROM scout.ingestion_status()$$,
                  $$VALUES ('web', 120000::bigint, false)$$, 'the paused source''s own backlog');
DELETE FROM scout.bronze_pending WHERE source_system <> 'web';
INSERT INTO scout.bronze_events (event_id, source_system, event_data) VALUES (20001, 'pos', '{"transaction_id": "new"}');
SELECT results_eq($$SELECT source_system, oldest = now(), is_estimate FROM scout_internal.oldest_pending() WHERE source_system = 'pos'$$,
                  $$VALUES ('pos', true, false)$$, 'what this transaction inserted waits, too');
SELECT is(scout.backlog(), 120001::bigint, 'and is in the backlog');

-- Bad input.
SELECT throws_ok(format('SELECT scout.%s(%s)', f, h), '22023', NULL, format('%s(%s)', f, h))
FROM unnest(ARRAY['data_quality_report', 'quality_alerts', 'pipeline_throughput', 'etl_performance', 'ingest_latency',
                  'product_linking_stats']) f,
     unnest(ARRAY['NULL', '-1', $$'NaN'$$, $$'infinity'$$, $$'-infinity'$$, '87600.1']) h;
SELECT lives_ok(format('SELECT scout.%s(%s)', f, h), format('%s(%s)', f, h))
FROM unnest(ARRAY['data_quality_report', 'pipeline_throughput', 'ingest_latency']) f, unnest(ARRAY['0', '0.001', '87600']) h;

SELECT * FROM finish();
ROLLBACK;
