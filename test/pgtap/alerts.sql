-- Alerts: their life, who raises what, acknowledgement, silences, inhibition, the older runbook's views, bad
-- input. Rows are moved, not the clock.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(152);
-- What a check said of one subject; nothing where it has no alert.
CREATE FUNCTION pg_temp.checked(key text) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(concat_ws(' ', c.transition, c.severity, c.state), ', ') FROM scout.check_alerts() c WHERE c.dedup_key = key $$;
CREATE FUNCTION pg_temp.earlier(ago interval) RETURNS void LANGUAGE sql AS $$
UPDATE scout_internal.alerts SET first_seen = first_seen - ago, last_seen = last_seen - ago, keep_until = keep_until - ago, ended_at = ended_at - ago;
UPDATE scout_internal.alert_checks SET checked_at = checked_at - ago $$;
CREATE FUNCTION pg_temp.last_entry(what text) RETURNS text LANGUAGE sql AS
$$ SELECT outcome || ' ' || counts FROM scout.timeline WHERE action = what ORDER BY entry_id DESC LIMIT 1 $$;

-- Without a pipeline two sources cannot be looked at; the others can.
SELECT results_eq($$SELECT dedup_key, transition, severity, summary FROM scout.check_alerts() ORDER BY 1$$,
    $$VALUES ('check:gold', 'opened', 'warning', 'could not be checked (SQLSTATE 42P01)'),
             ('check:health', 'opened', 'warning', 'could not be checked (SQLSTATE 42P01)')$$,
    'a source that fails is an alert itself');
SELECT set_eq('SELECT source, failed_source FROM scout_internal.alerts', $$VALUES ('health', 'gold'), ('health', 'health')$$, 'about the source that failed');
SELECT is((SELECT remedy FROM scout.v_alerts WHERE dedup_key = 'check:gold'), 'SELECT * FROM scout.create_pipeline();', 'and says what to do');
SELECT set_eq('SELECT source, conditions, error_sqlstate FROM scout_internal.alert_checks',
    $$VALUES ('rule', 0, NULL), ('freshness', 0, NULL), ('volume', 0, NULL), ('job', 0, NULL), ('health', NULL, '42P01'), ('gold', NULL, '42P01')$$,
    'when each source was last looked at, and how that ended');
SELECT is((SELECT count(*) FROM scout.system_alerts), 2::bigint, 'the older views do without a pipeline');
\ir ../lib/pipeline.sql
SELECT is(pg_temp.checked('check:gold'), 'ending warning firing', 'mended: it is kept for a while');
SELECT pg_temp.earlier('1 hour') \g /dev/null
SELECT is(pg_temp.checked('check:gold'), 'resolved warning resolved', 'and then resolved');

-- A rule of the user's: opened, counted, escalated, acknowledged, flapping, resolved, back.
CREATE TABLE shop (id int, amount int);
ALTER TABLE shop OWNER TO pgtap_owner;
INSERT INTO shop VALUES (1, -1);
SELECT count(*) FROM scout.add_quality_rule('own', relation => 'shop', predicate => 'amount < 0', warn_if => '> 0', error_if => '> 2') \g /dev/null
SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'opened warning firing', 'a rule that warns');
SELECT is((SELECT summary || '|' || remedy FROM scout.v_alerts WHERE dedup_key = 'rule:own'),
    $$1 of 1 rows fail|SELECT * FROM scout.quality_history('own', 5);$$, 'counts and what to call, no content of rows');
SELECT is(pg_temp.checked('rule:own'), 'repeated warning firing', 'seen again');
SELECT is((SELECT count(*) FROM scout.check_alerts() WHERE dedup_key = 'rule:own'), 1::bigint, 'and again');
SELECT is((SELECT count(*) || ' ' || max(count) || ' ' || bool_and(last_seen > first_seen) FROM scout_internal.alerts WHERE dedup_key = 'rule:own'), '1 3 true', 'is one row, counted');
SELECT results_eq($$SELECT severity, source, subject, count FROM scout.acknowledge_alerts(source => 'rule', note => 'on it')$$,
    $$VALUES ('warning', 'rule', 'own', 3::bigint)$$, 'acknowledged');
