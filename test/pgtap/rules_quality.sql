-- Quality rules: what they find, what is refused, and that one bad rule hides nothing of the others.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;
SELECT plan(147);
CREATE ROLE pgtap_rules;
SELECT count(*) AS ignored FROM scout.grant_access('admin', 'pgtap_rules') \gset
SET ROLE pgtap_rules;
SELECT lives_ok($$SELECT scout.add_quality_rule('alone', query => 'SELECT 1')$$, 'a rule without a pipeline');
RESET ROLE;
SELECT results_eq('SELECT status, count(*), min(message) FROM scout.run_quality_rules() GROUP BY 1 ORDER BY 1',
    $$VALUES ('error', 1::bigint, NULL), ('runtime error', 10, 'the pipeline is not there: relation "scout.bronze_events" does not exist')$$,
    'runs; the shipped ones say what they lack');
SELECT lives_ok($$SELECT scout.drop_quality_rule('alone')$$, 'and goes');
\ir ../lib/pipeline.sql
CREATE SCHEMA shop;
CREATE TABLE shop.sales (id int PRIMARY KEY, customer text, amount numeric, units int, sold_at timestamptz);
INSERT INTO shop.sales SELECT n, CASE WHEN n % 10 > 0 THEN 'c' || n END, n, n % 5, now() - n * interval '1 minute' + interval '30 seconds' FROM generate_series(1, 100) n;
CREATE FUNCTION shop.cancel() RETURNS boolean LANGUAGE sql SECURITY DEFINER RETURN pg_cancel_backend(pg_backend_pid());
CREATE TABLE shop.lines (sale int, product text);
GRANT USAGE ON SCHEMA shop TO pgtap_rules;
ALTER TABLE shop.sales OWNER TO pgtap_rules;
ALTER TABLE shop.lines OWNER TO pgtap_rules;
INSERT INTO shop.lines SELECT n % 110 + 1, 'p' FROM generate_series(0, 219) n;
CREATE FUNCTION shop.writes() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.sales; RETURN true; END $$;
CREATE FUNCTION shop.reopens() RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); DELETE FROM shop.sales; RETURN true; END $$;
CREATE FUNCTION shop.stubborn() RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; PERFORM pg_sleep(3600); RETURN true; END $$;

-- What ships, in the words of the contract's thresholds.
SELECT is((SELECT count(*) FROM scout.quality_rules WHERE built_in), 10::bigint, 'ten rules ship');
SELECT is((SELECT predicate FROM scout.quality_rules WHERE name = 'impossible_amount'), 't.total_amount > 10000', 'a predicate shows its threshold');
SELECT is((SELECT count(*) FROM scout.set_rule('AMOUNT_ABOVE_LIMIT', threshold => 500)), 1::bigint, 'set_rule() changes it');
SELECT is((SELECT predicate FROM scout.quality_rules WHERE name = 'impossible_amount'), 't.total_amount > 500', 'for the quality rule, too');
SELECT is((SELECT string_agg(DISTINCT status, ',') FROM scout.run_quality_rules()), 'pass', 'an empty pipeline passes');

-- Damage by hand: each shipped rule finds its own.
INSERT INTO scout.silver_transactions (transaction_id, store_id, ts, date_key, total_amount, item_count, unique_products, processed_at, updated_at)
SELECT v.id, v.store, now() + v.ahead, 20250101, v.total, v.items, 1, now(), now()
FROM (VALUES ('fine', 's', interval '0', 10, 1), ('negative', 's', '0', -10, 1), ('above', 's', '0', 501, 1),
             ('mismatch', 's', '0', 20, 1), ('empty', 's', '0', 10, 0), ('storeless', ' ', '0', 10, 1),
             ('future', 's', '25 hours', 10, 1), ('lines', 's', '0', 10, 1)) v (id, store, ahead, total, items);
INSERT INTO scout.silver_transactions (transaction_id, store_id, ts, date_key, total_amount, item_count, unique_products, processed_at, updated_at)
SELECT 'old', '', now(), 20250101, -1, 0, 1, now() - interval '2 hours', now();
INSERT INTO scout.silver_line_items (transaction_id, line_sequence, product_id, quantity, unit_price, line_amount, discount_amount, product_key, updated_at, store_id)
SELECT t.transaction_id, 1, 'p', CASE t.transaction_id WHEN 'lines' THEN 0 ELSE 1 END, 1,
       CASE t.transaction_id WHEN 'mismatch' THEN 19 ELSE t.total_amount END, 0, CASE t.transaction_id WHEN 'fine' THEN NULL ELSE 1 END, now(), 's'
