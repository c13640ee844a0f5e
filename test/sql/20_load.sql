-- Loading: happy path, dead letters, winner, pause, poison events, rules.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set reset :abs_srcdir /sql/include/reset.sql
\i :reset
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ECHO all
CREATE FUNCTION pg_temp.load(size int DEFAULT 2000, force boolean DEFAULT false,
    OUT events bigint, OUT created bigint, OUT lines bigint, OUT updated bigint, OUT dead bigint, OUT backlog bigint) LANGUAGE sql AS $$
SELECT events_processed, transactions_created, line_items_created, transactions_updated, events_dead_lettered, backlog
FROM scout.load_silver_from_bronze(size, force)
$$;
SET ROLE regress_scout_operator;

-- Nothing to do, wrong sizes.
SELECT * FROM pg_temp.load();
SELECT scout.load_silver_from_bronze(0);
SELECT scout.load_silver_from_bronze(-1);
SELECT scout.load_silver_from_bronze(NULL);
\set VERBOSITY sqlstate
SELECT scout.load_silver_from_bronze(1, NULL);
\set VERBOSITY default

-- Two events, one at a time. The second leaves out what is optional.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (1, pg_temp.ev('A1', '{"transaction_id": " A1 ", "total_amount": "30.00"}')),
(2, '{"transaction_id": 77, "store_id": "S2", "ts": "2025-08-24T23:30:00-01:00", "total_amount": 1.5,
      "items": [{"product_id": "P1", "qty": "1.5", "unit_price": 1}]}');
SELECT * FROM pg_temp.load(1);
SELECT * FROM pg_temp.load(1);
SELECT * FROM pg_temp.load(1);
SELECT * FROM pg_temp.silver();
SELECT * FROM pg_temp.balance();

-- Dead letters: code, path, value; the good event between them is loaded.
INSERT INTO scout.bronze_events (event_id, event_data, event_type)
SELECT 100 + row_number() OVER (), e, t FROM (VALUES
    (pg_temp.ev('D01') - 'transaction_id', 'transaction.v1'), (pg_temp.ev('D02', '{"transaction_id": "  "}'), 'transaction.v1'),
    (pg_temp.ev('D03') - 'store_id', 'transaction.v1'), (pg_temp.ev('D04') - 'ts', 'transaction.v1'),
    (pg_temp.ev('D05', '{"total_amount": null}'), 'transaction.v1'), (pg_temp.ev('D06') - 'items', 'transaction.v1'),
    (pg_temp.ev('D07', '{"items": {"product_id": "P1"}}'), 'transaction.v1'), (pg_temp.ev('D08', '{"items": []}'), 'transaction.v1'),
    (pg_temp.ev('D09', '{"total_amount": "thirty"}'), 'transaction.v1'), (pg_temp.ev('D10', '{"total_amount": "NaN"}'), 'transaction.v1'),
    (pg_temp.ev('D11', '{"total_amount": 1e400}'), 'transaction.v1'),
    (pg_temp.ev('D12', '{"total_amount": 1234567890123456789012345678901234567890}'), 'transaction.v1'),
    (pg_temp.ev('D13', '{"total_amount": -1}'), 'transaction.v1'), (pg_temp.ev('D14', '{"ts": "now"}'), 'transaction.v1'),
    (pg_temp.ev('D15', '{"ts": "2025-02-30T10:00:00Z"}'), 'transaction.v1'), (pg_temp.ev('D16', '{"ts": 1724479500}'), 'transaction.v1'),
    (pg_temp.ev('D17', '{"items": [{"product_id": "P1", "qty": -2, "unit_price": 15, "line_amount": 30}]}'), 'transaction.v1'),
    (pg_temp.ev('D18', '{"items": [{"product_id": "P1", "qty": 1, "unit_price": -1, "line_amount": 30}]}'), 'transaction.v1'),
    (pg_temp.ev('D19', '{"items": [{"product_id": "P1", "qty": 1, "unit_price": 30}, {"qty": 1, "unit_price": 0}]}'), 'transaction.v1'),
    (pg_temp.ev('D20', '{"items": [7]}'), 'transaction.v1'), (pg_temp.ev('D21', '{"total_amount": 40}'), 'transaction.v1'),
    (pg_temp.ev('D22'), 'refund.v1'), ('[1]', 'transaction.v1'), (pg_temp.ev('D24', '{"total_amount": true}'), 'transaction.v1'),
    (pg_temp.ev('D25', '{"customer_id": {}}'), 'transaction.v1'), (pg_temp.ev('D26', '{"payment_method": 1}'), 'transaction.v1'),
    (pg_temp.ev('D27', '{"net_amount": "x"}'), 'transaction.v1'),
    (pg_temp.ev('D28', jsonb_build_object('transaction_id', repeat('x', 257))), 'transaction.v1'),
    (pg_temp.ev('G01'), 'transaction.v1'), (pg_temp.ev('D30', '{"total_amount": "Infinity"}'), 'transaction.v1'),
    (pg_temp.ev('D31', '{"total_amount": ""}'), 'transaction.v1')) v(e, t);
