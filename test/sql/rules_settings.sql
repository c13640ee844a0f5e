-- set_rule(): severity, threshold and switch of the built-in rules, and what the next load makes of them.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
SELECT code, severity, enabled, threshold, threshold_unit, overridden, tunable FROM scout.built_in_rules();
SELECT * FROM scout.set_rule('negative_total', severity => 'warning');
SELECT * FROM scout.set_rule('AMOUNT_ABOVE_LIMIT', severity => 'critical', threshold => 100);
SELECT * FROM scout.set_rule('LINE_TOTAL_MISMATCH', enabled => false);
SELECT scout.set_rule('MISSING_FIELD', enabled => false);
SELECT scout.set_rule('NO_SUCH');
SELECT scout.set_rule(NULL);
SELECT scout.set_rule('EMPTY_ITEMS', threshold => 1);
SELECT scout.set_rule('AMOUNT_ABOVE_LIMIT', threshold => 'NaN');
SELECT scout.set_rule('AMOUNT_ABOVE_LIMIT', threshold => -1);
SELECT scout.set_rule('AMOUNT_ABOVE_LIMIT', severity => 'error');
SET ROLE regress_scout_operator;
SELECT scout.set_rule('EMPTY_ITEMS', enabled => false);
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (801, pg_temp.ev('N1', '{"total_amount": -5}')), (802, pg_temp.ev('N2', '{"total_amount": 101}')), (803, pg_temp.ev('N3', '{"total_amount": 99}'));
SELECT * FROM pg_temp.load();
SELECT source_event_id, total_amount FROM scout.silver_transactions WHERE source_event_id > 800 ORDER BY 1;
SELECT event_id, error_code FROM scout.bronze_events_dlq WHERE event_id > 800;
SELECT event_id, code FROM scout.quality_warnings WHERE event_id > 800 ORDER BY 1, 2;
SET ROLE regress_scout_owner;
SELECT * FROM scout.set_rule('NEGATIVE_TOTAL');
SELECT * FROM scout.set_rule('AMOUNT_ABOVE_LIMIT');
SELECT * FROM scout.set_rule('LINE_TOTAL_MISMATCH');
SELECT count(*) AS overrides FROM scout_internal.rule_overrides;
SELECT * FROM pg_temp.balance();
