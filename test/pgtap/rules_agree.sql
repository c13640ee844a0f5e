-- A built-in rule says the same wherever it is asked. For each border value: the contract with the rule on rejects the
-- event, or does not; loaded with the rule off, its silver rows are then found, or not, by quarantine_failures(),
-- data_quality_report() and run_quality_rules() alike. Each case is rolled back.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;

BEGIN;
SELECT plan(72);
\ir ../lib/pipeline.sql

-- Where each rule stands in the reports.
CREATE TEMPORARY TABLE place (code text, report_check text, quality_rule text);
INSERT INTO place VALUES
    ('NEGATIVE_TOTAL', 'negative_totals', 'negative_total'), ('AMOUNT_ABOVE_LIMIT', 'amounts_above_limit', 'impossible_amount'),
    ('LINE_TOTAL_MISMATCH', 'line_total_mismatch', 'line_total_mismatch'), ('INVALID_LINE_ITEM', 'invalid_line_items', 'invalid_line_item'),
    ('EMPTY_ITEMS', 'empty_transactions', 'empty_items'), ('FUTURE_TIMESTAMP', 'future_timestamps', 'future_timestamp');

-- One event that is received at noon of 2026-01-01, with one line over the whole total.
CREATE TEMPORARY TABLE border (
    n int GENERATED ALWAYS AS IDENTITY, code text NOT NULL, threshold numeric, patch jsonb NOT NULL, broken boolean NOT NULL);
