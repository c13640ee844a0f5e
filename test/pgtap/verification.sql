-- verify_recovery(), accept_gate(), smoke_test(): what they find, and that one failing check hides no other.
BEGIN;
SELECT plan(61);
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.verified(name text) RETURNS text LANGUAGE sql AS
    $$SELECT v.status FROM scout.verify_recovery() v WHERE v.check_name = name$$;
CREATE FUNCTION pg_temp.smoke(name text) RETURNS text LANGUAGE sql AS
    $$SELECT t.status || coalesce(': ' || (t.details ->> 'message'), '') FROM scout.smoke_test() t WHERE t.check_name = name$$;

-- Without a pipeline: rows, no errors.
SELECT is((SELECT string_agg(DISTINCT v.status, ', ' ORDER BY v.status) FROM scout.verify_recovery() v WHERE v.check_name NOT IN ('stuck_locks', 'etl_duration', 'schemas_closed')),
          'unknown', 'without a pipeline nothing is known');
SELECT ok(v.details ->> 'hint' LIKE '%create_pipeline%', 'and what to do is said') FROM scout.verify_recovery() v WHERE v.check_name = 'silver_staleness';
SELECT is((SELECT t.status || ' ' || (t.details ->> 'sqlstate') FROM scout.smoke_test() t WHERE t.check_name = 'event_in'), 'critical 42P01', 'no event gets in');
SELECT is((SELECT count(*) FROM scout.accept_gate()), 7::bigint, 'the gate answers all the same');

\ir ../lib/pipeline.sql
SELECT is((SELECT string_agg(t.check_name || ' ' || t.status, ', ') FROM scout.smoke_test() t),
          'event_in ok, event_in_silver ok, line_fidelity ok, duplicate_refused ok, gold_computable ok', 'the smoke test of an empty pipeline');
SELECT is((SELECT string_agg(t.check_name || ' ' || t.status, ', ') FROM scout.accept_gate() t),
          'event_in ok, event_in_silver ok, line_fidelity ok, duplicate_refused ok, gold_behind_silver ok, schedule_present warning, linking_coverage ok', 'and the gate');
SELECT is((SELECT string_agg(v.check_name || ' ' || v.status, ', ') FROM scout.verify_recovery() v),
          'ingestion_active ok, bronze_staleness unknown, silver_staleness ok, gold_staleness ok, product_linking ok, critical_alerts ok, etl_duration ok, stuck_locks ok, schemas_closed ok',
          'and the verification');

-- Open for a migration: said while it stands, with who and what.
CREATE FUNCTION pg_temp.open() RETURNS text LANGUAGE sql AS
    $$SELECT concat_ws(' ', v.status, v.value, v.details ->> 'message') FROM scout.verify_recovery() v WHERE v.check_name = 'schemas_closed'$$;
CREATE ROLE mover;
CREATE ROLE another_superuser SUPERUSER;
GRANT CREATE ON SCHEMA scout, scout_internal TO another_superuser;
SELECT is(pg_temp.open(), 'ok 0 nothing foreign is in them, and nobody else may create in them', 'superusers may, always');
GRANT CREATE, USAGE ON SCHEMA scout TO mover;
SELECT is(pg_temp.open(), 'warning 1 mover may create in schema scout', 'a role that may create in scout');
GRANT CREATE ON SCHEMA scout_internal TO PUBLIC;
SELECT is(pg_temp.open(), 'warning 2 PUBLIC may create in schema scout_internal, mover may create in schema scout', 'everybody in scout_internal');
SELECT ok(v.what_to_do ~ 'REVOKE CREATE ON SCHEMA', 'what to do') FROM scout.verify_recovery() v WHERE v.check_name = 'schemas_closed';
SELECT is((SELECT string_agg(h.severity || ' ' || h.summary, ';') FROM scout_internal.health_alerts() h WHERE h.dedup_key = 'health:schemas_closed'),
          'warning 2 findings, the limit is 0', 'and it is an alert');
SET ROLE mover;
CREATE FUNCTION scout.planted() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE DOMAIN scout.planted AS int;
CREATE TABLE scout.moved (id int);
CREATE OPERATOR scout.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = pg_catalog.int4eq);
CREATE FUNCTION pg_temp.to_text(scout.moved) RETURNS text LANGUAGE sql AS 'SELECT 1::text';
CREATE CAST (scout.moved AS text) WITH FUNCTION pg_temp.to_text(scout.moved);
CREATE FUNCTION scout_internal.planted() RETURNS int LANGUAGE sql AS 'SELECT 1';
RESET ROLE;
REVOKE CREATE ON SCHEMA scout FROM mover;
REVOKE CREATE ON SCHEMA scout_internal FROM PUBLIC;
SELECT set_eq('SELECT schema_name, kind, identity FROM scout_internal.schema_findings()',
    $$VALUES ('scout'::name, 'function', 'scout.planted()'), ('scout', 'type', 'scout.planted'), ('scout', 'type', 'scout.planted[]'),
      ('scout', 'operator', 'scout.===(integer,integer)'), ('scout', 'cast', '(scout.moved AS pg_catalog.text)'),
      ('scout_internal', 'function', 'scout_internal.planted()')$$, 'what is foreign in them, but for tables');