FROM scout.silver_transactions t WHERE t.transaction_id <> 'empty';
INSERT INTO scout.silver_line_items (transaction_id, line_sequence, product_id, quantity, unit_price, line_amount, discount_amount, updated_at, store_id)
VALUES ('gone', 1, 'p', 1, 1, 1, 0, now(), 's'), ('gone', 2, 'p', 1, 1, 1, 0, now(), 's');
INSERT INTO scout.bronze_events_dlq (original_payload, error_code, transaction_id)
VALUES ('{}', 'QUARANTINE', 'gone'), ('{}', 'DUPLICATE_TRANSACTION', 'fine');
SELECT results_eq(
    $$SELECT rule, status, failures, scanned, percentage, sample_keys::text FROM scout.run_quality_rules() ORDER BY rule$$,
    $$VALUES ('duplicate_transaction', 'warn', 1::bigint, NULL::bigint, NULL::numeric,
              (SELECT format('[{"dlq_id": %s, "event_id": null, "transaction_id": "fine"}]', dlq_id) FROM scout.bronze_events_dlq WHERE transaction_id = 'fine')),
             ('empty_items', 'error', 1, 8, 12.5, '[{"transaction_id": "empty"}]'),
             ('future_timestamp', 'warn', 1, 8, 12.5, '[{"transaction_id": "future"}]'),
             ('impossible_amount', 'warn', 1, 8, 12.5, '[{"transaction_id": "above"}]'),
             ('invalid_line_item', 'error', 1, 7, 14.2857, '[{"line_sequence": 1, "transaction_id": "lines"}]'),
             ('line_total_mismatch', 'error', 1, 8, 12.5, '[{"transaction_id": "mismatch"}]'),
             ('missing_store', 'error', 1, 8, 12.5, '[{"transaction_id": "storeless"}]'),
             ('negative_total', 'error', 1, 8, 12.5, '[{"transaction_id": "negative"}]'),
             ('orphan_lines', 'error', 2, NULL, NULL, '[{"line_sequence": 1, "transaction_id": "gone"}, {"line_sequence": 2, "transaction_id": "gone"}]'),
             ('product_linking', 'error', 1, 7, 14.2857, '[{"line_sequence": 1, "transaction_id": "fine"}]')$$,
    'each shipped rule finds what is wrong, and only in the window');
SELECT is((SELECT string_agg(rule, ',' ORDER BY rule) FROM scout.run_quality_rules(3) WHERE failures = 2), 'empty_items,missing_store,negative_total,orphan_lines', 'a longer window finds the older one');
SELECT results_eq($$SELECT DISTINCT relation, rules_in_scan FROM scout_internal.quality_results WHERE run_id = (SELECT max(run_id) FROM scout_internal.quality_results) ORDER BY 2 DESC, 1$$,
                  $$VALUES ('scout.silver_transactions', 6), ('scout.silver_line_items', 2), (NULL, 1)$$, 'one scan for all rules over the same rows');

-- Tuning.
SELECT is((SELECT status FROM scout.run_quality_rules(names => '{product_linking}')), 'error', '1 of 7 lines is above 10 %');
SELECT is((SELECT warn_if || ',' || error_if FROM scout.set_quality_rule('product_linking', error_if => '>50 %')), '> 5%,> 50%', 'a shipped rule is tuned');
SELECT is((SELECT status FROM scout.run_quality_rules(names => '{product_linking}')), 'warn', 'and warns now');
SELECT is((SELECT severity FROM scout.set_quality_rule('negative_total', severity => 'warning')), 'warn', 'warning is another word for warn');
SELECT is((SELECT status FROM scout.run_quality_rules(names => '{negative_total}')), 'warn', 'severity warn does no more than warn');
SELECT is((SELECT severity || ',' || enabled FROM scout.set_quality_rule('negative_total', enabled => false)), 'warn,false', 'switched off, and what was set before is kept');
SELECT is((SELECT count(*) FROM scout.run_quality_rules() WHERE rule = 'negative_total'), 0::bigint, 'it is not run');
SELECT is((SELECT count(*) FROM scout.run_quality_rules(names => '{negative_total,negative_total}')), 1::bigint, 'but when it is named');
SELECT is((SELECT count(*) FROM scout.quality_alerts(1) WHERE alert_type = 'negative_total'), 0::bigint, 'and alerts of nothing');
SELECT is((SELECT error_if || severity || enabled FROM scout.set_quality_rule('negative_total')), '> 0errortrue', 'without arguments it returns to its defaults');
SELECT is((SELECT count(*) FROM scout.quality_rules WHERE overridden), 1::bigint, 'the view says which rules are overridden');