SELECT is((SELECT state || ' ' || acknowledged_note || ' ' || (acknowledged_by = current_user) FROM scout.v_alerts WHERE dedup_key = 'rule:own'), 'acknowledged on it true', 'by whom and why');
SELECT is(pg_temp.last_entry('acknowledge_alerts'), 'done {"acknowledged": 1}', 'which is in the timeline');
SELECT is_empty($$SELECT * FROM scout.acknowledge_alerts(source => 'rule')$$, 'once is enough');
SELECT is(pg_temp.checked('rule:own'), 'repeated warning acknowledged', 'seen again it stays acknowledged');
INSERT INTO shop VALUES (2, -1), (3, -1);
SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'escalated critical firing', 'critical: it fires again');
SELECT is((SELECT acknowledged_at IS NULL AND acknowledged_note IS NULL FROM scout_internal.alerts WHERE dedup_key = 'rule:own'), true, 'and nobody has acknowledged that');
SELECT is_empty($$SELECT * FROM scout.acknowledge_alerts(before => (SELECT escalated_at FROM scout_internal.alerts WHERE dedup_key = 'rule:own'), source => 'rule')$$,
    'nor does who saw only the warning');
DELETE FROM shop WHERE id > 1;
SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'repeated critical firing', 'the severity does not go down again');
DELETE FROM shop;
SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'ending critical firing', 'mended');
INSERT INTO shop VALUES (1, -1);
SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'repeated critical firing', 'and back within keep_firing_for: the same alert');
SELECT is((SELECT ended_at FROM scout_internal.alerts WHERE dedup_key = 'rule:own'), NULL, 'which has not ended');
DELETE FROM shop;
SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'ending critical firing', 'mended again');
SELECT pg_temp.earlier('4 minutes 50 seconds') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'ending critical firing', 'after less than 5 minutes it is still open');
SELECT pg_temp.earlier('20 seconds') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'resolved critical resolved', 'after more it is resolved');
SELECT is((SELECT ended_at < resolved_at FROM scout_internal.alerts WHERE dedup_key = 'rule:own'), true, 'it says since when it was over');
SELECT is(pg_temp.last_entry('check_alerts'), 'changed {"opened": 0, "repeated": 4, "resolved": 1, "escalated": 0}', 'a check that changes something is in the timeline');
SELECT is(pg_temp.checked('rule:own'), NULL, 'and that is all');
INSERT INTO shop VALUES (1, -1);
SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'opened warning firing', 'the same later is a new alert');
SELECT is((SELECT string_agg(state || ' ' || count, ', ' ORDER BY alert_id) FROM scout_internal.alerts WHERE dedup_key = 'rule:own'), 'resolved 7, firing 1', 'beside the old one');
SELECT count(*) FROM scout.set_quality_rule('own', enabled => false) \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'ending warning firing', 'a rule that is switched off alarms no more');
SET LOCAL scout_ir.keep_firing_for = 0;
SELECT count(*) FROM scout.set_quality_rule('own', enabled => true) \g /dev/null

SELECT count(*) FROM scout.run_quality_rules(names => '{own}') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'repeated warning firing', 'on again');
SELECT count(*) FROM scout.drop_quality_rule('own') \g /dev/null
SELECT is(pg_temp.checked('rule:own'), 'resolved warning resolved', 'dropped; with keep_firing_for = 0 the alert is resolved at once');
RESET scout_ir.keep_firing_for;
SELECT count(*) FROM scout.add_quality_rule('own', relation => 'shop', predicate => 'amount < 0') \g /dev/null

-- A rule that cannot be evaluated; one that is unlike its past.
INSERT INTO scout_internal.quality_results (run_id, rule, category, severity, status, failures, warn_if, error_if, hours, window_start, window_end,
    duration_ms, rules_in_scan, run_by, runs_compared, anomalous, error_sqlstate, message)
VALUES (1, 'own', 'c', 'error', 'runtime error', NULL, 'never', '> 0', 1, now(), now(), 1, 1, 'me', 0, NULL, '22P02', 'invalid input syntax for type integer: "Ada Lovelace"');
SELECT results_eq($$SELECT severity, summary FROM scout_internal.rule_alerts()$$, $$VALUES ('critical', 'could not be evaluated (SQLSTATE 22P02)')$$,
    'a runtime error has the severity of the rule, and does not quote the row');
INSERT INTO scout_internal.quality_results (run_id, rule, category, severity, status, failures, warn_if, error_if, hours, window_start, window_end,
    duration_ms, rules_in_scan, run_by, runs_compared, anomalous) VALUES (2, 'own', 'c', 'error', 'pass', 900, 'never', '> 1000', 1, now(), now(), 1, 1, 'me', 9, true);
SELECT results_eq($$SELECT severity, summary FROM scout_internal.rule_alerts()$$, $$VALUES ('warning', '900 rows fail, unlike its last 9 runs')$$,
    'what passes but is anomalous is a warning');

