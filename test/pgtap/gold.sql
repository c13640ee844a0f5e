-- Gold in one transaction: registration, order, what fails and what depends on it, freshness, the chain, bad input.
-- gold_stale_views.sql has what only separate transactions and sessions show.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;
CREATE EXTENSION IF NOT EXISTS dblink;

SELECT plan(106);
SELECT throws_ok('SELECT * FROM scout.' || f, '42P01', NULL, 'no pipeline: ' || f)
FROM unnest(ARRAY['refresh_gold_platinum()', 'maybe_refresh_gold()', 'gold_freshness()', 'v_gold_freshness']) f;
SELECT is((SELECT string_agg(relation_name, ',') FROM scout.dependency_chain('pg_catalog.pg_class')), 'pg_catalog.pg_class', 'a chain needs no pipeline');


-- Committed: what a transaction makes itself is never taken for unchanged.
CREATE ROLE gold_owner LOGIN;
CREATE ROLE gold_other LOGIN;
CREATE ROLE gold_reader LOGIN;
CREATE ROLE gold_operator LOGIN;
CREATE SCHEMA mart AUTHORIZATION gold_owner;
CREATE SCHEMA theirs AUTHORIZATION gold_other;
\set owner gold_owner
\ir ../lib/pipeline.sql
SELECT count(*) AS ignored FROM scout.grant_access('reader', 'gold_reader') \gset
SELECT count(*) AS ignored FROM scout.grant_access('operator', 'gold_operator') \gset
GRANT SELECT ON scout.silver_transactions TO gold_other;
GRANT USAGE ON SCHEMA scout TO gold_other;
CREATE TABLE mart.target (week int, goal numeric);
CREATE TABLE mart.deep0 (x int);
ALTER TABLE mart.target OWNER TO gold_owner;
ALTER TABLE mart.deep0 OWNER TO gold_owner;

BEGIN;
CREATE FUNCTION pg_temp.sell(first int, last int, total int) RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM scout.ingest_events((SELECT jsonb_agg(jsonb_build_object('transaction_id', 't' || n, 'store_id', 's', 'ts', '2026-03-01T09:00:00Z',
    'total_amount', total, 'items', jsonb_build_array(jsonb_build_object('product_id', 'p', 'qty', 1, 'unit_price', total, 'line_amount', total))))
    FROM generate_series(first, last) n)) $$;