-- Own rules.
SELECT is((SELECT warn_if || ',' || error_if || ',' || owner FROM scout.add_quality_rule('no_customer', relation => 'shop.sales', predicate => 'customer IS NULL', error_if => '>= 20%', warn_if => '> 0')),
          '> 0,>= 20%,pgtap_rules', 'a predicate');
SELECT lives_ok($$SELECT scout.add_quality_rule('lonely_lines', query => 'SELECT l.sale, l.product FROM shop.lines l WHERE NOT EXISTS (SELECT FROM shop.sales s WHERE s.id = l.sale); -- all', relation => 'shop.lines', error_if => '> 9%')$$, 'a query, with a semicolon and a comment');
SELECT lives_ok($$SELECT scout.add_quality_rule('recent', relation => 'shop.sales', predicate => 'amount > 0 -- nothing', window_column => 'sold_at', severity => 'warn')$$, 'a window');
SELECT lives_ok($$SELECT scout.add_quality_rule('twice', relation => 'shop.lines', predicate => 'count(*) OVER (PARTITION BY sale) > 1', error_if => 'never', warn_if => '> 1000')$$, 'a window function');
SELECT lives_ok($$SELECT scout.add_quality_rule('since', query => 'SELECT id FROM shop.sales WHERE sold_at >= $1', error_if => '< 1')$$, '$1 in a query');
SELECT results_eq($$SELECT rule, status, failures, scanned, percentage, jsonb_array_length(sample_keys) FROM scout.run_quality_rules(0.5, '{no_customer,lonely_lines,recent,twice,since}', 3) ORDER BY rule$$,
    $$VALUES ('lonely_lines', 'error', 20::bigint, 220::bigint, 9.0909, 3), ('no_customer', 'warn', 10, 100, 10.0000, 3),
             ('recent', 'warn', 30, 30, 100.0000, 3), ('since', 'pass', 30, NULL, NULL, 3), ('twice', 'pass', 220, 220, 100.0000, 3)$$,
    'counts, shares and thresholds');
SELECT matches((SELECT sample_keys::text FROM scout.run_quality_rules(names => '{twice}', sample => 1)), '^\[\{"ctid": "\(0,\d+\)"\}\]$', 'without a primary key the place of the row');
SELECT is((SELECT sample_keys FROM scout.run_quality_rules(names => '{twice}', sample => 0)), NULL, 'no sample where none is wanted');

-- They alert; the report lists what was added, and the shipped ones as its own checks.
SELECT is((SELECT string_agg(alert_type || '=' || severity, ',' ORDER BY alert_type) FROM scout.quality_alerts(1) WHERE alert_payload ->> 'rule' IN ('lonely_lines', 'no_customer', 'since', 'empty_items')),
          'empty_items=critical,lonely_lines=critical,no_customer=warning', 'alerts of the newest results that did not pass');
SELECT is((SELECT string_agg(check_name || '=' || status || '=' || failure_count, ',' ORDER BY check_name) FROM scout.data_quality_report(1) WHERE check_category = 'rules'),
          'lonely_lines=fail=20,no_customer=warning=10,recent=warning=30', 'the report has them');
DELETE FROM shop.lines WHERE sale > 100;
SELECT is((SELECT status FROM scout.run_quality_rules(names => '{lonely_lines}')), 'pass', 'mended');
SELECT is((SELECT count(*) FROM scout.v_quality_alerts WHERE alert_type = 'lonely_lines'), 0::bigint, 'the alert ends with the next run');