SELECT is(left(pg_temp.open(), 9), 'warning 6', 'is a warning for as long as it is there');
DROP FUNCTION scout.planted(), scout_internal.planted();
DROP DOMAIN scout.planted;
DROP OPERATOR scout.=== (int, int);
DROP TABLE scout.moved CASCADE;
SELECT is(left(pg_temp.open(), 4), 'ok 0', 'and no longer');

-- A check is asked by its name: nobody's text is run.
SELECT is((SELECT r.status || ' ' || (r.details ->> 'sqlstate') FROM scout_internal.verification_check(text 'SELECT 1', 0, 0, false) r), 'unknown 20000', 'no check of this name');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN ('scout'::regnamespace, 'scout_internal'::regnamespace)
                  AND p.proname LIKE 'verif%' AND 'query' = ANY (p.proargnames)$$, 'and none takes a query');
SELECT is_empty($$SELECT c.check_name FROM scout_internal.verification_checks() c, scout_internal.verification_check(c.check_name, c.warning, c.critical, c.low_is_bad) r
                  WHERE r.details ->> 'sqlstate' IS NOT NULL$$, 'each check has something to measure');

-- Staleness, by events that came some time ago.
CREATE FUNCTION pg_temp.sell(id text, age interval) RETURNS void LANGUAGE sql AS $$
    INSERT INTO scout.bronze_events (ingested_at, event_data) VALUES (now() - age, jsonb_build_object('transaction_id', id, 'store_id', 's',
        'ts', '2026-03-01T09:00:00Z', 'total_amount', 5, 'items', '[{"product_id": "p", "qty": 1, "unit_price": 5, "line_amount": 5}]'::jsonb))
$$;
SELECT pg_temp.sell('old', '20 minutes');
SELECT is(pg_temp.verified('bronze_staleness'), 'critical', 'no event for 20 minutes');
SELECT is(pg_temp.verified('silver_staleness'), 'critical', 'one that has been waiting as long');
SELECT pg_temp.sell('newer', '7 minutes');
SELECT is(pg_temp.verified('bronze_staleness'), 'warning', 'none for 7 minutes');
SELECT count(*) AS ignored FROM scout.load_silver_from_bronze() \gset
SELECT is(pg_temp.verified('silver_staleness'), 'ok', 'nothing waits');
SELECT is(pg_temp.verified('product_linking'), 'critical', 'no line is linked');
INSERT INTO scout.dim_product (product_id) VALUES ('p');
SELECT count(*) AS ignored FROM scout.link_products_to_catalog() \gset
SELECT is(pg_temp.verified('product_linking'), 'ok', 'all are');
UPDATE scout_internal.etl_runs SET finished_at = now() - interval '12 minutes';
SELECT is(pg_temp.verified('gold_staleness'), 'warning', 'a change waits for gold for 12 minutes');
SELECT is((SELECT g.status FROM scout.accept_gate() g WHERE g.check_name = 'gold_behind_silver'), 'critical', 'which the gate does not accept');
UPDATE scout_internal.etl_runs SET duration_ms = 61000 WHERE events_processed > 0;
SELECT is(pg_temp.verified('etl_duration'), 'warning', 'a batch of 61 seconds');
SELECT ok(v.what_to_do IS NOT NULL, 'what to do: ' || v.check_name) FROM scout.verify_recovery() v WHERE v.status <> 'ok';
SELECT count(*) AS ignored FROM scout.quarantine_events((SELECT array_agg(b.event_id) FROM scout.bronze_events b), 'incident') \gset
SELECT is(pg_temp.verified('critical_alerts'), 'critical', 'open letters are critical alerts');
SELECT count(*) AS ignored FROM scout.dlq_resolve('given up', error_code => 'QUARANTINE') \gset
SELECT is(pg_temp.verified('critical_alerts'), 'ok', 'resolved ones are not');

-- Paused: the gate and the smoke test run, and say nothing of it; the verification does.
SELECT count(*) AS ignored FROM scout.control_ingestion('pause', 'drill') \gset
SELECT is(pg_temp.verified('ingestion_active'), 'warning', 'paused');
SELECT is(pg_temp.smoke('event_in_silver'), 'ok: seconds to load the event', 'the smoke test loads its event while loading is paused');
SELECT pg_temp.sell('while paused', '0 minutes');
SELECT is((SELECT count(*) FROM scout.smoke_test() t WHERE t.status = 'ok'), 5::bigint, 'with others waiting, too');
SELECT is(scout.backlog(), 1::bigint, 'which it does not load');
SELECT count(*) AS ignored FROM scout.control_ingestion('resume') \gset