SELECT * FROM pg_temp.load();
SELECT event_id, error_code, error_details ->> 'path' AS path, left(error_details ->> 'value', 40) AS value, error_message, left(transaction_id, 5) AS tx, attempts, status
FROM scout.bronze_events_dlq ORDER BY event_id;
SELECT source_event_id FROM scout.silver_transactions WHERE source_event_id >= 100 ORDER BY 1;
SELECT * FROM pg_temp.balance();
SELECT alert_type, severity, count(*) FROM scout.v_quality_alerts GROUP BY alert_type, severity ORDER BY alert_type COLLATE "C";
SELECT error_code, status, letters, attempts_max, unlinked FROM scout.dlq_summary() ORDER BY error_code COLLATE "C";

-- Zones: without one, UTC, whatever the session says.
SET timezone = 'Asia/Manila';
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (201, pg_temp.ev('Z1', '{"ts": "2025-08-24T14:05:00"}')),
 (202, pg_temp.ev('Z2', '{"ts": "2025-08-24 14:05:00.123456Z"}')), (203, pg_temp.ev('Z3', '{"ts": "2025-08-25T01:00:00+08:00"}'));
SELECT * FROM pg_temp.load();
SELECT transaction_id, ts AT TIME ZONE 'UTC' AS utc, date_key FROM scout.silver_transactions WHERE transaction_id LIKE 'Z%' ORDER BY 1;
SELECT event_id, event_ts AT TIME ZONE 'UTC' AS utc FROM scout.bronze_events WHERE event_id > 200 ORDER BY 1;
SET timezone = 'UTC';

-- Big ones: a payload of 1 MB, 10,000 lines.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES
(301, pg_temp.ev('B1', jsonb_build_object('metadata', repeat('m', 1000000)))),
(302, pg_temp.ev('B2', jsonb_build_object('total_amount', 10000, 'items', (SELECT jsonb_agg(jsonb_build_object('product_id', 'P' || i % 7, 'qty', 1, 'unit_price', 1)) FROM generate_series(1, 10000) i))));
SELECT * FROM pg_temp.load();
SELECT transaction_id, item_count, unique_products, (SELECT count(*) FROM scout.silver_line_items l WHERE l.transaction_id = t.transaction_id) AS lines
FROM scout.silver_transactions t WHERE transaction_id LIKE 'B%' ORDER BY 1;

-- Warnings load. At the limit there is none.
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 400 + n, pg_temp.ev('W' || n, jsonb_build_object('total_amount', v, 'ts', ts, 'items', jsonb_build_array(jsonb_build_object('product_id', 'P1', 'qty', 1, 'unit_price', v))))
FROM (VALUES (1, 10000, '2025-08-24T00:00:00Z'), (2, 10000.0001, '2025-08-24T00:00:00Z'), (3, 1, '2999-01-01T00:00:00Z')) x(n, v, ts);
SELECT * FROM pg_temp.load();
SELECT event_id, code, path, message FROM scout.quality_warnings ORDER BY 1, 2;
SELECT alert_type, severity, transaction_id FROM scout.v_quality_alerts WHERE severity = 'warning' ORDER BY 1;

-- A quarantined event is in one alert, not in two.
SELECT events_quarantined FROM scout.quarantine_events('{402}', 'check');
SELECT alert_type, severity FROM scout.v_quality_alerts WHERE transaction_id = 'W2' ORDER BY 1;
SELECT events_loaded FROM scout.dlq_redrive(event_ids => '{402}');
SELECT alert_type, severity FROM scout.v_quality_alerts WHERE transaction_id = 'W2' ORDER BY 1;

-- Totals may differ by 1 percent or 0.50, not by more.
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 420 + n, pg_temp.ev('M' || n, jsonb_build_object('total_amount', t)) FROM (VALUES (1, 30.5), (2, 30.51), (3, 29.5), (4, 29.49)) x(n, t);
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT 430 + n, pg_temp.ev('M' || 10 + n, jsonb_build_object('total_amount', t, 'items', '[{"product_id": "P", "qty": 1, "unit_price": 990}]'::jsonb))
FROM (VALUES (1, 1000), (2, 1000.01), (3, 980.2), (4, 980.19)) x(n, t);
SELECT * FROM pg_temp.load();
SELECT event_id, error_code, error_details FROM scout.bronze_events_dlq WHERE event_id BETWEEN 420 AND 440 ORDER BY 1;