-- A bad rule hides nothing of the others.
SELECT lives_ok($$SELECT scout.add_quality_rule('divides', relation => 'shop.sales', predicate => 'amount / units > 3')$$, 'divides by zero when it runs');
SELECT lives_ok($$SELECT scout.add_quality_rule('sleeps', relation => 'shop.sales', predicate => 'pg_sleep(3600) IS NULL')$$, 'runs for ever');
SET ROLE pgtap_rules;
SELECT lives_ok($$SELECT scout.add_quality_rule('stubborn', query => 'SELECT shop.stubborn()')$$, 'catches the first cancel');
RESET ROLE;
SELECT lives_ok($$SELECT scout.add_quality_rule('writes', relation => 'shop.sales', predicate => 'shop.writes()')$$, 'writes in a function');
SELECT lives_ok($$SELECT scout.add_quality_rule('reopens', relation => 'shop.sales', predicate => 'shop.reopens()')$$, 'and leaves the read-only mode first');
SET ROLE pgtap_rules;
SELECT lives_ok($$SELECT scout.add_quality_rule('nests', query => 'SELECT scout.run_quality_rules()')$$, 'calls run_quality_rules()');
RESET ROLE;
SELECT lives_ok($$SELECT scout.add_quality_rule('dropped', relation => 'shop.sales', predicate => 'length(customer) > 100')$$, 'a column');
ALTER TABLE shop.sales DROP COLUMN customer;
SELECT results_eq($$SELECT rule, status, failures, message FROM scout.run_quality_rules(timeout => '200 ms') WHERE relation = 'shop.sales' OR status = 'runtime error' ORDER BY rule$$,
    $$VALUES ('divides', 'runtime error', NULL::bigint, 'division by zero'), ('dropped', 'runtime error', NULL, 'column "customer" does not exist'),
             ('nests', 'runtime error', NULL, 'cannot execute run_quality_rules() in a read-only transaction'),
             ('no_customer', 'runtime error', NULL, 'column "customer" does not exist'), ('recent', 'warn', 60, NULL),
             ('reopens', 'runtime error', NULL, 'cannot set transaction read-write mode inside a read-only transaction'),
             ('sleeps', 'runtime error', NULL, 'ended after its time limit of 200 ms'),
             ('stubborn', 'runtime error', NULL, 'ended after its time limit of 200 ms'),
             ('writes', 'runtime error', NULL, 'cannot execute DELETE in a read-only transaction')$$,
    'each says what is wrong with it, the others have their results');
SELECT is((SELECT count(*) FROM shop.sales), 100::bigint, 'nothing was deleted');
SELECT is(current_setting('transaction_read_only'), 'off', 'the transaction goes on writing');
SELECT is((SELECT string_agg(error_sqlstate, ',' ORDER BY rule) FROM scout_internal.quality_results WHERE run_id = (SELECT max(run_id) FROM scout_internal.quality_results) AND status = 'runtime error'),
          '22012,42703,25006,42703,25001,57014,57014,25006', 'the SQLSTATEs are kept');
SELECT is((SELECT severity FROM scout.quality_alerts(1) WHERE alert_type = 'divides'), 'critical', 'a rule that cannot be asked alerts, too');

-- Somebody else's cancel ends the call: it is no outcome of a rule.
SET ROLE pgtap_rules;
SELECT lives_ok($$SELECT scout.add_quality_rule('cancels', query => 'SELECT shop.cancel(), pg_sleep(3600)', enabled => false)$$, 'a cancel from outside');
RESET ROLE;
CREATE FUNCTION pg_temp.ended(call text) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN EXECUTE call; RETURN 'went on'; EXCEPTION WHEN query_canceled THEN RETURN SQLERRM; END $$;
SELECT is(pg_temp.ended($$SELECT scout.run_quality_rules(names => '{cancels}')$$), 'canceling statement due to user request', 'the user''s cancel ends the call');
SET LOCAL statement_timeout = '300 ms';
SELECT is(pg_temp.ended($$SELECT scout.run_quality_rules(names => '{sleeps}', timeout => '1 hour')$$), 'canceling statement due to statement timeout', 'so does statement_timeout');
RESET statement_timeout;