-- Freshness and volume, by source; a dataset that is no longer there hides no other.
CREATE TABLE tills (source text, at timestamptz);
CREATE TABLE gone (at timestamptz);
INSERT INTO tills VALUES ('pos', now() - interval '20 minutes'), ('web', now());
SELECT count(*) FROM scout.register_dataset('bronze', 'tills', 'at', '5 minutes', '15 minutes', source_column => 'source') \g /dev/null
SELECT count(*) FROM scout.register_dataset('bronze', 'gone', 'at', '5 minutes', '15 minutes') \g /dev/null
DROP TABLE gone;
SELECT is(pg_temp.checked('freshness:tills/pos'), 'opened critical firing', 'a stale source');
SELECT results_eq($$SELECT dedup_key, severity, source_system FROM scout.v_alerts WHERE source = 'freshness' AND subject ~ 'tills|gone' ORDER BY 1$$,
    $$VALUES ('freshness:gone', 'warning', NULL), ('freshness:tills/pos', 'critical', 'pos')$$, 'and a dataset that cannot be looked at');
SELECT is((SELECT summary FROM scout.v_alerts WHERE dedup_key = 'freshness:gone'), 'could not be looked at (SQLSTATE 42P01)', 'which is said');
INSERT INTO tills SELECT 'pos', date_trunc('hour', now()) - w * interval '7 days' - interval '1 minute' FROM generate_series(1, 5) w, generate_series(1, 100);
INSERT INTO tills SELECT 'web', date_trunc('hour', now()) - w * interval '7 days' - interval '1 minute' FROM generate_series(1, 5) w, generate_series(1, 4);
INSERT INTO tills SELECT 'web', date_trunc('hour', now()) - interval '1 minute' FROM generate_series(1, 400);
SELECT is(pg_temp.checked('volume:tills/web'), NULL, 'volume has been judged for this hour');
SELECT pg_temp.earlier('1 hour') \g /dev/null
SELECT is(pg_temp.checked('volume:tills/web'), 'opened warning firing', 'once in the next: more rows than usual are a warning');
SELECT is((SELECT severity FROM scout.v_alerts WHERE dedup_key = 'volume:tills/pos'), 'critical', 'too few are critical');

-- Jobs.
INSERT INTO scout_internal.job_records (kind, arguments, state, workers, unit, actor, session_role, acting_role, home, finished_at, error_sqlstate, error_message, paused)
VALUES ('load_backlog', '{"a": 1}', 'failed', 1, 'events', 'me', 'me', 'me', scout_internal.job_home(), now() - interval '1 minute', '23514', 'row (4711, Ada)', false),
       ('load_backlog', '{"a": 2}', 'failed', 1, 'events', 'me', 'me', 'me', scout_internal.job_home(), now() - interval '1 minute', '23514', 'x', false),
       ('load_backlog', '{"a": 3}', 'cancelled', 1, 'events', 'me', 'me', 'me', scout_internal.job_home(), now(), '57014', 'x', false),
       ('load_backlog', '{"a": 4}', 'running', 1, 'events', 'me', 'me', 'me', scout_internal.job_home(), NULL, NULL, NULL, false),
       ('load_backlog', '{"a": 5}', 'interrupted', 1, 'events', 'me', 'me', 'me', scout_internal.job_home(), NULL, '55000', 'loading is paused', true),
       ('load_backlog', '{"a": 6}', 'interrupted', 1, 'events', 'me', 'me', 'me', scout_internal.job_home(), NULL, '55000', 'what is no pause', false);
SELECT min(job_id) AS job FROM scout_internal.job_records \gset
SELECT bag_eq($$SELECT severity, summary, of_pipeline FROM scout_internal.job_alerts()$$,
    $$VALUES ('critical', 'load_backlog failed (SQLSTATE 23514)', false), ('critical', 'load_backlog failed (SQLSTATE 23514)', false),
            ('warning', 'load_backlog is interrupted', false), ('warning', 'load_backlog is interrupted', true), ('warning', 'load_backlog is interrupted', false)$$,
    'failed and interrupted jobs, not cancelled ones');