-- Thresholds.
SELECT is((SELECT concat_ws(' ', s.warning, s.critical, s.overridden) FROM scout.set_verification_threshold('etl_duration', 70, 400) s), '70 400 t', 'a threshold is set');
SELECT is(pg_temp.verified('etl_duration'), 'ok', 'and holds');
SELECT is((SELECT s.overridden FROM scout.set_verification_threshold('etl_duration') s), false, 'the default again');
SELECT throws_ok('SELECT scout.set_verification_threshold(' || a || ')', code, message, 'threshold: ' || a)
FROM (VALUES
    ('NULL', '22004', 'check_name must not be NULL'), ($$' '$$, '22023', 'check_name must not be blank'),
    ($$'no such check', 1$$, '22023', $$there is no check 'no such check'$$),
    ($$'etl_duration', -1$$, '22023', 'warning must be a number from 0, not -1'),
    ($$'etl_duration', 'NaN'$$, '22023', 'warning must be a number from 0, not NaN'),
    ($$'etl_duration', 1, 'Infinity'$$, '22023', 'critical must be a number from 0, not Infinity'),
    ($$'etl_duration', 301$$, '22023', 'etl_duration: a value would be critical before it is a warning'),
    ($$'product_linking', 80$$, '22023', 'product_linking: a value would be critical before it is a warning')) v (a, code, message);
SELECT is((SELECT count(*) FROM scout_internal.verification_thresholds), 0::bigint, 'none of them is kept');
SELECT is((SELECT count(*) FROM scout.timeline t WHERE t.action = 'set_verification_threshold'), 2::bigint, 'the two that were set stand in the timeline');

-- One failing check, the others go on.
ALTER TABLE scout.silver_transactions RENAME COLUMN processed_at TO moved;
SELECT is((SELECT string_agg(v.check_name || ' ' || (v.details ->> 'sqlstate'), ', ') FROM scout.verify_recovery() v WHERE v.status = 'unknown'),
          'product_linking 42703', 'what fails is unknown, with the reason');
SELECT is(pg_temp.verified('etl_duration'), 'warning', 'the others go on');
SELECT is(pg_temp.smoke('event_in'), 'ok: bronze took the event', 'the smoke test gets as far as bronze');
SELECT matches(pg_temp.smoke('event_in_silver'), '^critical: .*processed_at', 'and says what is wrong with silver');
SELECT is(pg_temp.smoke('line_fidelity'), 'unknown: not tried: a check before it failed', 'what cannot be looked at is unknown');
SELECT is(pg_temp.smoke('duplicate_refused'), 'ok: a second delivery was skipped', 'what can is looked at');
ALTER TABLE scout.silver_transactions RENAME COLUMN moved TO processed_at;

-- What a broken pipeline does to each check.
CREATE FUNCTION scout.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a_swallow BEFORE INSERT ON scout.bronze_events FOR EACH ROW EXECUTE FUNCTION scout.swallow();
SELECT matches(pg_temp.smoke('event_in'), '^critical: a trigger on bronze_events dropped the row', 'a trigger that drops events');
DROP TRIGGER a_swallow ON scout.bronze_events;
CREATE FUNCTION scout.round_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.quantity := ceil(NEW.quantity); RETURN NEW; END';
CREATE TRIGGER round_up BEFORE INSERT ON scout.silver_line_items FOR EACH ROW EXECUTE FUNCTION scout.round_up();
SELECT is((SELECT t.status || ' ' || t.value FROM scout.smoke_test() t WHERE t.check_name = 'line_fidelity'), 'critical 1', 'a trigger that alters a line');
DROP TRIGGER round_up ON scout.silver_line_items;
ALTER TABLE scout.silver_transactions ADD CONSTRAINT no_more CHECK (total_amount < 0) NOT VALID;
SELECT matches(pg_temp.smoke('event_in_silver'), '^critical: dead-lettered: WRITE_FAILED', 'a constraint that refuses every event');
ALTER TABLE scout.silver_transactions DROP CONSTRAINT no_more;
CREATE MATERIALIZED VIEW scout.gold_ratio AS SELECT t.transaction_id, 1 / (t.total_amount - 17.5) AS ratio FROM scout.silver_transactions t;
ALTER MATERIALIZED VIEW scout.gold_ratio OWNER TO pgtap_owner;
SELECT matches(pg_temp.smoke('gold_computable'), '^critical: gold_ratio: division by zero', 'a gold view that cannot be computed');
SELECT is((SELECT t.value || '/' || t.threshold FROM scout.smoke_test() t WHERE t.check_name = 'gold_computable'), '2/3', 'the others can');
SELECT throws_ok('SELECT scout.smoke_test(NULL)', '22004', 'with_gold must not be NULL', 'smoke_test: NULL');
SELECT * FROM finish();
ROLLBACK;