-- What is refused.
SELECT throws_ok('SELECT scout.add_quality_rule(' || a || ')', code, message, 'add_quality_rule: ' || a)
FROM (VALUES
    ('NULL', '22004', 'name must not be NULL'),
    ($$' '$$, '22023', 'name must not be blank'),
    ($$'No Name', relation => 'shop.sales', predicate => 'true'$$, '22023', '"No Name" is no name for a rule'),
    ($$'divides', relation => 'shop.sales', predicate => 'true'$$, '42710', 'there is a rule "divides" already'),
    ($$'empty_items', relation => 'shop.sales', predicate => 'true'$$, '42710', 'there is a rule "empty_items" already'),
    ($$'r', relation => 'shop.sales'$$, '22023', 'give either predicate or query'),
    ($$'r', relation => 'shop.sales', predicate => 'true', query => 'SELECT 1'$$, '22023', 'give either predicate or query'),
    ($$'r', predicate => 'true'$$, '22023', 'a predicate needs a relation'),
    ($$'r', relation => 'shop.nothing', predicate => 'true'$$, '42P01', 'relation "shop.nothing" does not exist'),
    ($$'r', relation => 'a.b.c.d', predicate => 'true'$$, '42601', 'improper relation name (too many dotted names): a.b.c.d'),
    ($$'r', relation => 'shop.sales', predicate => 'colour = 1'$$, '42703', 'column "colour" does not exist'),
    ($$'r', relation => 'shop.sales', predicate => 'amount >'$$, '42601', 'syntax error at end of input'),
    ($$'r', relation => 'shop.sales', predicate => 'amount'$$, '42804', 'argument of IS TRUE must be type boolean, not type numeric'),
    ($$'r', relation => 'shop.sales', predicate => 'true); DELETE FROM shop.sales; SELECT (true'$$, '42601', 'syntax error at or near ")"'),
    ($$'r', relation => 'shop.sales', predicate => 'true; DELETE FROM shop.sales'$$, '42601', 'the text is not one SQL expression'),
    ($$'r', relation => 'shop.sales', predicate => 'true), (true'$$, '42601', 'syntax error at or near ")"'),
    ($$'r', relation => 'shop.sales', predicate => 'true) FROM shop.lines AS x WHERE (true'$$, '42601', 'syntax error at or near ")"'),
    ($$'r', relation => 'shop.sales', predicate => 'true) UNION SELECT (true'$$, '42601', 'syntax error at or near ")"'),
    ($$'r', relation => 'shop.sales', predicate => 'false) OR (true'$$, '42601', 'syntax error at or near ")"'),
    ($$'r', relation => 'shop.sales', predicate => 'true, true'$$, '42601', 'the text is not one SQL expression'),
    ($$'r', relation => 'shop.sales', predicate => 'true UNION SELECT true'$$, '42601', 'the text is not one SQL expression'),
    ($$'r', relation => 'shop.sales', predicate => 'generate_series(1, 9) > 1'$$, '42804', 'argument of IS TRUE must not return a set'),
    ($$'r', relation => 'shop.sales', predicate => 'amount > $2'$$, '42P02', 'there is no parameter $2'),
    ($$'r', relation => 'shop.sales', predicate => 'no_such(amount)'$$, '42883', 'function no_such(numeric) does not exist'),
    ($$'r', relation => 'shop.sales', predicate => 'true', window_column => 'amount'$$, '42883', 'operator does not exist: numeric >= timestamp with time zone'),
    ($$'r', relation => 'shop.sales', predicate => 'true', window_column => 'x; DROP TABLE shop.sales'$$, '42703', 'column t.x; DROP TABLE shop.sales does not exist'),
    ($$'r', query => 'SELECT 1', window_column => 'x'$$, '22023', 'window_column needs a relation'),
    ($$'r', query => 'SELEC 1'$$, '42601', 'syntax error at or near "SELEC"'),
    ($$'r', query => '-- nothing'$$, '42601', 'the text holds no statement'),
    ($$'r', query => 'SELECT 1; SELECT 2'$$, '42601', 'the text holds 2 statements'),
    ($$'r', query => 'DELETE FROM shop.sales'$$, '25006', 'a statement that changes data is not allowed: it only reads'),
    ($$'r', query => 'WITH d AS (DELETE FROM shop.sales RETURNING *) SELECT * FROM d'$$, '25006', 'a statement that changes data is not allowed: it only reads'),
    ($$'r', query => 'SELECT * INTO shop.copy FROM shop.sales'$$, '25006', 'SELECT INTO is not allowed: it only reads'),
    ($$'r', query => 'SELECT * FROM shop.sales FOR UPDATE'$$, '25006', 'a row lock is not allowed: it only reads'),
    ($$'r', query => 'SELECT * FROM (SELECT * FROM shop.sales FOR UPDATE) x'$$, '0A000', 'SELECT FOR UPDATE is not allowed in a non-volatile function'),
    ($$'r', query => 'DROP TABLE shop.sales'$$, '42601', 'the text is no query'),
    ($$'r', query => 'SELECT * FROM sales'$$, '42P01', 'relation "sales" does not exist'),
    ($$'r', query => 'SELECT 1', severity => 'fatal'$$, '22023', 'unknown severity "fatal"'),
    ($$'r', query => 'SELECT 1', enabled => NULL$$, '22004', 'enabled must not be NULL'),
    ($$'r', query => 'SELECT 1', error_if => '> NaN'$$, '22023', 'error_if "> NaN" is no threshold'),
    ($$'r', query => 'SELECT 1', warn_if => '> -1'$$, '22023', 'warn_if "> -1" is no threshold'),
    ($$'r', query => 'SELECT 1', error_if => '> 101%'$$, '22023', 'error_if "> 101%" is no threshold'),
    ($$'r', query => 'SELECT 1', error_if => '> 5%'$$, '22023', 'a percentage needs a relation'),
    ($$'r', relation => 'shop.sales', predicate => 'true', warn_if => '> 10', error_if => '> 5'$$, '22023', 'warn_if "> 10" is never seen beside error_if "> 5"')) v (a, code, message);