-- The winner is the lowest event id, in whichever order they are loaded.
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (502, pg_temp.ev('X1', '{"customer_id": "late"}')), (501, pg_temp.ev('X1', '{"customer_id": "early"}'));
SELECT * FROM pg_temp.load();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (504, pg_temp.ev('X2', '{"customer_id": "late", "items": [{"product_id": "P9", "qty": 3, "unit_price": 10}]}'));
SELECT * FROM pg_temp.load();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (503, pg_temp.ev('X2', '{"customer_id": "early"}'));
SELECT * FROM pg_temp.load();
INSERT INTO scout.bronze_events (event_id, event_data) VALUES (505, pg_temp.ev('X2', '{"customer_id": "last"}'));
SELECT * FROM pg_temp.load();
SELECT * FROM pg_temp.silver() WHERE content LIKE 'X%';
SELECT event_id, error_code, error_message, error_details, transaction_id, attempts FROM scout.bronze_events_dlq WHERE event_id BETWEEN 500 AND 510 ORDER BY 1;
SELECT * FROM pg_temp.balance();

-- Paused: a WARNING and nothing loaded, of all or of one source; force loads.
INSERT INTO scout.bronze_events (event_id, source_system, event_data) VALUES (601, 'pos', pg_temp.ev('Y1')), (602, 'web', pg_temp.ev('Y2'));
\set VERBOSITY sqlstate
SELECT action, ingestion_active, active_workers, source_system, reason, expires_at, backlog FROM scout.control_ingestion('pause', 'drill');
SELECT * FROM pg_temp.load();
SELECT action, ingestion_active, reason, backlog FROM scout.ingestion_status();
SELECT action, ingestion_active FROM scout.control_ingestion('pause', 'again');
SELECT action, ingestion_active, reason FROM scout.control_ingestion('resume');
SELECT action, ingestion_active FROM scout.control_ingestion('resume');
SELECT action, ingestion_active, source_system FROM scout.control_ingestion('pause', 'drill', 'pos');
SELECT * FROM pg_temp.load();
SELECT action, ingestion_active, backlog FROM scout.control_ingestion('status');
SELECT action, ingestion_active, backlog FROM scout.control_ingestion('status', source_system => 'pos');
SELECT action, ingestion_active, backlog FROM scout.control_ingestion('status', source_system => 'web');
SELECT * FROM pg_temp.load(force => true);
SELECT action, ingestion_active FROM scout.control_ingestion('resume', source_system => 'pos');
-- One holder's resume leaves the pause of another.
SELECT ingestion_active FROM scout.control_ingestion('pause', 'x', holder => 'oncall');
SELECT ingestion_active FROM scout.control_ingestion('resume', holder => 'dbt');
SELECT ingestion_active FROM scout.control_ingestion('resume', holder => 'dbt', all_holders => true);
SELECT ingestion_active FROM scout.control_ingestion('pause', 'x', expires_after => '0.2 s');
SELECT pg_sleep(0.3);
SELECT ingestion_active FROM scout.control_ingestion('status');
\set VERBOSITY default
SELECT scout.control_ingestion('stop');
SELECT scout.control_ingestion(NULL);
SELECT scout.control_ingestion('pause', drain_timeout => '-1 s');
SELECT scout.control_ingestion('pause', expires_after => '0 s');
SELECT scout.control_ingestion('pause', source_system => ' ');
SELECT * FROM pg_temp.balance();

-- Poison: a user's CHECK, a user's trigger; the rest of the batch is loaded.
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions ADD CONSTRAINT no_bob CHECK (customer_id <> 'bob');
CREATE FUNCTION scout.user_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.product_id = 'PX' THEN RAISE EXCEPTION 'product PX is recalled'; END IF; RETURN NEW; END $$;
CREATE TRIGGER user_check BEFORE INSERT ON scout.silver_line_items FOR EACH ROW EXECUTE FUNCTION scout.user_check();
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data) SELECT 700 + n, pg_temp.ev('Q' || n,
    (CASE n WHEN 4 THEN '{"customer_id": "bob"}' WHEN 7 THEN '{"items": [{"product_id": "PX", "qty": 1, "unit_price": 30}]}' ELSE '{}' END)::jsonb) FROM generate_series(1, 9) n;
SELECT * FROM pg_temp.load();
SELECT event_id, error_code, error_message, error_details - 'detail' AS details, transaction_id, attempts FROM scout.bronze_events_dlq WHERE event_id BETWEEN 700 AND 710 ORDER BY 1;
SELECT count(*) FROM scout.silver_transactions WHERE transaction_id LIKE 'Q%';
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions DROP CONSTRAINT no_bob;
DROP TRIGGER user_check ON scout.silver_line_items;
DROP FUNCTION scout.user_check();

-- Rules.
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