SELECT is(pg_temp.checked('job:' || :job), 'opened critical firing', 'a failed job');
INSERT INTO scout_internal.job_records (kind, arguments, state, workers, unit, actor, session_role, acting_role, home, finished_at)
VALUES ('load_backlog', '{"a": 1}', 'succeeded', 1, 'events', 'me', 'me', 'me', scout_internal.job_home(), now());
SELECT is(pg_temp.checked('job:' || :job), 'ending critical firing', 'ends when the same was asked for again and succeeded');
SELECT count(*) FROM scout.acknowledge_alerts(dedup_key => 'job:' || :job + 1) \g /dev/null
SELECT is(pg_temp.checked('job:' || :job + 1), 'ending critical acknowledged', 'or when somebody has acknowledged it');
UPDATE scout_internal.alerts SET keep_until = now() WHERE dedup_key = 'job:' || :job + 1;
SELECT is(pg_temp.checked('job:' || :job + 1), 'resolved critical resolved', 'which resolves it');
SELECT is(pg_temp.checked('job:' || :job + 1), NULL, 'for good');
DELETE FROM scout_internal.job_records;

-- Health and gold: what no other source says.
SELECT is((SELECT count(*) FROM scout_internal.health_alerts() WHERE subject ~ 'staleness'), 0::bigint, 'staleness is a matter of freshness');
INSERT INTO scout_internal.gold_refreshes (view_schema, view_name, started_at, finished_at, duration_ms, status, error_sqlstate, error_message)
VALUES ('scout', 'gold_daily_metrics', now(), now(), 1, 'failed', '22012', 'division by zero');
SELECT results_eq($$SELECT dedup_key, severity, of_pipeline FROM scout_internal.gold_alerts()$$, $$VALUES ('gold:gold_daily_metrics', 'critical', true)$$,
    'a gold view that could not be refreshed');
INSERT INTO scout_internal.quality_results (run_id, rule, category, severity, status, failures, warn_if, error_if, hours, window_start, window_end,
    duration_ms, rules_in_scan, run_by, runs_compared) VALUES (3, 'own', 'c', 'error', 'error', 1, 'never', '> 0', 1, now(), now(), 1, 1, 'me', 0);
SELECT is((SELECT count(*) FROM scout.quality_alerts() WHERE severity = 'critical'), 1::bigint, 'a critical alert of a rule');
SELECT is((SELECT count(*) FROM scout_internal.health_alerts() WHERE subject = 'critical_alerts'), 0::bigint, 'is not said twice');
DELETE FROM scout_internal.quality_results WHERE run_id = 3;
INSERT INTO scout.bronze_events_dlq (original_payload, error_code, store_id) VALUES ('{"customer": "Ada"}', 'QUARANTINE', 'S1'), ('{}', 'QUARANTINE', 'S2');
SELECT results_eq($$SELECT severity, summary FROM scout_internal.health_alerts() WHERE subject = 'critical_alerts'$$,
    $$VALUES ('critical', '2 alerts, the limit is 0')$$, 'dead letters');

-- A source that fails hides no other, and ends none of its own alerts.
SELECT is(pg_temp.checked('gold:gold_daily_metrics'), 'opened critical firing', 'an alert of gold');
ALTER TABLE scout.dim_store RENAME TO dim_gone;
SELECT set_eq($$SELECT dedup_key, transition FROM scout.check_alerts() WHERE dedup_key ~ 'gold:|check:|tills'$$,
    $$VALUES ('check:gold', 'opened'), ('check:health', 'opened'), ('freshness:tills/pos', 'repeated')$$, 'gold cannot be looked at');
SELECT is((SELECT ended_at IS NULL AND state = 'firing' FROM scout.v_alerts WHERE dedup_key = 'gold:gold_daily_metrics'), true, 'its alert stays as it was');
ALTER TABLE scout.dim_gone RENAME TO dim_store;
SELECT is(pg_temp.checked('gold:gold_daily_metrics'), 'repeated critical firing', 'and is counted when it can be again');
-- What an error quotes may be of a row: it is for the server log.
SELECT pg_get_functiondef('scout_internal.gold_alerts'::regproc) AS gold_alerts \gset
CREATE OR REPLACE FUNCTION scout_internal.gold_alerts()
RETURNS TABLE (dedup_key text, severity text, subject text, summary text, remedy text, source_system text, of_pipeline boolean) LANGUAGE plpgsql STABLE ROWS 10 AS
$$BEGIN RAISE invalid_text_representation USING MESSAGE = 'invalid input: "secret-4711"', DETAIL = 'secret-4712', HINT = 'secret-4713'; END$$;
SELECT is(pg_temp.checked('check:gold'), 'repeated warning firing', 'a source fails with an error that quotes a value');
SELECT is((SELECT summary || '|' || remedy FROM scout.v_alerts WHERE dedup_key = 'check:gold' AND state = 'firing'),
    'could not be checked (SQLSTATE 22P02)|SELECT * FROM scout_internal.gold_alerts();', 'the alert has its SQLSTATE, and where to look');