CREATE TEMP TABLE passing (id int);
ALTER TABLE passing OWNER TO pgtap_rules;
SELECT throws_ok($$SELECT scout.add_quality_rule('r', relation => 'passing', predicate => 'true')$$, '0A000', '"passing" is a temporary relation', 'a temporary table');
SELECT throws_ok($$SELECT scout.set_quality_rule('nobody', true)$$, '42704', 'there is no rule "nobody"', 'set_quality_rule: unknown');
SELECT throws_ok($$SELECT scout.set_quality_rule('divides')$$, '22023', 'nothing to set', 'set_quality_rule: nothing');
SELECT throws_ok($$SELECT scout.set_quality_rule('since', warn_if => '> 1%')$$, '22023', 'a percentage needs a relation', 'set_quality_rule: percentage of nothing');
SELECT throws_ok($$SELECT scout.set_quality_rule('product_linking', warn_if => '> 60%')$$, '22023', 'warn_if "> 60%" is never seen beside error_if "> 50%"', 'set_quality_rule: warning above the error');
SELECT throws_ok($$SELECT scout.drop_quality_rule('nobody')$$, '42704', 'there is no rule "nobody"', 'drop_quality_rule: unknown');
SELECT throws_ok($$SELECT scout.drop_quality_rule('empty_items')$$, '22023', 'rule "empty_items" ships with scout_ir', 'drop_quality_rule: a shipped one');
SELECT throws_ok('SELECT scout.run_quality_rules(' || a || ')', code, message, 'run_quality_rules: ' || a)
FROM (VALUES
    ('NULL', '22023', 'invalid number of hours: NULL'), ('-1', '22023', 'invalid number of hours: -1'),
    ($$'NaN'$$, '22023', 'invalid number of hours: NaN'), ($$'Infinity'$$, '22023', 'invalid number of hours: Infinity'),
    ('1e9', '22023', 'invalid number of hours: 1000000000'), ('0', '22023', 'hours must be greater than 0'),
    ($$names => '{}'$$, '22023', 'names must not be empty'),
    ($$names => '{nobody}'$$, '42704', 'there is no rule "nobody"'),
    ($$names => '{NULL}'$$, '22004', 'names must not contain NULL'),
    ('sample => -1', '22023', 'sample must be from 0 to 1000, not -1'),
    ('sample => NULL', '22004', 'sample must not be NULL'),
    ('timeout => NULL', '22004', 'timeout must not be NULL'),
    ($$timeout => '0'$$, '22023', 'timeout must be from 1 millisecond to 1 hour'),
    ($$timeout => '-1 day'$$, '22023', 'timeout must be from 1 millisecond to 1 hour'),
    ($$timeout => '178000000 years'$$, '22023', 'timeout must be from 1 millisecond to 1 hour')) v (a, code, message);
