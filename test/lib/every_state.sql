-- A pipeline with events in each state, with each tier granted, and with rows in the tables of the extension.
-- For a superuser, in a database that has the extension and nothing else. Times are given, not taken.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT format('CREATE ROLE %I', r) FROM unnest('{state_owner,state_reader,state_operator,state_admin}'::text[]) r
WHERE to_regrole(r) IS NULL \gexec
\o /dev/null
SELECT scout.create_pipeline('state_owner');
SELECT scout.grant_access('reader', 'state_reader');
SELECT scout.grant_access('operator', 'state_operator');
SELECT scout.grant_access('admin', 'state_admin');
-- By hand, on what is the extension's and on what is not.
GRANT SELECT (entry_id, action) ON scout_internal.timeline TO state_reader WITH GRANT OPTION;
GRANT SELECT ON scout.dim_store TO state_reader WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION scout_internal.catalogue_version() TO state_reader;

INSERT INTO scout.bronze_events (event_id, event_data)
SELECT n, jsonb_build_object('transaction_id', 'T' || n, 'store_id', 'S1', 'ts', '2026-01-01T00:00:00Z',
    'total_amount', CASE WHEN n = 9 THEN -1 ELSE 5 END,
    'items', '[{"product_id": "p", "qty": 1, "unit_price": 5, "line_amount": 5}]'::jsonb)
FROM generate_series(1, 9) n;
SELECT scout.load_silver_from_bronze();
SELECT scout.quarantine_events(ARRAY[1, 2], 'looked odd');
SELECT scout.dlq_resolve('given up', dlq_ids => (SELECT array_agg(dlq_id) FROM scout.bronze_events_dlq WHERE event_id = 2));
DELETE FROM scout.bronze_events WHERE event_id = 3;
SELECT scout.refresh_gold_platinum();
SELECT scout.set_rule('AMOUNT_ABOVE_LIMIT', threshold => 25);
SELECT scout.protect_sessions('state_operator', 'payroll', 'pays people');
SELECT scout.register_gold('scout.gold_daily_metrics', '1 hour', '2 hours');
SELECT scout.check_alerts();
SELECT scout.silence(everything => true, duration => '1 day', reason => 'kept still');
SELECT scout.control_ingestion('pause', 'night', holder => 'ada');
INSERT INTO scout.bronze_events (event_id, event_data) VALUES
    (10, '{"transaction_id": "T10", "store_id": "S1", "ts": "2026-01-01T00:00:00Z", "total_amount": 5,
           "items": [{"product_id": "p", "qty": 1, "unit_price": 5, "line_amount": 5}]}');
\o