SELECT is_empty($$SELECT FROM scout_internal.alerts a WHERE a::text ~ 'secret-471' UNION ALL SELECT FROM scout_internal.alert_checks c WHERE c::text ~ 'secret-471'
                  UNION ALL SELECT FROM scout.timeline t WHERE t::text ~ 'secret-471'$$, 'the value is in no table of alerts');
:gold_alerts;

-- Silences.
SELECT count(*) FROM scout.check_alerts() \g /dev/null
SELECT results_eq($$SELECT source, severity, subject_pattern, alerts FROM scout.silence(source => 'Freshness', subject => 'tills/%', duration => '1 hour', reason => 'moving')$$,
    $$VALUES ('freshness', NULL, 'tills/%', 1::bigint)$$, 'a silence says what it matches');
SELECT set_eq($$SELECT dedup_key, silenced FROM scout.v_alerts WHERE source = 'freshness' AND subject ~ 'tills|gone'$$,
    $$VALUES ('freshness:tills/pos', true), ('freshness:gone', false)$$, 'its alert is marked, no other');
SELECT is(pg_temp.checked('freshness:tills/pos'), 'suppressed critical firing', 'counted, and suppressed');
SELECT is((SELECT a.ordinality > b.ordinality FROM scout.alert_list() WITH ORDINALITY a, scout.alert_list() WITH ORDINALITY b
           WHERE a.dedup_key = 'freshness:tills/pos' AND b.dedup_key = 'freshness:gone'), true, 'it is listed after what is not silenced, critical or not');
UPDATE scout_internal.silences SET ends_at = now() - interval '1 second';
SELECT is((SELECT silenced FROM scout.v_alerts WHERE dedup_key = 'freshness:tills/pos'), false, 'it ends by itself');
SELECT is((SELECT active || ' ' || remaining FROM scout.v_silences), 'false 00:00:00', 'and is over');
SELECT is((SELECT silence_id > 0 FROM scout.silence(severity => 'ERROR', until => now() + interval '1 day', reason => 'all that is critical')), true, 'by severity, until a time');
SELECT is((SELECT bool_and(silenced = (severity = 'critical')) FROM scout.v_alerts WHERE state <> 'resolved'), true, 'a warning stays heard');
SELECT is((SELECT alerts = (SELECT count(*) FROM scout.v_alerts WHERE silenced) FROM scout.v_silences WHERE active), true, 'the list of silences counts them');
SELECT is((SELECT status FROM scout.unsilence((SELECT silence_id FROM scout.v_silences WHERE active))), 'ended', 'taken back');
SELECT is((SELECT status || ' ' || (ended_by = current_user) FROM scout.v_silences v, scout.unsilence(v.silence_id) WHERE severity IS NOT NULL), 'over true', 'once');
SELECT is((SELECT count(*) FROM scout.v_alerts WHERE silenced), 0::bigint, 'all is heard again');
SELECT alerts FROM scout.silence(everything => true, duration => '30 days', reason => 'migration') \gset
SELECT is((SELECT count(*) FROM scout.v_alerts WHERE silenced AND state <> 'resolved'), :alerts::bigint, 'everything, when asked for by name');
SELECT is((SELECT count(*) FROM scout.v_alerts WHERE NOT silenced AND state <> 'resolved'), 0::bigint, 'is all');
DELETE FROM scout_internal.silences;
SELECT is((SELECT string_agg(outcome, ',' ORDER BY entry_id) FROM scout.timeline WHERE action IN ('silence', 'unsilence')),
    'silenced,silenced,ended,over,silenced', 'each is in the timeline');