SELECT throws_ok('SELECT * FROM scout.quality_history(' || a || ')', code, message, 'quality_history: ' || a)
FROM (VALUES
    ('NULL', '22004', 'quality_history: rule must not be NULL'), ($$'empty_items', NULL$$, '22004', 'quality_history: runs must not be NULL'),
    ($$'empty_items', 0$$, '22023', 'quality_history: runs must be from 1 to 100000, not 0'),
    ($$'nobody'$$, '42704', 'quality_history: there is no rule "nobody"')) v (a, code, message);
SELECT is((SELECT count(*) FROM scout_internal.quality_rule_records WHERE name = 'r'), 0::bigint, 'none of them has added anything');

-- Privileges: a rule runs with its owner's rights, not with those of who runs it.
CREATE ROLE pgtap_quality_admin; CREATE ROLE pgtap_quality_operator; CREATE ROLE pgtap_quality_reader;
DO $$ BEGIN PERFORM scout.grant_access('admin', 'pgtap_quality_admin'), scout.grant_access('operator', 'pgtap_quality_operator'), scout.grant_access('reader', 'pgtap_quality_reader'); END $$;
GRANT USAGE ON SCHEMA shop TO pgtap_quality_admin;
CREATE FUNCTION pg_temp.as_role(role text, call text) RETURNS text LANGUAGE plpgsql AS
$$ DECLARE got text; BEGIN EXECUTE format('SET LOCAL ROLE %I', role); EXECUTE call INTO got; RESET ROLE; RETURN got;
   EXCEPTION WHEN OTHERS THEN RESET ROLE; RETURN SQLSTATE || ' ' || SQLERRM; END $$;
SELECT is(pg_temp.as_role('pgtap_quality_admin', $$SELECT scout.add_quality_rule('peeks', relation => 'shop.sales', predicate => 'true')$$),
          '42501 permission denied for table sales', 'what the caller may not read is refused');
SELECT is(pg_temp.as_role('pgtap_quality_admin', $$SELECT scout.add_quality_rule('peeks', query => 'SELECT 1 WHERE EXISTS (SELECT FROM shop.sales)')$$),
          '42501 permission denied for table sales', 'also in a subquery');
GRANT SELECT ON shop.sales TO pgtap_quality_admin;
SELECT is(pg_temp.as_role('pgtap_quality_admin', $$SELECT owner FROM scout.add_quality_rule('peeks', relation => 'shop.sales', predicate => 'amount > 99')$$),
          'pgtap_quality_admin', 'with the privilege it is added');
SELECT is(pg_temp.as_role('pgtap_quality_operator', $$SELECT status || failures FROM scout.run_quality_rules(names => '{peeks}')$$),
          'error1', 'an operator runs it without having the privilege');
REVOKE SELECT ON shop.sales FROM pgtap_quality_admin;
SELECT is((SELECT message FROM scout.run_quality_rules(names => '{peeks}')), 'permission denied for table sales', 'a superuser runs it as its owner all the same');
SELECT is(pg_temp.as_role('pgtap_quality_operator', $$SELECT status FROM scout.run_quality_rules(names => '{empty_items}')$$), 'error', 'shipped rules run for an operator');
SELECT alike(pg_temp.as_role('pgtap_quality_operator', $$SELECT scout.set_quality_rule('empty_items', false)$$), '42501 %', 'an operator does not tune');
SELECT alike(pg_temp.as_role('pgtap_quality_reader', $$SELECT scout.run_quality_rules()$$), '42501 %', 'a reader does not run');
SELECT is(pg_temp.as_role('pgtap_quality_reader', $$SELECT count(*) > 10 FROM scout.quality_rules$$), 'true', 'but looks at the rules');
SELECT is(pg_temp.as_role('pgtap_quality_reader', $$SELECT count(*) > 2 FROM scout.quality_history('empty_items')$$), 'true', 'and at their history');
SELECT is(pg_temp.as_role('pgtap_quality_reader', $$SELECT count(*) > 0 FROM scout.v_quality_alerts$$), 'true', 'and at the alerts');

