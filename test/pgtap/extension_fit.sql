-- A library that is newer or older than the catalogue: one clear error, never a crash, and no INSERT into bronze is
-- refused for it.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
DO $$BEGIN IF to_regrole('fit_owner') IS NULL THEN CREATE ROLE fit_owner; END IF; END$$;
BEGIN;
SELECT plan(26);
SELECT lives_ok($$SELECT scout.create_pipeline('fit_owner')$$, 'a pipeline');
CREATE FUNCTION pg_temp.failure(statement text, OUT state text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE FUNCTION pg_temp.catalogue(version int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION scout_internal.catalogue_version() RETURNS int LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS %L',
                   'SELECT ' || version);
END $$;
CREATE FUNCTION pg_temp.event(n int) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('transaction_id', 'F' || n, 'store_id', 'S', 'ts', '2026-01-01T00:00:00Z', 'total_amount', 5,
    'items', '[{"product_id": "p", "qty": 1, "unit_price": 5, "line_amount": 5}]'::jsonb)
$$;
SELECT scout_internal.catalogue_version() AS current \gset

-- In one session, which has called the library before.
SELECT is(scout.backlog(), 0::bigint, 'it fits');
SELECT pg_temp.catalogue(:current - 1);
SELECT is((pg_temp.failure('SELECT scout.backlog()')).state, '55000', 'an older catalogue is refused');
SELECT is((pg_temp.failure('SELECT scout.backlog()')).hint, 'ALTER EXTENSION scout_ir UPDATE', 'with what to do');
SELECT is((pg_temp.failure('SELECT * FROM scout.load_silver_from_bronze()')).state, '55000', 'actions are refused, too');
SELECT is((pg_temp.failure('SELECT * FROM scout.v_ingest_freshness')).state, '55000', 'and reports');
SELECT lives_ok('INSERT INTO scout.bronze_events (source_system, event_data) VALUES (''pos'', pg_temp.event(1))', 'an INSERT is not');
SELECT ok((SELECT accepted FROM scout.ingest_event(pg_temp.event(11))), 'nor an event by ingest_event()');
SELECT pg_temp.catalogue(:current + 1);
SELECT is((SELECT count(*) FROM scout.ingest_events(jsonb_build_array(pg_temp.event(12), pg_temp.event(13))) WHERE accepted), 2::bigint, 'nor those by ingest_events()');
SELECT is((pg_temp.failure('SELECT scout.backlog()')).state, '55000', 'a newer catalogue is refused');
SELECT matches((pg_temp.failure('SELECT scout.backlog()')).hint, '^Reconnect; .*restart', 'with what to do');
SELECT lives_ok('INSERT INTO scout.bronze_events (source_system, event_data) VALUES (''pos'', pg_temp.event(2))', 'an INSERT is not');
SELECT lives_ok('INSERT INTO scout.bronze_events (source_system, event_data) VALUES (''pos'', pg_temp.event(2))', 'nor a duplicate');
SELECT is((SELECT count(*) FROM scout.bronze_events), 5::bigint, 'which is skipped');
SELECT pg_temp.catalogue(:current);
SELECT is(scout.backlog(), 5::bigint, 'the session goes on when it fits again, and nothing was lost');
-- Another layout of the tables: functions refuse, intake does not.
COMMENT ON TABLE scout.bronze_pending IS 'scout_ir pipeline schema 2';
SELECT is((pg_temp.failure('SELECT * FROM scout.load_silver_from_bronze()')).state, '55000', 'a layout of another version is refused');
SELECT lives_ok('INSERT INTO scout.bronze_events (source_system, event_data) VALUES (''pos'', pg_temp.event(3))', 'an INSERT is not');

-- A table that intake does not write is missing: what somebody writes is taken in.
COMMENT ON TABLE scout.bronze_pending IS 'scout_ir pipeline schema 1';
ALTER TABLE scout.silver_transactions RENAME TO silver_elsewhere;
SELECT is((pg_temp.failure('SELECT * FROM scout.load_silver_from_bronze()')).state, '42P01', 'without silver nothing is loaded');
SELECT lives_ok('INSERT INTO scout.bronze_events (source_system, event_data) VALUES (''pos'', pg_temp.event(4))', 'but taken in');
ALTER TABLE scout.silver_elsewhere RENAME TO silver_transactions;

-- Signatures of other versions under the library's functions.
CREATE FUNCTION pg_temp.more_columns() RETURNS TABLE (a text, b boolean, c int, d text, e text, f timestamptz, g text, h text,
    i timestamptz, j bigint, k boolean, l text, m text, n text, o text, p text, q text, r text, s text, t text, u text)
    LANGUAGE c AS '$libdir/scout_ir', 'scout_control_ingestion';
CREATE FUNCTION pg_temp.more_columns(action text, reason text, source_system text, drain_timeout interval, expires_after interval,
    holder text, all_holders boolean) RETURNS TABLE (a text, b boolean, c int, d text, e text, f timestamptz, g text, h text,
    i timestamptz, j bigint, k boolean, l text)
    LANGUAGE c AS '$libdir/scout_ir', 'scout_control_ingestion';
CREATE FUNCTION pg_temp.fewer_columns(action text, reason text, source_system text, drain_timeout interval, expires_after interval,
    holder text, all_holders boolean) RETURNS TABLE (a text, b boolean)
    LANGUAGE c AS '$libdir/scout_ir', 'scout_control_ingestion';
COMMENT ON TABLE scout.bronze_pending IS 'scout_ir pipeline schema 1';
SELECT is((pg_temp.failure('SELECT * FROM pg_temp.more_columns()')).detail, 'It has 0 arguments, the library expects 7.', 'fewer arguments');
SELECT is((pg_temp.failure($$SELECT * FROM pg_temp.more_columns('status', NULL, NULL, '1 s', NULL, NULL, false)$$)).detail,
          'It returns 12 columns, the library writes fewer.', 'a column more');
SELECT is((pg_temp.failure($$SELECT * FROM pg_temp.fewer_columns('status', NULL, NULL, '1 s', NULL, NULL, false)$$)).detail,
          'It returns 2 columns, the library writes more.', 'columns fewer');
CREATE FUNCTION pg_temp.other_types(action text, reason text, source_system text, drain_timeout interval, expires_after interval,
    holder text, all_holders boolean) RETURNS TABLE (a text, b text, c int, d text, e text, f timestamptz, g text, h text,
    i timestamptz, j bigint, k boolean, l text)
    LANGUAGE c AS '$libdir/scout_ir', 'scout_control_ingestion';
SELECT is((pg_temp.failure($$SELECT * FROM pg_temp.other_types('status', NULL, NULL, '1 s', NULL, NULL, false)$$)).detail,
          'Its column 2 is of type text, the library writes boolean.', 'a column of another type');
-- Of any number of arguments.
CREATE FUNCTION pg_temp.fingerprint() RETURNS bigint LANGUAGE c AS '$libdir/scout_ir', 'scout_fingerprint';
CREATE FUNCTION pg_temp.fingerprint(key uuid, weight int) RETURNS bigint LANGUAGE c AS '$libdir/scout_ir', 'scout_fingerprint';
CREATE FUNCTION pg_temp.fingerprint(key int, weight int, VARIADIC "values" "any") RETURNS bigint LANGUAGE c AS '$libdir/scout_ir', 'scout_fingerprint';
SELECT is((pg_temp.failure('SELECT pg_temp.fingerprint()')).detail, 'It has 0 arguments, the library expects 3.', 'no arguments');
SELECT is((pg_temp.failure('SELECT pg_temp.fingerprint(gen_random_uuid(), 1)')).detail, 'It has 2 arguments, the library expects 3.', 'no values');
SELECT is((pg_temp.failure('SELECT pg_temp.fingerprint(7, 1, 2::bigint)')).state, '42804', 'a key of another type');

SELECT * FROM finish();
ROLLBACK;