-- Inhibition.
SELECT count(*) FROM scout.control_ingestion('pause', 'tills are moved', source_system => 'pos', holder => 'ada') \g /dev/null
SELECT is((SELECT inhibited_by FROM scout.v_alerts WHERE dedup_key = 'freshness:tills/pos'), 'pause of pos by ada', 'a paused source: its staleness is inhibited');
SELECT is((SELECT inhibited_by FROM scout.v_alerts WHERE dedup_key = 'volume:tills/pos'), 'pause of pos by ada', 'and its volume');
SELECT is((SELECT bool_or(inhibited) FROM scout.v_alerts WHERE coalesce(source_system, '') <> 'pos'), false, 'nothing else is');
SELECT is(pg_temp.checked('freshness:tills/pos'), 'suppressed critical firing', 'it is seen and not resolved');
SELECT count(*) FROM scout.control_ingestion('resume', source_system => 'pos', holder => 'ada') \g /dev/null
SELECT is((SELECT inhibited FROM scout.v_alerts WHERE dedup_key = 'freshness:tills/pos'), false, 'it ends with the pause');
SELECT count(*) FROM scout.control_ingestion('pause', 'night', holder => 'ada') \g /dev/null
SELECT count(*) FROM scout.check_alerts() \g /dev/null
SELECT results_eq($$SELECT dedup_key, inhibited_by FROM scout.v_alerts WHERE dedup_key IN ('freshness:tills/pos', 'freshness:bronze', 'gold:gold_daily_metrics', 'health:ingestion_active') ORDER BY 1$$,
    $$VALUES ('freshness:bronze', 'pause of all loading by ada'), ('freshness:tills/pos', NULL), ('gold:gold_daily_metrics', 'pause of all loading by ada'), ('health:ingestion_active', NULL)$$,
    'a pause of all loading inhibits the pipeline''s own, not other tables, and is a warning itself');
UPDATE scout.pipeline_pauses SET paused_at = now() - interval '2 hours', expires_at = now() - interval '1 hour';
SELECT is((SELECT bool_or(inhibited) FROM scout.v_alerts), false, 'a pause that has expired inhibits nothing');
DELETE FROM scout.pipeline_pauses;
INSERT INTO scout_internal.alerts (dedup_key, source, severity, subject, summary, remedy, of_pipeline, first_seen, last_seen, keep_until)
VALUES ('circuit_breaker:pos', 'circuit_breaker', 'critical', 'pos', 'open', 'close it', false, now(), now(), now());
SELECT is((SELECT inhibited_by FROM scout.v_alerts WHERE dedup_key = 'freshness:tills/pos'), 'circuit_breaker:pos', 'so does an open circuit breaker of the source');
SELECT is(pg_temp.checked('circuit_breaker:pos'), NULL, 'whose alert is not judged by a check');
SELECT is((SELECT state FROM scout.v_alerts WHERE dedup_key = 'circuit_breaker:pos'), 'firing', 'nor resolved');
UPDATE scout_internal.alerts SET ended_at = now() WHERE dedup_key = 'circuit_breaker:pos';
SELECT is(pg_temp.checked('circuit_breaker:pos'), 'resolved critical resolved', 'but when the breaker has said that it is over');
SELECT is((SELECT inhibited FROM scout.v_alerts WHERE dedup_key = 'freshness:tills/pos'), false, 'then it inhibits nothing any more');

-- The older runbook's words.
SELECT is((SELECT bool_and(severity IN ('ERROR', 'WARNING') AND NOT acknowledged) FROM scout.etl_alerts WHERE resolved_at IS NULL), true, 'etl_alerts: its words');
SELECT lives_ok('UPDATE scout.etl_alerts SET acknowledged = true WHERE created_at < clock_timestamp()', 'the runbook''s UPDATE');
SELECT is((SELECT count(*) FROM scout.etl_alerts WHERE NOT acknowledged), 0::bigint, 'acknowledges all');
SELECT is((SELECT bool_and(state = 'acknowledged' AND acknowledged_by = current_user) FROM scout.v_alerts WHERE resolved_at IS NULL), true, 'really');
SELECT is((SELECT count(*) FROM scout.timeline WHERE action = 'acknowledge_alerts' AND arguments ->> 'through' = 'etl_alerts'),
    (SELECT count(*) FROM scout_internal.alerts WHERE state = 'acknowledged'), 'each is in the timeline');
SELECT throws_ok($$UPDATE scout.etl_alerts SET severity = 'WARNING', acknowledged = true WHERE severity = 'ERROR'$$, '0A000',
    'column "severity" of etl_alerts cannot be set', 'another column is refused');
SELECT throws_ok('UPDATE scout.etl_alerts SET acknowledged = false', '0A000', 'an alert cannot be un-acknowledged', 'false is refused');
SELECT throws_ok('UPDATE scout.etl_alerts SET acknowledged = NULL', '0A000', 'an alert cannot be un-acknowledged', 'NULL is refused');
SELECT throws_ok('DELETE FROM scout.etl_alerts', '55000', NULL, 'nothing is deleted');
SELECT throws_ok('UPDATE scout.system_alerts SET acknowledged = true', '55000', NULL, 'system_alerts is not updated');
SELECT is((SELECT count(DISTINCT store_id) FROM scout.system_alerts WHERE created_at > now() - interval '1 hour'), 2::bigint, 'affected stores: those of dead letters');
SELECT cmp_ok((SELECT count(*) FROM scout.system_alerts WHERE created_at > NOW() - INTERVAL '5 minutes' AND severity = 'ERROR'), '>=', 2::bigint, 'errors of the last minutes');
SELECT is((SELECT count(*) FROM scout.system_alerts s WHERE to_jsonb(s)::text LIKE '%Ada%'), 0::bigint, 'no content of events');