CREATE FUNCTION pg_temp.refreshed(force boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(regexp_replace(r.operation, 'REFRESH MATERIALIZED VIEW (CONCURRENTLY )?', '') || ' ' || r.status, ', ' ORDER BY r.ordinality)
FROM scout.refresh_gold_platinum(force => refreshed.force) WITH ORDINALITY r $$;
CREATE FUNCTION pg_temp.state(name text) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', g.status, g.state) FROM scout.v_gold_freshness g WHERE g.materialized_view = name $$;

-- A later transaction ends: from now on a snapshot counts this one among those it sees.
SELECT dblink_exec('dbname=' || current_database(), 'CREATE TABLE mart.elsewhere ()') \g /dev/null

-- The pipeline's own views need no registration.
SELECT is(pg_temp.state('gold_daily_metrics'), 'never never refreshed', 'a view that was never refreshed');
SELECT is(pg_temp.refreshed(), 'scout.gold_daily_metrics refreshed, scout.gold_region_choropleth refreshed', 'is refreshed');
SELECT is(pg_temp.state('gold_daily_metrics'), 'pass fresh', 'and fresh');
SELECT is(pg_temp.refreshed(), 'scout.gold_daily_metrics skipped: fresh, scout.gold_region_choropleth skipped: fresh', 'and left alone then');
SELECT is(pg_temp.refreshed(true), 'scout.gold_daily_metrics refreshed, scout.gold_region_choropleth refreshed', 'unless forced');
SELECT is((SELECT count(*) FROM scout.gold_refreshes), 4::bigint, 'history has what was done, and no row for what was left alone');
SELECT is((SELECT outcome || ' ' || counts::text FROM scout.timeline WHERE action = 'refresh_gold_platinum' ORDER BY entry_id DESC LIMIT 1),
          'refreshed {"failed": 0, "skipped": 0, "refreshed": 2}', 'the timeline has all of it');
SELECT is((SELECT operation || ' ' || status FROM scout.maybe_refresh_gold()), 'job fresh', 'a schedule has nothing to do');
SELECT is((SELECT count(*) FROM scout_internal.job_records), 0::bigint, 'and asks for no job');

SELECT is(pg_temp.sell(1, 20, 5), 20::bigint, 'events come');
SELECT is(pg_temp.state('gold_daily_metrics'), 'pass fresh', 'gold lacks nothing until they are loaded');
SELECT is((SELECT events_processed FROM scout.load_silver_from_bronze()), 20::bigint, 'they are loaded');
SELECT is((SELECT state || ' ' || lacking_rows || ' ' || (lacking_from <= lacking_to) || ' ' || why FROM scout.v_gold_freshness WHERE materialized_view = 'gold_daily_metrics'),
          'stale 20 true silver has changed: 20 transactions created, 0 updated, 0 removed by 1 runs', 'a load makes gold stale, and it says what is lacking');
SELECT is(pg_temp.refreshed(), 'scout.gold_daily_metrics refreshed, scout.gold_region_choropleth refreshed', 'refreshed');
SELECT is((SELECT sum(tx_count) FROM scout.gold_daily_metrics), 20::numeric, 'with the rows');
SELECT is((SELECT rows_before || ' ' || rows_after FROM scout.gold_refreshes WHERE view_name = 'gold_daily_metrics' ORDER BY refresh_id DESC LIMIT 1), '0 1', 'which history counts');
SELECT is(pg_temp.state('gold_region_choropleth'), 'pass fresh', 'fresh');
SELECT is((SELECT events_reprocessed FROM scout.reprocess_bronze_window('-infinity', 'infinity')), 20::bigint, 'a reprocess');
SELECT is(pg_temp.state('gold_daily_metrics'), 'pass stale', 'makes gold stale');
SELECT is(pg_temp.refreshed(), 'scout.gold_daily_metrics refreshed, scout.gold_region_choropleth refreshed', 'so that the runbook''s refresh after it does something');
SELECT is((SELECT events_quarantined FROM scout.quarantine_events('{1}', 'odd')), 1::bigint, 'a quarantine takes a row away');
SELECT is((SELECT string_agg(DISTINCT why, '|') FROM scout.v_gold_freshness), 'silver has changed: 0 transactions created, 0 updated, 1 removed by 1 runs', 'which leaves no row to look at, and gold is stale');
SELECT matches(pg_temp.refreshed(), 'metrics refreshed', 'refreshed again');
UPDATE scout.dim_store SET region = 'north';
SELECT is(pg_temp.refreshed(), 'scout.gold_daily_metrics skipped: fresh, scout.gold_region_choropleth skipped: fresh', 'an UPDATE of no row is no change');
INSERT INTO scout.dim_store VALUES ('s', 'S', 'south');
SELECT is((SELECT string_agg(materialized_view || ': ' || why, '|') FROM scout.v_gold_freshness WHERE state = 'stale'),
          'gold_region_choropleth: changed since its last refresh: scout.dim_store', 'a dimension: only the view that reads it');
SELECT is(pg_temp.refreshed(), 'scout.gold_daily_metrics skipped: fresh, scout.gold_region_choropleth refreshed', 'is refreshed');
DELETE FROM scout.silver_transactions WHERE transaction_id = 't7';
SELECT is((SELECT string_agg(DISTINCT state || ' ' || why, '|') FROM scout.v_gold_freshness), 'stale changed since its last refresh: scout.silver_transactions',
          'a hand in silver that no run knows of');
SELECT matches(pg_temp.refreshed(), 'metrics refreshed', 'refreshed again');
REFRESH MATERIALIZED VIEW scout.gold_daily_metrics;
SELECT is((SELECT state || ' ' || why FROM scout.v_gold_freshness WHERE materialized_view = 'gold_daily_metrics'),
          'stale changed since its last refresh: scout.gold_daily_metrics', 'a REFRESH by hand, of whatever snapshot, is not trusted');
SELECT matches(pg_temp.refreshed(), 'metrics refreshed', 'refreshed again');

-- Thresholds.
SELECT is((SELECT status FROM scout.register_gold('scout.gold_daily_metrics', '1 hour', '2 hours')), 'registered', 'thresholds of its own');
SELECT is((SELECT status FROM scout.register_gold('scout.gold_daily_metrics', '20 minutes', '2 hours')), 'replaced', 'and others');
SELECT is((SELECT status FROM scout.unregister_gold('gold_daily_metrics')), 'unregistered', 'the registration is taken back');
SELECT is((SELECT warn_after || ' ' || error_after FROM scout.v_gold_freshness WHERE materialized_view = 'gold_daily_metrics'), '00:10:00 00:15:00', 'the defaults are back');

-- The older names: a chain through a plain view and another schema, a view without a unique index, one that fails.
CREATE MATERIALIZED VIEW scout.gold_daily_aggregates AS SELECT t.date_key, count(*) AS n, sum(t.total_amount) AS revenue FROM scout.silver_transactions t GROUP BY 1;
CREATE UNIQUE INDEX ON scout.gold_daily_aggregates (date_key);
ALTER MATERIALIZED VIEW scout.gold_daily_aggregates OWNER TO gold_owner;
SET ROLE gold_owner;
CREATE VIEW mart.weekly AS SELECT a.date_key / 7 AS week, sum(a.revenue) AS revenue FROM scout.gold_daily_aggregates a GROUP BY 1;
CREATE MATERIALIZED VIEW mart.gold_weekly AS SELECT w.*, t.goal FROM mart.weekly w LEFT JOIN mart.target t USING (week) WITH NO DATA;
CREATE UNIQUE INDEX ON mart.gold_weekly (week) WHERE week > 0;
RESET ROLE;
CREATE MATERIALIZED VIEW scout.gold_regional_performance AS SELECT w.week, w.revenue / w.goal AS share FROM mart.gold_weekly w WITH NO DATA;
CREATE MATERIALIZED VIEW scout.gold_best AS SELECT max(p.share) AS share FROM scout.gold_regional_performance p WITH NO DATA;
ALTER MATERIALIZED VIEW scout.gold_regional_performance OWNER TO gold_owner;
ALTER MATERIALIZED VIEW scout.gold_best OWNER TO gold_owner;
CREATE FUNCTION pg_temp.others() RETURNS text LANGUAGE sql AS $$
SELECT string_agg(regexp_replace(r.operation, 'REFRESH MATERIALIZED VIEW ', '') || ' ' || r.status, ', ' ORDER BY r.ordinality)
FROM scout.refresh_gold_platinum() WITH ORDINALITY r WHERE r.operation !~ 'metrics|choropleth' $$;
SELECT is((SELECT state || ': ' || why FROM scout.v_gold_freshness WHERE materialized_view = 'gold_regional_performance'),
          'not populated: it holds no data; it reads what is stale: scout.gold_daily_aggregates; it reads a materialized view that is not gold: mart.gold_weekly', 'why a view is broken');
SELECT is((SELECT string_agg(level || ' ' || relation_name || ' ' || status, ', ' ORDER BY level, relation_name) FROM scout.dependency_chain('scout.gold_regional_performance') WHERE relation_name <> 'scout.bronze_events'),
          '-4 scout.silver_transactions ok, -3 scout.gold_daily_aggregates late, -2 mart.target ok, -2 mart.weekly late, -1 mart.gold_weekly broken, 0 scout.gold_regional_performance broken, 1 scout.gold_best broken',
          'where its chain is');
SELECT matches((SELECT why FROM scout.dependency_chain('mart.gold_weekly') WHERE level = 0), 'holds no data.*not gold.*register_gold.*no unique index', 'a partial unique index is none');
SET ROLE gold_owner;
SELECT is((SELECT materialized_view || ' ' || status || ' ' || (details ~ 'keeps readers out') FROM scout.register_gold('mart.gold_weekly')),
          'mart.gold_weekly registered true', 'the owner registers it');
RESET ROLE;
SELECT is(pg_temp.others(), 'CONCURRENTLY scout.gold_daily_aggregates refreshed, mart.gold_weekly refreshed, scout.gold_regional_performance refreshed, scout.gold_best refreshed',
          'all in the order of the catalogue, concurrently where that is possible');
INSERT INTO mart.target SELECT week, 0 FROM mart.weekly;
SELECT is((SELECT why FROM scout.v_gold_freshness WHERE materialized_view = 'mart.gold_weekly'), 'changed since its last refresh: mart.target', 'a table of another schema');
SELECT is((SELECT string_agg(materialized_view || ': ' || why, ', ') FROM scout.v_gold_freshness WHERE why ~ 'what is stale'),
          'gold_best: it reads what is stale: mart.gold_weekly, gold_regional_performance: it reads what is stale: mart.gold_weekly', 'what reads it is stale as well');
SET client_min_messages = error;
SELECT is(pg_temp.others(), 'CONCURRENTLY scout.gold_daily_aggregates skipped: fresh, mart.gold_weekly refreshed, scout.gold_regional_performance failed: division by zero, scout.gold_best skipped: depends on scout.gold_regional_performance',
          'a view fails, its dependents are skipped, the others are done');
SELECT is((SELECT string_agg(concat_ws('|', view_name, status, error_sqlstate, error_message), ', ' ORDER BY refresh_id)
           FROM (SELECT * FROM scout.gold_refreshes ORDER BY refresh_id DESC LIMIT 2) r),
          'gold_regional_performance|failed: division by zero|22012|division by zero, gold_best|skipped: depends on scout.gold_regional_performance', 'and why');
SET client_min_messages = warning;
SELECT is((SELECT string_agg(status || ' ' || state || ' ' || (why ~ 'division by zero'), ', ' ORDER BY materialized_view) FROM scout.v_gold_freshness WHERE materialized_view IN ('gold_best', 'gold_regional_performance')),
          'pass stale false, error failed true', 'both of them are not fresh, and one says why');
SELECT is((SELECT string_agg(relation_name || ' ' || status, ', ' ORDER BY level) FROM scout.dependency_chain('mart.target')),
          'mart.target ok, mart.gold_weekly ok, scout.gold_regional_performance broken, scout.gold_best late', 'where the chain is broken, seen from its source');
SELECT is((SELECT count(*) FROM scout.gold_regional_performance), (SELECT count(*) FROM mart.weekly), 'a view that failed keeps what it had');
UPDATE mart.target SET goal = 100;
SELECT is(pg_temp.others(), 'CONCURRENTLY scout.gold_daily_aggregates skipped: fresh, mart.gold_weekly refreshed, scout.gold_regional_performance refreshed, scout.gold_best refreshed', 'the cause is gone');
SET ROLE gold_owner;
CREATE OR REPLACE VIEW mart.weekly AS SELECT a.date_key / 7 AS week, sum(a.revenue) * 2 AS revenue FROM scout.gold_daily_aggregates a GROUP BY 1;
RESET ROLE;
SELECT is((SELECT why FROM scout.v_gold_freshness WHERE materialized_view = 'mart.gold_weekly'), 'changed since its last refresh: mart.weekly', 'the definition of a view between');
SELECT matches(pg_temp.others(), 'gold_weekly refreshed', 'refreshed again');

-- Whose views.
CREATE MATERIALIZED VIEW scout.gold_foreign AS SELECT 1 AS x;
ALTER MATERIALIZED VIEW scout.gold_foreign OWNER TO gold_other;
SELECT matches(pg_temp.others(), 'gold_foreign skipped: owned by gold_other, the pipeline by gold_owner', 'another owner''s view in schema scout is left alone');
SELECT is((SELECT status || ' ' || why FROM scout.v_gold_freshness WHERE materialized_view = 'gold_foreign'), 'never owned by gold_other, the pipeline by gold_owner', 'and says so');
SET ROLE gold_owner;
SELECT throws_ok($$SELECT scout.register_gold('scout.gold_foreign')$$, '42501', 'register_gold: permission denied for scout.gold_foreign', 'nobody registers the view of another');
RESET ROLE;
SET ROLE gold_other;
CREATE FUNCTION theirs.who() RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text';
CREATE MATERIALIZED VIEW theirs.mine AS SELECT theirs.who() AS who, count(*) AS n FROM scout.silver_transactions WITH NO DATA;
RESET ROLE;
SELECT is((SELECT status FROM scout.register_gold('theirs.mine')), 'registered', 'a superuser may');
SET ROLE gold_operator;
SELECT matches(pg_temp.others(), 'theirs.mine refreshed', 'an operator has it refreshed');
RESET ROLE;
SELECT is((SELECT who FROM theirs.mine), 'gold_other', 'it runs as its owner');
SELECT is((SELECT why FROM scout.v_gold_freshness WHERE materialized_view = 'theirs.mine'), 'it calls who(), which may read anything', 'a function that may read anything: never fresh');
ALTER MATERIALIZED VIEW theirs.mine OWNER TO gold_owner;
SELECT matches(pg_temp.others(), 'theirs.mine skipped: owned by gold_owner, and by gold_other when it was registered', 'a view that changed hands waits for a new registration');

-- What no count of rows can tell.
CREATE MATERIALIZED VIEW scout.gold_clock AS SELECT now() AS at, count(*) FROM scout.dim_store;
CREATE MATERIALIZED VIEW scout.gold_today AS SELECT x.* FROM (SELECT CURRENT_DATE AS at) x;
CREATE MATERIALIZED VIEW scout.gold_catalogue AS SELECT count(*) FROM pg_class;
CREATE MATERIALIZED VIEW scout.gold_chance AS SELECT s.store_id FROM scout.dim_store s WHERE EXISTS (SELECT WHERE random() < 0.5);
CREATE MATERIALIZED VIEW scout.gold_constant AS SELECT 1 AS one;
DO $$DECLARE v text; BEGIN FOR v IN SELECT matviewname FROM pg_matviews WHERE schemaname = 'scout' AND matviewname ~ 'clock|today|catalogue|chance|constant' LOOP
    EXECUTE format('ALTER MATERIALIZED VIEW scout.%I OWNER TO gold_owner', v); END LOOP; END$$;
SELECT matches(pg_temp.others(), 'gold_clock refreshed', 'refreshed');
SELECT is((SELECT string_agg(materialized_view || ' ' || state || coalesce(' ' || why, ''), ', ' ORDER BY materialized_view) FROM scout.v_gold_freshness WHERE materialized_view ~ 'clock|today|catalogue|chance|constant'),
          'gold_catalogue stale it reads the catalogue, pg_class, gold_chance stale it calls random(), which may read anything, gold_clock stale it reads the clock, gold_constant fresh, gold_today stale it reads the clock',
          'they are never called fresh; a constant is');

-- Switched off, gone, made again.
SELECT is((SELECT status FROM scout.register_gold('scout.gold_clock', enabled => false)), 'registered', 'switched off');
SELECT is(pg_temp.state('gold_clock'), 'disabled disabled', 'seen as such');
SELECT matches(pg_temp.refreshed(true), 'gold_clock skipped: disabled', 'and not refreshed, not even by force');
DROP MATERIALIZED VIEW mart.gold_weekly CASCADE;
SELECT is(pg_temp.state('mart.gold_weekly'), 'missing missing', 'a registered view that is gone');
SELECT matches(pg_temp.refreshed(), 'mart.gold_weekly skipped: the view is gone', 'breaks nothing');
SELECT is((SELECT count(*) FROM scout.ingest_freshness()), 1::bigint, 'no report either');
CREATE MATERIALIZED VIEW mart.gold_weekly AS SELECT 1 AS week;
ALTER MATERIALIZED VIEW mart.gold_weekly OWNER TO gold_owner;
SELECT matches((SELECT state || ' ' || why FROM scout.v_gold_freshness WHERE materialized_view = 'mart.gold_weekly'), '^stale .*made again', 'one that was made again is known by its name, and not taken for fresh');
DROP MATERIALIZED VIEW mart.gold_weekly;
SELECT is((SELECT materialized_view FROM scout.unregister_gold('mart.gold_weekly')), 'mart.gold_weekly', 'its registration can be taken back when it is gone');

-- A deep chain.
DO $$BEGIN
    FOR i IN 1..40 LOOP
        EXECUTE format('CREATE %s mart.deep%s AS SELECT x FROM mart.deep%s', CASE WHEN i % 2 = 0 THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, i, i - 1);
        EXECUTE format('ALTER %s mart.deep%s OWNER TO gold_owner', CASE WHEN i % 2 = 0 THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, i);
    END LOOP;
END$$;
SELECT count(*) AS ignored FROM generate_series(2, 40, 2) i, scout.register_gold(('mart.deep' || i)::regclass) \gset
SELECT is((SELECT count(*) FROM scout.dependency_chain('mart.deep20')), 41::bigint, 'a chain of 40 views, both ways');
SELECT matches(pg_temp.others(), 'mart.deep2 refreshed.*mart.deep4 refreshed.*mart.deep38 refreshed.*mart.deep40 refreshed', 'in order');
INSERT INTO mart.deep0 VALUES (1);
SELECT is((SELECT count(*) FROM scout.v_gold_freshness WHERE materialized_view ~ 'deep' AND state = 'stale'), 20::bigint, 'a row at its source makes all of it stale');
SELECT matches(pg_temp.others(), 'mart.deep40 refreshed', 'refreshed');
SELECT is((SELECT x FROM mart.deep40), 1, 'it comes out at the other end');
SELECT is((SELECT count(*) FROM scout.v_gold_freshness WHERE materialized_view ~ 'deep' AND state = 'fresh'), 20::bigint, 'all is fresh');

-- Privileges.
SET ROLE gold_reader;
SELECT lives_ok('SELECT * FROM scout.v_gold_freshness', 'a reader looks at freshness');
SELECT lives_ok($$SELECT * FROM scout.dependency_chain('scout.gold_daily_metrics')$$, 'and at chains');
SELECT throws_ok('SELECT scout.' || f, '42501', NULL, 'a reader: ' || f) FROM unnest(ARRAY['refresh_gold_platinum()', 'maybe_refresh_gold()', $$register_gold('scout.gold_daily_metrics')$$, $$unregister_gold('x')$$]) f;
SET ROLE gold_operator;
SELECT throws_ok($$SELECT scout.register_gold('scout.gold_daily_metrics')$$, '42501', NULL, 'an operator registers nothing');
RESET ROLE;

-- Bad input.
CREATE TABLE mart.plain (x int);
CREATE SEQUENCE mart.seq;
SELECT throws_ok('SELECT scout.' || b.call, b.code, b.message, b.call) FROM (VALUES
    ('register_gold(NULL)', '22004', 'register_gold: relation must not be NULL'),
    ($$register_gold('mart.none')$$, '42P01', 'relation "mart.none" does not exist'),
    ($$register_gold(4294967295::oid)$$, '42P01', 'register_gold: there is no relation 4294967295'),
    ($$register_gold('mart.plain')$$, '42809', 'register_gold: mart.plain is no materialized view'),
    ($$register_gold('mart.deep1')$$, '42809', 'register_gold: mart.deep1 is no materialized view'),
    ($$register_gold('mart.deep2', '2 hours', '1 hour')$$, '22023', 'register_gold: invalid warn_after: 02:00:00 is longer than error_after: 01:00:00'),
    ($$register_gold('mart.deep2', '-1 hour')$$, '22023', 'register_gold: invalid warn_after: -01:00:00'),
    ($$register_gold('mart.deep2', '0')$$, '22023', 'register_gold: invalid warn_after: 00:00:00'),
    ($$register_gold('mart.deep2', '1 day', '178000000 years')$$, '22023', 'register_gold: invalid error_after: 178000000 years'),
    ($$register_gold('mart.deep2', error_after => '1 minute')$$, '22023', 'register_gold: invalid warn_after: 00:10:00 is longer than error_after: 00:01:00'),
    ($$register_gold('mart.deep2', enabled => NULL)$$, '22004', 'register_gold: enabled must not be NULL'),
    ('unregister_gold(NULL)', '22004', 'relation must not be NULL'),
    ($$unregister_gold('mart.none')$$, '42704', '"mart.none" is not registered'),
    ($$unregister_gold('gold_daily_metrics')$$, '42704', '"gold_daily_metrics" is not registered'),
    ($$unregister_gold('a.b.c')$$, '42704', '"a.b.c" is not registered'),
    ('refresh_gold_platinum(NULL)', '22004', 'force must not be NULL'),
    ('refresh_gold_platinum(wait => NULL)', '22004', 'wait must not be NULL'),
    ('dependency_chain(NULL)', '22004', 'dependency_chain: relation must not be NULL'),
    ('dependency_chain(4294967295::oid)', '42P01', 'dependency_chain: there is no relation 4294967295'),
    ($$dependency_chain('mart.seq')$$, '42809', 'dependency_chain: mart.seq is no table or view')
) b (call, code, message);
SELECT is((SELECT count(*) FROM scout_internal.registered_gold WHERE view_name = 'deep2' AND warn_after = '10 minutes'), 1::bigint, 'and nothing of it is kept');
SELECT * FROM finish();
ROLLBACK;
SET client_min_messages = error;
DROP EXTENSION scout_ir CASCADE;
DROP OWNED BY gold_owner, gold_other, gold_reader, gold_operator CASCADE;
DROP ROLE gold_owner;
DROP ROLE gold_other;
DROP ROLE gold_reader;
DROP ROLE gold_operator;