GRANT SELECT ON shop.sales TO pgtap_quality_admin;
SELECT is(pg_temp.as_role('pgtap_quality_admin', $$SELECT owner FROM scout.add_quality_rule('climbs', query => 'SELECT set_config(''role'', ''none'', false)')$$),
          'pgtap_quality_admin', 'a rule that changes its role');
SELECT alike((SELECT message FROM scout.run_quality_rules(names => '{climbs}')), 'cannot set parameter "role" within security-%', 'cannot');
SELECT lives_ok($$DROP OWNED BY pgtap_quality_admin; DROP ROLE pgtap_quality_admin$$, 'the owner goes');
SELECT is((SELECT message FROM scout.run_quality_rules(names => '{peeks}')), 'role "pgtap_quality_admin" does not exist', 'its rule says so');

-- History: complete periods of the same length before, at least seven.
SELECT lives_ok($$SELECT scout.drop_quality_rule(n) FROM unnest('{no_customer,dropped,sleeps,stubborn,cancels}'::text[]) n$$, 'dropped');
SELECT cmp_ok((SELECT count(*) FROM scout_internal.quality_results WHERE rule = 'sleeps'), '>', 0::bigint, 'their results stay');
SELECT lives_ok($$SELECT scout.add_quality_rule('trend', relation => 'shop.sales', predicate => 'amount <= 10', error_if => '> 50%')$$, 'a rule of 10 %');
CREATE FUNCTION pg_temp.past(hours_ago numeric, share numeric, length numeric DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    INSERT INTO scout_internal.quality_results (run_id, rule, category, severity, relation, status, failures, scanned, percentage, warn_if, error_if,
        hours, window_start, window_end, duration_ms, rules_in_scan, run_by, runs_compared)
    SELECT 0, 'trend', 'custom', 'error', 'shop.sales', 'pass', share, 100, share, 'never', '> 50%', length,
        now() - (hours_ago + length) * interval '1 hour', now() - hours_ago * interval '1 hour', 1, 1, 'x', 0 $$;
UPDATE scout_internal.quality_rule_records SET created_at = now() - interval '1 year' WHERE name = 'trend';
SELECT pg_temp.past(n, 4 + n % 2) FROM generate_series(2, 7) n;
SELECT pg_temp.past(0.5, 90), pg_temp.past(5, 90, 24), pg_temp.past(10000, 90);
SELECT is((SELECT concat_ws('|', status, failures, anomalous::text) FROM scout.run_quality_rules(names => '{trend}')), 'pass|10', 'six periods say nothing: overlapping ones, another length and before the rule do not count');
SELECT pg_temp.past(9, 5);
SELECT is((SELECT concat_ws('|', status, failures, anomalous) FROM scout.run_quality_rules(names => '{trend}')), 'pass|10|t', 'seven do: 10 % passes and is anomalous');
SELECT results_eq($$SELECT status, percentage, mean, deviation, runs_compared, anomalous FROM scout.quality_history('trend', 1)$$,
                  $$VALUES ('pass', 10.0000, 4.5714, 0.5345, 7, true)$$, 'the history says against what');
SELECT pg_temp.past(11, 16);
SELECT is((SELECT anomalous FROM scout.run_quality_rules(names => '{trend}')), false, 'within three deviations it is not');
SELECT is((SELECT count(*) FROM scout.quality_history('trend', 2)), 2::bigint, 'as many as asked for');

-- Retention, and the timeline.
SELECT set_config('scout_ir.history_retention', '1d', true);
SELECT lives_ok($$SELECT scout.run_quality_rules(names => '{trend}')$$, 'a run');
SELECT is((SELECT count(*) FROM scout_internal.quality_results WHERE window_end < now() - interval '1 day'), 0::bigint, 'forgets results beyond the retention');
SELECT is((SELECT outcome || counts::text FROM scout.timeline WHERE action = 'run_quality_rules' ORDER BY entry_id DESC LIMIT 1),
          'pass{"pass": 1, "warn": 0, "error": 0, "runtime error": 0}', 'the timeline has the run');
SELECT is((SELECT string_agg(action, ',' ORDER BY action) FROM (SELECT DISTINCT action FROM scout.timeline WHERE action LIKE '%quality_rule') x),
          'add_quality_rule,drop_quality_rule,set_quality_rule', 'and the changes');
SELECT * FROM finish();
ROLLBACK;