CREATE FUNCTION pg_temp.total(amount text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('total_amount', amount, 'items', jsonb_build_array(jsonb_build_object(
        'product_id', 'P', 'qty', 1, 'unit_price', 1, 'line_amount', amount))) $$;
CREATE FUNCTION pg_temp.lines(total text, VARIADIC amounts text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('total_amount', total, 'items', (SELECT jsonb_agg(jsonb_build_object(
        'product_id', 'P', 'qty', 1, 'unit_price', 1, 'line_amount', a)) FROM unnest(amounts) a)) $$;
CREATE FUNCTION pg_temp.line(quantity text, price text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('items', jsonb_build_array(
        jsonb_build_object('product_id', 'P', 'qty', 1, 'unit_price', 1, 'line_amount', 5),
        jsonb_build_object('product_id', 'P', 'qty', quantity, 'unit_price', price, 'line_amount', 5))) $$;

-- NULL: the default. 99999999999999.9999 is the greatest threshold there is.
INSERT INTO border (code, threshold, patch, broken)
SELECT 'NEGATIVE_TOTAL', v.threshold, pg_temp.total(v.total), v.broken
FROM (VALUES (NULL::numeric, '-0.0001', true), (NULL, '0', false), (NULL, '0.0001', false), (NULL, '-0.00005', true), (NULL, '-0.00004', false),
             (5.5, '5.4999', true), (5.5, '5.5', false), (-7.25, '-7.2501', true), (-7.25, '-7.25', false), (-7.25, '-1', false),
             (99999999999999.9999, '99999999999999.9998', true), (99999999999999.9999, '99999999999999.9999', false),
             (-99999999999999.9999, '-99999999999999.9999', false)) v (threshold, total, broken);
INSERT INTO border (code, threshold, patch, broken)
SELECT 'AMOUNT_ABOVE_LIMIT', v.threshold, pg_temp.total(v.total), v.broken
FROM (VALUES (NULL::numeric, '9999.9999', false), (NULL, '10000', false), (NULL, '10000.0001', true), (NULL, '10000.00004', false),
             (0, '0', false), (0, '0.0001', true), (0, '-1', false), (0.0001, '0.0001', false), (0.0001, '0.0002', true),
             (99999999999999.9999, '99999999999999.9999', false), (99999999999999.9998, '99999999999999.9999', true)) v (threshold, total, broken);
INSERT INTO border (code, threshold, patch, broken)
SELECT 'LINE_TOTAL_MISMATCH', v.threshold, pg_temp.lines(v.total, VARIADIC v.lines::text[]), v.broken
FROM (VALUES (NULL::numeric, '100', '{101}', false), (NULL, '100', '{101.0001}', true), (NULL, '100', '{99}', false), (NULL, '100', '{98.9999}', true),
             (NULL, '100', '{50.5,50.5}', false), (NULL, '100', '{50.5,50.5001}', true), (NULL, '-100', '{-101}', false), (NULL, '-100', '{-101.0001}', true),
             (NULL, '10', '{10.50}', false), (NULL, '10', '{10.5001}', true), (NULL, '0', '{0.50}', false), (NULL, '0', '{0.5001}', true),
             (0, '1000', '{1000.50}', false), (0, '1000', '{1000.5001}', true), (0, '1000', '{1000}', false),
             (12.5, '1000', '{1125}', false), (12.5, '1000', '{1125.0001}', true), (12.5, '1000', '{874.9999}', true),
             -- 99.9999 % of it are 999999000.0000999999: a quotient would be rounded up to the difference
             (99.9999, '1000000000.0001', '{1000}', true), (99.9999, '1000000000.0001', '{1000.0001}', false),
             (99999999999999.9999, '1', '{99999999999999.9999}', true), (99999999999999.9999, '100.01', '{99999999999999.9999}', false),
             (99999999999999.9999, '0', '{0.5001}', true)) v (threshold, total, lines, broken);
INSERT INTO border (code, patch, broken)
SELECT 'INVALID_LINE_ITEM', pg_temp.line(v.quantity, v.price), v.broken
FROM (VALUES ('0', '1', true), ('-0.0001', '1', true), ('0.0001', '1', false), ('0.00004', '1', true), ('1', '0', false),
             ('1', '-0.0001', true), ('1', '-0.00004', false), ('-1', '-1', true)) v (quantity, price, broken);
INSERT INTO border (code, patch, broken) VALUES
    ('EMPTY_ITEMS', '{"items": []}', true), ('EMPTY_ITEMS', pg_temp.total('10'), false);
INSERT INTO border (code, threshold, patch, broken)
SELECT 'FUTURE_TIMESTAMP', v.threshold, jsonb_build_object('ts', v.ts), v.broken
FROM (VALUES (NULL::numeric, '2026-01-02T12:00:00Z', false), (NULL, '2026-01-02T12:00:00.000001Z', true), (NULL, '2026-01-02T11:59:59.999999Z', false),
             (0, '2026-01-01T12:00:00Z', false), (0, '2026-01-01T12:00:00.000001Z', true), (0, '0001-01-01T00:00:00Z', false),
             -- 0.0001 hours are 0.36 seconds
             (0.0001, '2026-01-01T12:00:00.36Z', false), (0.0001, '2026-01-01T12:00:00.360001Z', true),
             -- a hundred years of 365 days, and a little more
             (876000, '2125-12-08T12:00:00Z', false), (876000, '2125-12-08T12:00:00.000001Z', true),
             (876000.0001, '2125-12-08T12:00:00.36Z', false), (876000.0001, '2125-12-08T12:00:00.360001Z', true),
             -- beyond what an interval holds, or a timestamp after it was added
             (99999999999999.9999, '9999-12-31T23:59:59Z', false), (3000000000, '9999-12-31T23:59:59Z', false)) v (threshold, ts, broken);

-- What the four say, as text: raised as an error, so that the case is rolled back with everything in it.
CREATE FUNCTION pg_temp.verdicts(b border) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    event jsonb := jsonb_build_object('transaction_id', 'T', 'store_id', 'S', 'ts', '2026-01-01T11:00:00Z', 'total_amount', 10,
                                      'items', '[{"product_id": "P", "qty": 1, "unit_price": 10}]'::jsonb) || b.patch;
    p place;
    rejected text;
    quarantined bigint;
    reported bigint;
    found bigint;
BEGIN
    SELECT * INTO STRICT p FROM place WHERE place.code = b.code;
    -- Only the rule at hand speaks.
    PERFORM scout.set_rule(r.code, enabled => r.code = b.code, severity => 'critical',
                           threshold => CASE WHEN r.code = b.code THEN b.threshold END)
    FROM scout.built_in_rules() r WHERE r.tunable;
    INSERT INTO scout.bronze_events (source_system, event_data, ingested_at) VALUES ('pos', event, '2026-01-01T12:00:00Z');
    PERFORM scout.load_silver_from_bronze();
    SELECT coalesce(string_agg(d.error_code, ','), 'accepts') INTO rejected FROM scout.bronze_events_dlq d;

    -- The same again, with another id and the rule off.
    PERFORM scout.set_rule(b.code, enabled => false);
    INSERT INTO scout.bronze_events (source_system, event_data, ingested_at)
    VALUES ('pos', event || '{"transaction_id": "loaded"}', '2026-01-01T12:00:00Z');
    PERFORM scout.load_silver_from_bronze();
    DELETE FROM scout.silver_transactions WHERE transaction_id = 'T';
    DELETE FROM scout.silver_line_items WHERE transaction_id = 'T';
    IF (SELECT count(*) FROM scout.silver_transactions) <> 1 THEN
        RAISE EXCEPTION 'the event with the rule off is not in silver: %', (SELECT json_agg(d) FROM scout.bronze_events_dlq d);
    END IF;
    SELECT q.events_quarantined INTO quarantined FROM scout.quarantine_failures(b.code, dry_run => true) q;
    SELECT r.failure_count INTO reported FROM scout.data_quality_report(1) r WHERE r.check_name = p.report_check;
    SELECT CASE WHEN r.status = 'runtime error' THEN -1 ELSE r.failures END INTO found
    FROM scout.run_quality_rules(1, ARRAY[p.quality_rule]) r;
    RAISE EXCEPTION 'contract %, quarantine %, report %, quality rule %', rejected, quarantined, reported, found;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;

SELECT bag_eq('SELECT DISTINCT code FROM border', 'SELECT code FROM scout.built_in_rules() WHERE tunable', 'every rule that can be tuned has its borders here');
SELECT is(pg_temp.verdicts(b),
          CASE WHEN b.broken THEN format('contract %s, quarantine 1, report 1, quality rule 1', b.code)
               ELSE 'contract accepts, quarantine 0, report 0, quality rule 0' END,
          format('%s %s: %s', b.code, coalesce(b.threshold::text, 'by default'), b.patch))
FROM border b ORDER BY b.n;
SELECT * FROM finish();
ROLLBACK;