-- Retention.
UPDATE scout_internal.alerts SET resolved_at = now() - interval '91 days', state = 'resolved' WHERE dedup_key LIKE 'volume:tills/%';
DELETE FROM scout_internal.quality_results WHERE run_id > 2;
SELECT count(*) FROM scout.silence(everything => true, duration => '1 minute', reason => 'x') \g /dev/null
UPDATE scout_internal.silences SET ends_at = now() - interval '91 days';
UPDATE scout_internal.quality_results SET window_end = now() - interval '91 days' WHERE run_id <= 2;
SELECT set_eq($$SELECT table_name, rows_removed FROM scout.apply_retention() WHERE table_name IN ('alerts', 'silences', 'quality_results')$$,
    $$VALUES ('alerts', 2::bigint), ('silences', 1), ('quality_results', 3)$$, 'retention: what is over and old goes');
SELECT is((SELECT count(*) > 0 FROM scout_internal.alerts WHERE state <> 'resolved'), true, 'what is open stays');

-- Bad input.
CREATE FUNCTION pg_temp.refused(call text, state text, message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
    BEGIN
        EXECUTE 'SELECT * FROM scout.' || call;
        RETURN fail(call || ' is refused');
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
        RETURN is(SQLSTATE || ' ' || SQLERRM || CASE WHEN hint = '' THEN ' (no hint)' ELSE '' END, state || ' ' || message, call);
    END;
END $$;
SELECT pg_temp.refused(c, s, m) FROM (VALUES
    ('acknowledge_alerts()', '22023', 'acknowledge_alerts needs a filter'),
    ($$acknowledge_alerts(note => 'all')$$, '22023', 'acknowledge_alerts needs a filter'),
    ($$acknowledge_alerts(severity => 'fatal')$$, '22023', 'unknown severity "fatal"'),
    ($$acknowledge_alerts(source => 'moon')$$, '22023', 'unknown source "moon"'),
    ($$acknowledge_alerts(dedup_key => ' ')$$, '22023', 'dedup_key must not be blank'),
    ($$acknowledge_alerts(dedup_key => 'a\')$$, '22025', 'dedup_key ends with an escape character: "a\"'),
    ($$silence(source => 'rule', reason => 'x')$$, '22004', 'duration or until must be given'),
    ($$silence(source => 'rule', duration => '1h', until => now() + '1h', reason => 'x')$$, '22023', 'give either duration or until'),
    ($$silence(source => 'rule', duration => '0', reason => 'x')$$, '22023', 'duration must be positive'),
    ($$silence(source => 'rule', duration => '-1 day', reason => 'x')$$, '22023', 'duration must be positive'),
    ($$silence(source => 'rule', duration => '-178000000 years', reason => 'x')$$, '22023', 'duration must be positive'),
    ($$silence(source => 'rule', duration => '30 days 1 second', reason => 'x')$$, '22023', 'duration must be at most 30 days'),
    ($$silence(source => 'rule', duration => '178000000 years', reason => 'x')$$, '22023', 'duration must be at most 30 days'),
    ($$silence(source => 'rule', duration => '2000000000 hours', reason => 'x')$$, '22023', 'duration must be at most 30 days'),
    ($$silence(source => 'rule', until => now() - interval '1 s', reason => 'x')$$, '22023', 'until is in the past'),
    ($$silence(source => 'rule', until => '-infinity', reason => 'x')$$, '22023', 'until is in the past'),
    ($$silence(source => 'rule', until => 'infinity', reason => 'x')$$, '22023', 'until must be within 30 days'),
    ($$silence(source => 'rule', until => now() + interval '31 days', reason => 'x')$$, '22023', 'until must be within 30 days'),
    ($$silence(source => 'rule', duration => '1h')$$, '22004', 'reason must not be NULL'),
    ($$silence(source => 'rule', duration => '1h', reason => ' ')$$, '22023', 'reason must not be blank'),
    ($$silence(duration => '1h', reason => 'x')$$, '22023', 'nothing says which alerts'),
    ($$silence(source => 'rule', everything => true, duration => '1h', reason => 'x')$$, '22023', 'everything contradicts source, severity and subject'),
    ($$silence(everything => NULL, duration => '1h', reason => 'x')$$, '22004', 'everything must not be NULL'),
    ($$silence(source => '', duration => '1h', reason => 'x')$$, '22023', 'unknown source ""'),
    ($$silence(severity => 'info', duration => '1h', reason => 'x')$$, '22023', 'unknown severity "info"'),
    ($$silence(subject => '', duration => '1h', reason => 'x')$$, '22023', 'subject must not be blank'),
    ($$silence(subject => 'x\\\', duration => '1h', reason => 'x')$$, '22025', 'subject ends with an escape character: "x\\\"'),
    ('unsilence(NULL)', '22004', 'silence_id must not be NULL'),
    ('unsilence(-1)', 'P0002', 'there is no silence -1'),
    ('alert_list(NULL)', '22004', 'alert_list: recent must not be NULL'),
    ($$alert_list('-1 day')$$, '22023', 'alert_list: recent must not be negative'),
    ('check_alerts(NULL)', '22004', 'skip_if_running must not be NULL')) v(c, s, m);
SELECT throws_ok('SELECT scout_internal.acknowledge_etl_alert()', '39P01', NULL, 'the trigger function is no function');
CREATE VIEW fake AS SELECT 1::bigint AS alert_id, false AS acknowledged;
CREATE TRIGGER fake INSTEAD OF UPDATE ON fake FOR EACH ROW EXECUTE FUNCTION scout_internal.acknowledge_etl_alert();
SELECT throws_ok('UPDATE fake SET acknowledged = true', '39P01', NULL, 'nor the trigger of another view');

-- Privileges: a reader looks, an operator acts, nobody writes the tables.
CREATE ROLE alerts_reader; CREATE ROLE alerts_operator; CREATE ROLE alerts_nobody;
SELECT count(*) FROM scout.grant_access('reader', 'alerts_reader') \g /dev/null
SELECT count(*) FROM scout.grant_access('operator', 'alerts_operator') \g /dev/null
GRANT USAGE ON SCHEMA scout TO alerts_nobody;
SET LOCAL ROLE alerts_reader;
SELECT lives_ok($$SELECT (SELECT count(*) FROM scout.v_alerts), (SELECT count(*) FROM scout.v_silences), (SELECT count(*) FROM scout.etl_alerts),
                         (SELECT count(*) FROM scout.system_alerts), (SELECT count(*) FROM scout_internal.rule_alerts())$$, 'a reader sees');
SELECT throws_ok($$SELECT scout.acknowledge_alerts(before => now())$$, '42501', NULL, 'and does not acknowledge');
SELECT throws_ok($$UPDATE scout.etl_alerts SET acknowledged = true$$, '42501', NULL, 'nor through the view');
SELECT throws_ok($$SELECT scout.silence(everything => true, duration => '1h', reason => 'x')$$, '42501', NULL, 'nor silence');
SELECT throws_ok($$SELECT scout.check_alerts()$$, '42501', NULL, 'nor check');
SET LOCAL ROLE alerts_operator;
SELECT lives_ok($$SELECT scout.check_alerts()$$, 'an operator checks');
SELECT lives_ok($$SELECT scout.silence(everything => true, duration => '1h', reason => 'x')$$, 'silences');
SELECT lives_ok($$SELECT scout.acknowledge_alerts(before => now())$$, 'acknowledges');
SELECT lives_ok($$UPDATE scout.etl_alerts SET acknowledged = true WHERE created_at < now()$$, 'also as the runbook says');
SELECT throws_ok($$UPDATE scout_internal.alerts SET state = 'resolved'$$, '42501', NULL, 'and does not write the table');
SELECT throws_ok($$DELETE FROM scout_internal.silences$$, '42501', NULL, 'nor that of silences');
SET LOCAL ROLE alerts_nobody;
SELECT throws_ok('SELECT * FROM scout.v_alerts', '42501', NULL, 'without a tier nothing is seen');
RESET ROLE;
SELECT count(*) FROM scout.revoke_access('operator', 'alerts_operator') \g /dev/null
SET LOCAL ROLE alerts_operator;
SELECT throws_ok($$UPDATE scout.etl_alerts SET acknowledged = true$$, '42501', NULL, 'the tier taken, the UPDATE is taken, too');
RESET ROLE;
SET LOCAL transaction_read_only = on;
SELECT throws_ok('SELECT scout.check_alerts()', '25006', NULL, 'a check is no report');
SELECT lives_ok('SELECT * FROM scout.v_alerts', 'the view is');

SELECT * FROM finish();
ROLLBACK;
