-- Gold across transactions and sessions: never fresh while it lacks something. By workers and here; other sessions
-- come through dblink. The order of events is enforced by locks and by looking, never by time.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;
CREATE EXTENSION IF NOT EXISTS dblink;
SELECT plan(69);
\ir ../lib/pipeline.sql

CREATE TABLE public.price (item int, price int, on_day date DEFAULT '2026-01-01') PARTITION BY RANGE (on_day);
CREATE TABLE public.price_2026 PARTITION OF public.price FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE public.stock (item int, pieces int);
CREATE MATERIALIZED VIEW public.gold_price AS SELECT item, sum(price) AS price FROM public.price GROUP BY 1;
CREATE UNIQUE INDEX ON public.gold_price (item);
CREATE MATERIALIZED VIEW public.gold_stock AS SELECT sum(pieces) AS pieces FROM public.stock;
CREATE MATERIALIZED VIEW public.gold_value AS SELECT p.price * s.pieces AS worth FROM public.gold_price p CROSS JOIN public.gold_stock s;
SELECT format('ALTER %s public.%I OWNER TO pgtap_owner', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relname IN ('price', 'price_2026', 'stock', 'gold_price', 'gold_stock', 'gold_value') \gexec
SELECT count(*) AS ignored FROM unnest('{public.gold_price,public.gold_stock,public.gold_value}'::text[]) v, scout.register_gold(v::regclass) \gset
SELECT pg_advisory_lock(1) \g /dev/null

CREATE FUNCTION pg_temp.state(name text) RETURNS text LANGUAGE sql AS $$SELECT g.state FROM scout.gold_freshness() g WHERE g.materialized_view = name$$;
-- A session reports its last changes before it is gone from the list.
CREATE PROCEDURE pg_temp.until_gone(session int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..60000 LOOP
        IF NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = session) THEN RETURN; END IF;
        PERFORM pg_sleep(0.001), pg_stat_clear_snapshot();
    END LOOP;
    RAISE EXCEPTION 'session % does not end', session;
END $$;
CREATE FUNCTION pg_temp.event(n int) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('transaction_id', 't' || n, 'store_id', 's', 'ts', '2026-03-01T09:00:00Z', 'total_amount', 5,
    'items', jsonb_build_array(jsonb_build_object('product_id', 'p', 'qty', 1, 'unit_price', 5, 'line_amount', 5))) $$;
CREATE VIEW public.statuses AS SELECT regexp_replace(r.operation, '.*[ .]', '') AS view, r.status, r.job_id FROM scout.refresh_gold_platinum() r;
CREATE VIEW public.forced AS SELECT count(*) FILTER (WHERE r.status = 'refreshed') AS refreshed, count(*) AS all_of_them FROM scout.refresh_gold_platinum(force => true) r;

-- A worker refreshes what is stale; the rest has no part in its job.
SELECT is((SELECT count(*) FROM public.statuses WHERE status = 'refreshed' AND job_id IS NOT NULL), 5::bigint, 'a worker refreshes all');
SELECT is((SELECT string_agg(DISTINCT status, ',') FROM public.statuses WHERE job_id IS NULL), 'skipped: fresh', 'and nothing the next time');
SELECT is((SELECT count(*) FROM scout_internal.job_records), 1::bigint, 'for which there is no job');
INSERT INTO public.stock VALUES (1, 10);
SELECT is((SELECT string_agg(view || ' ' || status, ', ' ORDER BY view) FROM public.statuses WHERE job_id IS NOT NULL), 'gold_stock refreshed, gold_value refreshed',
          'a fix by hand is seen at once by the refresh after it, though no statistics have it yet');
SELECT is((SELECT arguments->'views' FROM scout_internal.job_records ORDER BY job_id DESC LIMIT 1), '["public.gold_stock", "public.gold_value"]'::jsonb, 'the job says what it was asked for');
SELECT is(pg_temp.state('public.gold_stock'), 'fresh', 'and here it is fresh then: what this session wrote was in it');
SELECT is((SELECT string_agg(DISTINCT operation || ' ' || status, ',') FROM scout.refresh_gold_platinum(wait => false)), 'job skipped: fresh', 'nothing to wait for');
SELECT job_id FROM scout.refresh_gold_platinum(force => true, wait => false, idempotency_key => 'once') \gset
SELECT is((SELECT state FROM scout.wait_for_job(:job_id)), 'succeeded', 'a key');
SELECT is((SELECT job_id FROM scout.refresh_gold_platinum(wait => false, idempotency_key => 'once')), :job_id::bigint, 'which stands for its first job, whatever is stale now');

SELECT pg_stat_force_next_flush() \g /dev/null
SELECT is((SELECT count(*) FROM scout.refresh_gold_platinum(force => true, idempotency_key => 'twice')), 5::bigint, 'another key');
INSERT INTO public.stock VALUES (1, 0);
SELECT is((SELECT count(*) FROM scout.refresh_gold_platinum(idempotency_key => 'twice')), 5::bigint, 'shown once more');
SELECT is(pg_temp.state('public.gold_stock'), 'stale', 'which makes nothing fresh that was written since');

-- Another session's rows, which only time would report.
SELECT dblink_connect('other', 'dbname=' || current_database()) \g /dev/null
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT dblink_exec('other', 'INSERT INTO public.stock VALUES (1, 5)') \g /dev/null
SELECT isnt(pg_temp.state('public.gold_stock'), 'fresh', 'a row that another session has just committed');
SELECT is((SELECT status FROM public.statuses WHERE view = 'gold_stock'), 'refreshed', 'a refresh does not pass over it');
SELECT is((SELECT pieces FROM public.gold_stock), 15::bigint, 'and has it');
-- A transaction that was open during the refresh.
SELECT dblink_exec('other', 'BEGIN') \g /dev/null
SELECT dblink_exec('other', 'INSERT INTO public.stock VALUES (1, 5)') \g /dev/null
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed, without what is not committed');
SELECT dblink_exec('other', 'COMMIT') \g /dev/null
SELECT isnt(pg_temp.state('public.gold_stock'), 'fresh', 'it is committed afterwards');
SELECT pid AS other FROM dblink('other', 'SELECT pg_backend_pid()') r (pid int) \gset
SELECT dblink_disconnect('other') \g /dev/null
CALL pg_temp.until_gone(:other);
SELECT is(pg_temp.state('public.gold_stock'), 'stale', 'a session that ends has reported all');
-- One that commits and goes on for ever: it reports nothing.
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT dblink_connect('other', 'dbname=' || current_database()) \g /dev/null
SELECT dblink_send_query('other', $$DO 'BEGIN INSERT INTO public.stock VALUES (1, 7); COMMIT; PERFORM pg_advisory_lock(1); END'$$) \g /dev/null
DO $$BEGIN FOR i IN 1..100000 LOOP EXIT WHEN EXISTS (SELECT FROM public.stock WHERE pieces = 7); PERFORM pg_sleep(0.001); END LOOP; END$$;
SELECT is((SELECT count(*) FROM public.stock WHERE pieces = 7), 1::bigint, 'a procedure commits and does not end');
SELECT is(pg_temp.state('public.gold_stock'), 'unsure', 'gold is not called fresh');
SELECT is((SELECT status || ' ' || why FROM scout.v_gold_freshness WHERE materialized_view = 'public.gold_stock'), 'pass another session may have written, and not reported it yet', 'but no alarm either');
SELECT is((SELECT operation || ' ' || status FROM scout.maybe_refresh_gold()), 'job fresh', 'a schedule waits until it is certain');
SELECT count(*) AS ignored FROM scout.register_gold('public.gold_stock', '1 microsecond', '1 hour') \gset
SELECT is((SELECT string_agg(materialized_view, ',') FROM scout.gold_freshness() WHERE curable), 'public.gold_stock', 'unless the other has gone on for longer than warn_after');
SELECT count(*) AS ignored FROM scout.register_gold('public.gold_stock') \gset
SELECT is((SELECT status FROM public.statuses WHERE view = 'gold_stock'), 'refreshed', 'who asks for a refresh gets it');
SELECT pg_advisory_unlock(1) \g /dev/null
SELECT dblink_get_result('other') \g /dev/null
SELECT dblink_disconnect('other') \g /dev/null

-- A load that commits late, in silver, with an older clock than the refresh.
SELECT dblink_connect('other', 'dbname=' || current_database()) \g /dev/null
SELECT count(*) AS ignored FROM scout.ingest_events((SELECT jsonb_agg(pg_temp.event(n)) FROM generate_series(1, 10) n)) \gset
SELECT dblink_exec('other', 'BEGIN') \g /dev/null
SELECT is((SELECT x FROM dblink('other', 'SELECT events_processed FROM scout.load_silver_from_bronze()') d (x bigint)), 10::bigint, 'a load in an open transaction');
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed before it commits');
SELECT dblink_exec('other', 'COMMIT') \g /dev/null
SELECT is((SELECT state || ' ' || lacking_rows FROM scout.v_gold_freshness WHERE materialized_view = 'gold_daily_metrics'), 'stale 10', 'gold lacks it at once');
SELECT dblink_disconnect('other') \g /dev/null
SELECT is((SELECT string_agg(status, ',') FROM public.statuses WHERE view ~ 'metrics|choropleth'), 'refreshed,refreshed', 'refreshed');
SELECT is((SELECT tx_count FROM scout.gold_daily_metrics), 10::bigint, 'with it');
-- The transaction rolls back, and so does its refresh.
BEGIN;
SELECT is((SELECT count(*) FROM scout.reprocess_bronze_window('-infinity', 'infinity')), 1::bigint, 'a reprocess in a transaction');
SELECT is((SELECT string_agg(status, ',') FROM public.statuses WHERE view ~ 'metrics|choropleth'), 'refreshed,refreshed', 'and a refresh');
SELECT is(pg_temp.state('gold_daily_metrics'), 'fresh', 'that has it');
SELECT count(*) AS ignored FROM scout.quarantine_events('{1}', 'odd') \gset
SELECT is(pg_temp.state('gold_daily_metrics'), 'stale', 'but not what comes after it');
ROLLBACK;
SELECT is((SELECT count(*) FROM scout_internal.gold_baselines b WHERE NOT pg_visible_in_snapshot(b.txid, pg_current_snapshot())), 0::bigint, 'nothing of it is left');

-- Thresholds.
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT count(*) AS ignored FROM scout.reprocess_bronze_window('-infinity', 'infinity') \gset
SELECT is((SELECT status || ' ' || state FROM scout.v_gold_freshness WHERE materialized_view = 'gold_daily_metrics'), 'pass stale', 'a change that has just come is no alarm');
SELECT count(*) AS ignored FROM scout.register_gold('scout.gold_daily_metrics', '20 minutes', '2 hours') \gset
UPDATE scout_internal.etl_runs SET finished_at = finished_at - interval '11 minutes';
SELECT is((SELECT string_agg(status || ' ' || state, ', ' ORDER BY materialized_view) FROM scout.v_gold_freshness WHERE materialized_view ~ '^gold'), 'pass stale, warn stale', 'one that waits for 11 minutes: by the thresholds of each view');
UPDATE scout_internal.etl_runs SET finished_at = finished_at - interval '2 hours';
SELECT is((SELECT string_agg(status || ' ' || state, ', ' ORDER BY materialized_view) FROM scout.v_gold_freshness WHERE materialized_view ~ '^gold'), 'error stale, error stale', 'and for hours');

-- What is no row: every way to change a source, one at a time.
CREATE FUNCTION pg_temp.after(change text, view text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE before text; BEGIN
    SELECT g.state INTO before FROM scout.gold_freshness() g WHERE g.materialized_view = view;
    EXECUTE change;
    RETURN before || ', ' || (SELECT g.state FROM scout.gold_freshness() g WHERE g.materialized_view = view);
END$$;
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT is(pg_temp.after('INSERT INTO public.price VALUES (1, 3)', 'public.gold_price'), 'fresh, stale', 'a row in a partition');
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT is(pg_temp.after('TRUNCATE public.price', 'public.gold_value'), 'fresh, stale', 'an emptied partition, two views further');
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT is(pg_temp.after('ALTER TABLE public.price DETACH PARTITION public.price_2026', 'public.gold_price'), 'fresh, stale', 'a partition that is taken away');
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT is(pg_temp.after('REFRESH MATERIALIZED VIEW public.gold_stock', 'public.gold_value'), 'fresh, stale', 'a REFRESH by hand below');
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT pg_stat_reset_single_table_counters('public.stock'::regclass) \g /dev/null
INSERT INTO public.stock SELECT 1, 0 FROM generate_series(1, (SELECT s.writes - m.writes FROM scout_internal.gold_sources s JOIN scout_internal.gold_marks() m USING (view_id, source_id)
    WHERE s.view_id = 'public.gold_stock'::regclass AND s.source_id = 'public.stock'::regclass));
SELECT is((SELECT s.writes - m.writes FROM scout_internal.gold_sources s JOIN scout_internal.gold_marks() m USING (view_id, source_id) WHERE s.view_id = 'public.gold_stock'::regclass AND s.source_id = 'public.stock'::regclass),
          0::bigint, 'counts that start again and come to the same');
SELECT is(pg_temp.state('public.gold_stock'), 'stale', 'are not trusted');
SELECT is((SELECT refreshed FROM public.forced), 5::bigint, 'refreshed');
SET track_counts = off;
SELECT is((SELECT string_agg(DISTINCT g.state, ',') FROM scout.gold_freshness() g), 'stale', 'a server that does not count');
RESET track_counts;
BEGIN;
CREATE TABLE public.young (x int);
CREATE MATERIALIZED VIEW public.gold_young AS SELECT count(*) FROM public.young;
ALTER TABLE public.young OWNER TO pgtap_owner;
ALTER MATERIALIZED VIEW public.gold_young OWNER TO pgtap_owner;
SELECT count(*) AS ignored FROM scout.register_gold('public.gold_young') \gset
INSERT INTO public.young VALUES (1);
SELECT is((SELECT status FROM public.statuses WHERE view = 'gold_young'), 'refreshed', 'a table of this very transaction');
TRUNCATE public.young;
INSERT INTO public.young VALUES (2);
COMMIT;
SELECT is(pg_temp.state('public.gold_young'), 'stale', 'emptied and filled to the same count');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is((SELECT refreshed FROM public.forced), 6::bigint, 'under an old snapshot');
COMMIT;
SELECT is((SELECT string_agg(DISTINCT g.state, ',') FROM scout.gold_freshness() g), 'stale', 'nothing is certain');
DROP MATERIALIZED VIEW public.gold_young;

-- A view without data, and a cause that is no gold.
REFRESH MATERIALIZED VIEW public.gold_stock WITH NO DATA;
SELECT is((SELECT status || ' ' || state FROM scout.v_gold_freshness WHERE materialized_view = 'public.gold_stock'), 'error not populated', 'emptied by hand');
SELECT is((SELECT count(*) FROM public.statuses WHERE status = 'refreshed'), 5::bigint, 'refreshed');
SELECT is(pg_temp.state('public.gold_stock'), 'fresh', 'it holds data again');
SELECT is((SELECT status FROM scout.unregister_gold('public.gold_stock')), 'unregistered', 'no gold any more');
SELECT is((SELECT state || ' ' || curable || ' ' || why FROM scout.v_gold_freshness WHERE materialized_view = 'public.gold_value'), 'stale false it reads a materialized view that is not gold: public.gold_stock', 'what reads it is not fresh');
SELECT is((SELECT status FROM scout.maybe_refresh_gold()), 'fresh', 'which no refresh would mend, and a schedule does not try');
SELECT is((SELECT status FROM scout.register_gold('public.gold_stock', enabled => false)), 'registered', 'somebody else refreshes it');
SELECT is(pg_temp.state('public.gold_value'), 'fresh', 'then its contents count as they are');
REFRESH MATERIALIZED VIEW public.gold_stock;
SELECT is(pg_temp.state('public.gold_value'), 'stale', 'and what reads it follows');
SELECT is((SELECT status FROM scout.maybe_refresh_gold()), 'queued', 'a schedule asks for a job');
SELECT is((SELECT j.state FROM scout_internal.job_records r, scout.wait_for_job(r.job_id) j ORDER BY r.job_id DESC LIMIT 1), 'succeeded', 'which ends');
SELECT is((SELECT string_agg(view_name || ' ' || status, ', ') FROM scout.gold_refreshes WHERE job_id = (SELECT max(job_id) FROM scout_internal.job_records)), 'gold_value refreshed', 'and did that one view');
SELECT * FROM finish();
