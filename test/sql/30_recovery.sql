-- Recovery: quarantine, redrive, resolve, purge, backlog, reprocess; who may; what the timeline keeps.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set reset :abs_srcdir /sql/include/reset.sql
\i :reset
\set VERBOSITY default
\set SHOW_CONTEXT never
\set ECHO all
CREATE FUNCTION pg_temp.load(OUT events bigint, OUT created bigint, OUT dead bigint, OUT backlog bigint) LANGUAGE sql AS $$
SELECT events_processed, transactions_created, events_dead_lettered, backlog FROM scout.load_silver_from_bronze()
$$;
SET ROLE regress_scout_operator;
-- Ten events, one a minute, in two sources; 3 and 4 are one transaction, 5 is not valid.
INSERT INTO scout.bronze_events (event_id, source_system, ingested_at, event_data)
SELECT n, CASE WHEN n % 2 = 0 THEN 'web' ELSE 'pos' END, '2025-08-24 06:00Z'::timestamptz + n * interval '1 minute',
       pg_temp.ev('T' || (CASE n WHEN 4 THEN 3 ELSE n END), jsonb_build_object('customer_id', 'C' || n) || (CASE n WHEN 5 THEN '{"total_amount": -1}' ELSE '{}' END)::jsonb)
FROM generate_series(1, 10) n;
SELECT * FROM pg_temp.load();
SELECT * FROM pg_temp.balance();

-- Quarantine a window: half-open, one source, dry run first.
SELECT * FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect', dry_run => true);
SELECT * FROM pg_temp.balance();
SELECT * FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect');
-- Event 4 took the place of event 3.
SELECT transaction_id, source_event_id, customer_id FROM scout.silver_transactions ORDER BY source_event_id;
SELECT event_id, error_code, last_error_code, error_message, error_details, status, attempts FROM scout.bronze_events_dlq ORDER BY event_id;
SELECT * FROM pg_temp.balance();
SELECT * FROM scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', 'suspect');
SELECT * FROM scout.quarantine_window('2025-08-24 06:06Z', '2025-08-24 06:09Z', 'one source', source_system => 'web');
SELECT * FROM scout.quarantine_window('2020-01-01Z', '2020-01-02Z', 'nothing there');
SELECT * FROM pg_temp.balance();
SELECT scout.quarantine_window('2025-08-24 06:04Z', '2025-08-24 06:01Z', 'x');
SELECT scout.quarantine_window('2025-08-24 06:04Z', '2025-08-24 06:04Z', 'x');
SELECT scout.quarantine_window(NULL, '2025-08-24 06:04Z', 'x');
SELECT scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', ' ');
SELECT scout.quarantine_window('2025-08-24 06:01Z', '2025-08-24 06:04Z', NULL);

-- Chosen events; 1 is quarantined already and 99 does not exist.
SELECT * FROM scout.quarantine_events('{10, 1, 99, 10}', 'by hand', dry_run => true);
SELECT * FROM scout.quarantine_events('{10, 1, 99, 10}', 'by hand');
SELECT scout.quarantine_events(NULL, 'x');
SELECT scout.quarantine_events('{1}', '');
SELECT * FROM scout.quarantine_events('{}', 'none');

-- What breaks a rule in silver.
SET ROLE regress_scout_owner;
UPDATE scout.silver_transactions SET total_amount = -3 WHERE transaction_id = 'T7';
SET ROLE regress_scout_operator;
SELECT events_quarantined, transactions_removed, line_items_removed, dry_run FROM scout.quarantine_failures('negative_total', dry_run => true);
SELECT events_quarantined, transactions_removed, line_items_removed, dry_run FROM scout.quarantine_failures('negative_total');
SELECT scout.quarantine_failures('NO_SUCH');
SELECT scout.quarantine_failures(NULL);
SELECT scout.quarantine_failures('NEGATIVE_TOTAL', hours => -1);
SELECT scout.quarantine_failures('NEGATIVE_TOTAL', hours => 'NaN');
SELECT * FROM pg_temp.balance();

-- Redrive: limited, dry, by source, failing again.
SELECT * FROM scout.dlq_redrive(dry_run => true);
SELECT * FROM scout.dlq_redrive(max_events => 2);
SELECT event_id, status, attempts, last_error_code, resolution FROM scout.bronze_events_dlq ORDER BY dlq_id;
SELECT * FROM scout.dlq_redrive('quarantine', source_system => 'web');
SELECT * FROM scout.dlq_redrive();
SELECT event_id, status, error_code, attempts, last_error_code, resolution FROM scout.bronze_events_dlq ORDER BY event_id;
SELECT * FROM scout.dlq_redrive(event_ids => '{5}');
SELECT event_id, status, attempts, last_retry_at > failed_at AS retried FROM scout.bronze_events_dlq WHERE event_id = 5;
SELECT transaction_id, source_event_id FROM scout.silver_transactions ORDER BY source_event_id;
SELECT * FROM pg_temp.balance();
SELECT scout.dlq_redrive(max_events => 0);
SELECT scout.dlq_redrive(failed_after => '2025-01-02Z', failed_before => '2025-01-01Z');
-- What a correction makes valid is loaded by the next redrive.
SET ROLE regress_scout_owner;
UPDATE scout.bronze_events SET event_data = event_data || '{"total_amount": 30}' WHERE event_id = 5;
SET ROLE regress_scout_operator;
SELECT * FROM scout.dlq_redrive('NEGATIVE_TOTAL');
SELECT * FROM pg_temp.balance();

-- A quarantined winner, the next in its place, and back.
SELECT events_quarantined, transactions_removed FROM scout.quarantine_events('{3}', 'twice');
SELECT source_event_id FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT events_quarantined, transactions_removed FROM scout.quarantine_events('{4}', 'twice');
SELECT count(*) AS t3 FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT * FROM scout.dlq_redrive(event_ids => '{4}');
SELECT * FROM scout.dlq_redrive(event_ids => '{3}');
SELECT source_event_id FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT event_id, status, last_error_code, attempts FROM scout.bronze_events_dlq WHERE event_id IN (3, 4) ORDER BY 1;
SELECT * FROM pg_temp.balance();

-- Winner and waiting duplicate together: what was asked to be quarantined is not promoted.
SET client_min_messages = warning;
SELECT transactions_removed FROM scout.quarantine_events('{3, 4}', 'both');
RESET client_min_messages;
SELECT source_event_id AS t3 FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT events_loaded FROM scout.dlq_redrive(event_ids => '{3}');
SELECT events_loaded FROM scout.dlq_redrive(event_ids => '{4}');
SELECT source_event_id AS t3 FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT * FROM pg_temp.balance();

-- Resolve: only with a filter and a reason.
SELECT scout.dlq_resolve('why');
SELECT scout.dlq_resolve(NULL, error_code => 'X');
SELECT * FROM scout.dlq_resolve('late copy', error_code => 'duplicate_transaction', dry_run => true);
SELECT * FROM scout.dlq_resolve('late copy', error_code => 'duplicate_transaction');
SELECT event_id, status, resolution, resolved_by FROM scout.bronze_events_dlq WHERE event_id = 4;
SELECT * FROM scout.dlq_redrive(event_ids => '{4}');
SELECT * FROM pg_temp.balance();
-- A discarded event is no candidate for promotion.
SELECT events_quarantined FROM scout.quarantine_events('{3}', 'again');
SELECT count(*) AS t3 FROM scout.silver_transactions WHERE transaction_id = 'T3';
SELECT * FROM scout.dlq_redrive(event_ids => '{3}');

-- Purge: closed letters only, and never one that alone accounts for an event.
SELECT * FROM scout.dlq_purge();
SELECT * FROM scout.dlq_purge('0 seconds', dry_run => true);
SELECT * FROM scout.dlq_purge('0 seconds');
SELECT event_id, status FROM scout.bronze_events_dlq ORDER BY 1;
SELECT scout.dlq_purge('-1 day');
SELECT scout.dlq_purge(NULL);
SELECT * FROM pg_temp.balance();

-- Clear the backlog: dead-lettered, not deleted, and back by redrive.
INSERT INTO scout.bronze_events (event_id, source_system, ingested_at, event_data) VALUES
 (21, 'pos', '2025-08-24 07:00Z', pg_temp.ev('K1')), (22, 'web', '2025-08-24 07:00Z', pg_temp.ev('K2')), (23, 'web', now(), pg_temp.ev('K3'));
SET ROLE regress_scout_owner;
INSERT INTO scout.bronze_ingestion_batches (source_system, payload, created_at) VALUES ('old', '{"n": 1}', '2025-08-24 07:00Z');
SET ROLE regress_scout_operator;
SELECT * FROM scout.clear_backlog(dry_run => true);
SELECT * FROM scout.clear_backlog(source_system => 'pos');
SELECT * FROM scout.clear_backlog();
SELECT * FROM scout.clear_backlog();
SELECT event_id, error_code, source_system, status FROM scout.bronze_events_dlq WHERE status = 'open' ORDER BY 1 NULLS LAST;
SELECT status FROM scout.bronze_ingestion_batches;
SELECT * FROM pg_temp.balance();
SELECT * FROM scout.dlq_redrive('backlog_cleared', source_system => 'web');
SELECT * FROM scout.dlq_redrive('backlog_cleared', source_system => 'pos');
SELECT * FROM pg_temp.load();
SELECT * FROM pg_temp.balance();
SELECT scout.clear_backlog(NULL);
SELECT scout.clear_backlog('-1 hour');
SELECT * FROM scout.dlq_resolve('not an event', error_code => 'BACKLOG_CLEARED');

-- Reprocess restores silver exactly, however it was damaged.
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.silver();
SET ROLE regress_scout_owner;
INSERT INTO scout.dim_product (product_key, product_id) VALUES (7, 'P1');
UPDATE scout.silver_line_items SET product_key = 99 WHERE transaction_id = 'T1' AND line_sequence = 1;
DELETE FROM scout.silver_line_items WHERE transaction_id = 'T1' AND line_sequence = 2;
INSERT INTO scout.silver_line_items VALUES ('T2', 3, 'P3', NULL, NULL, NULL, 1, 1, 1, 0, NULL, now(), 'S1');
UPDATE scout.silver_line_items SET quantity = 17, store_id = 'S9' WHERE transaction_id = 'T3';
UPDATE scout.silver_transactions SET total_amount = 1, customer_id = NULL WHERE transaction_id = 'T6';
DELETE FROM scout.silver_transactions WHERE transaction_id = 'T7';
DELETE FROM scout.silver_transactions WHERE transaction_id = 'T8';
DELETE FROM scout.silver_line_items WHERE transaction_id = 'T8';
UPDATE scout.silver_transactions SET transaction_id = 'moved' WHERE transaction_id = 'T9';
SET ROLE regress_scout_operator;
SELECT * FROM pg_temp.balance();
SELECT events_reprocessed, transactions_created, line_items_created, transactions_updated, transactions_removed, events_dead_lettered, dead_letters_resolved, job_id, status
FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z', 3, dry_run => true);
SELECT count(*) AS damage_remains FROM ((TABLE pg_temp.before EXCEPT SELECT * FROM pg_temp.silver()) UNION ALL (SELECT * FROM pg_temp.silver() EXCEPT TABLE pg_temp.before)) x;
SELECT events_reprocessed, transactions_created, line_items_created, transactions_updated, transactions_removed, events_dead_lettered, dead_letters_resolved, job_id, status
FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z', 3);
(TABLE pg_temp.before EXCEPT SELECT * FROM pg_temp.silver()) UNION ALL (SELECT * FROM pg_temp.silver() EXCEPT TABLE pg_temp.before);
SELECT DISTINCT product_key FROM scout.silver_line_items WHERE product_id = 'P1' AND transaction_id IN ('T1', 'T2') ORDER BY 1;
SELECT * FROM pg_temp.balance();
-- Again: nothing changes but processed_at.
CREATE TEMP TABLE stamps AS SELECT transaction_id, processed_at, updated_at FROM scout.silver_transactions;
SELECT events_reprocessed, transactions_created, line_items_created, transactions_updated, transactions_removed, status
FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 06:03Z');
SELECT s.transaction_id, s.processed_at > b.processed_at AS newly_processed, s.updated_at > b.updated_at AS changed
FROM scout.silver_transactions s JOIN pg_temp.stamps b USING (transaction_id) WHERE s.transaction_id IN ('T1', 'T2', 'T3') ORDER BY 1;
-- By the time of the sale; the end is not part of the window.
SELECT events_reprocessed FROM scout.reprocess_bronze_window('2025-08-24 06:05Z', '2025-08-24 06:05:01Z', window_on => 'event_ts');
SELECT events_reprocessed FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 06:05Z', window_on => 'event_ts');
\set VERBOSITY sqlstate
SELECT events_reprocessed, status FROM scout.reprocess_bronze_window('2999-01-01Z', '2999-01-02Z');
\set VERBOSITY default
SELECT scout.reprocess_bronze_window('2025-08-24 07:00Z', '2025-08-24 06:00Z');
SELECT scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 06:00Z');
SELECT scout.reprocess_bronze_window(NULL, '2025-08-24 06:00Z');
SELECT scout.reprocess_bronze_window('2025-08-24 06:00Z', NULL);
SELECT scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z', 0);
SELECT scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z', window_on => 'ts');
\set VERBOSITY sqlstate
SELECT scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z', dry_run => NULL);
SELECT scout.quarantine_events('{}', 'x', dry_run => NULL);
\set VERBOSITY default

-- Reprocess after the rules changed: what now fails goes, what now passes comes; quarantine stays.
DO $$ BEGIN PERFORM scout.quarantine_events('{6}', 'stays'); END $$;
SET ROLE regress_scout_owner;
SELECT * FROM scout.set_rule('AMOUNT_ABOVE_LIMIT', severity => 'critical', threshold => 29);
SET ROLE regress_scout_operator;
SELECT events_reprocessed, transactions_created, transactions_updated, transactions_removed, events_dead_lettered, dead_letters_resolved FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z');
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_owner;
SELECT * FROM scout.set_rule('AMOUNT_ABOVE_LIMIT');
SET ROLE regress_scout_operator;
SELECT events_reprocessed, transactions_created, transactions_updated, transactions_removed, events_dead_lettered, dead_letters_resolved FROM scout.reprocess_bronze_window('2025-08-24 06:00Z', '2025-08-24 07:00Z');
SELECT event_id, status, last_error_code, attempts FROM scout.bronze_events_dlq WHERE event_id <= 10 AND event_id <> 4 ORDER BY 1;
SELECT * FROM pg_temp.balance();

-- A reprocess whose write fails leaves the event in one state.
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions ADD CONSTRAINT no_c1 CHECK (customer_id <> 'C1') NOT VALID;
SET ROLE regress_scout_operator;
SELECT events_reprocessed, events_dead_lettered FROM scout.reprocess_bronze_window('2025-08-24 06:01Z', '2025-08-24 06:02Z');
SELECT event_id, status, last_error_code FROM scout.bronze_events_dlq WHERE event_id = 1;
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions DROP CONSTRAINT no_c1;
SET ROLE regress_scout_operator;
SELECT * FROM scout.dlq_redrive('WRITE_FAILED');
SELECT * FROM pg_temp.balance();

-- While paused, recovery runs and loading does not.
DO $$ BEGIN PERFORM scout.control_ingestion('pause', 'drill'); END $$;
\set VERBOSITY terse
SELECT events_reprocessed FROM scout.reprocess_bronze_window('2025-08-24 06:01Z', '2025-08-24 06:02Z');
\set VERBOSITY default
DO $$ BEGIN PERFORM scout.control_ingestion('resume'); END $$;

-- Dead letters and events deleted by hand come back under their own ids.
SET ROLE regress_scout_owner;
DO $$ BEGIN PERFORM scout.quarantine_events('{9}', 'then deleted'); END $$;
DELETE FROM scout.bronze_events WHERE event_id = 9;
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_operator;
SELECT * FROM scout.dlq_redrive(event_ids => '{9}');
SELECT source_event_id FROM scout.silver_transactions WHERE transaction_id = 'T9';
SELECT * FROM pg_temp.balance();

-- Who may.
\set VERBOSITY sqlstate
SET ROLE regress_scout_reader;
SELECT action FROM scout.control_ingestion('status');
SELECT scout.control_ingestion('pause');
SELECT scout.control_ingestion('resume');
SELECT scout.load_silver_from_bronze();
SELECT scout.quarantine_window('2025-01-01Z', '2025-01-02Z', 'x');
SELECT scout.quarantine_events('{1}', 'x');
SELECT scout.quarantine_failures('NEGATIVE_TOTAL');
SELECT scout.dlq_redrive();
SELECT scout.dlq_resolve('x', error_code => 'x');
SELECT scout.dlq_purge();
SELECT scout.clear_backlog();
SELECT scout.reprocess_bronze_window('2025-01-01Z', '2025-01-02Z');
SELECT scout.refresh_gold_platinum();
SELECT scout.ingest_event('{}');
SELECT scout.set_rule('EMPTY_ITEMS');
INSERT INTO scout.bronze_events (event_data) VALUES ('{}');
DELETE FROM scout_internal.timeline;
SELECT count(*) > 0 AS reads FROM scout.timeline;
SELECT count(*) AS reports FROM scout.reconcile();
SELECT count(*) FROM scout.v_ingest_freshness;
SET ROLE regress_scout_operator;
SELECT scout.create_pipeline();
SELECT scout.grant_access('admin', 'regress_scout_operator');
SELECT scout.set_rule('EMPTY_ITEMS');
DELETE FROM scout.silver_transactions;
SET ROLE regress_scout_none;
SELECT scout.control_ingestion('status');
SELECT * FROM scout.ingestion_status();
SELECT * FROM scout.reconcile();
SELECT * FROM scout.v_ingest_freshness;
SELECT scout.event_hash('{}');
RESET ROLE;
\set VERBOSITY default

-- Reports write nothing.
BEGIN READ ONLY;
SET LOCAL ROLE regress_scout_reader;
SELECT count(*) FROM scout.reconcile();
SELECT count(*) FROM scout.v_ingest_freshness;
SELECT count(*) FROM scout.ingestion_status();
SELECT count(*) > 0 FROM scout.data_quality_report(1);
SELECT count(*) > 0 FROM scout.dlq_summary();
SELECT count(*) FROM scout.v_gold_freshness;
COMMIT;

-- The timeline: actor, arguments, outcome, counts; an action rolled back leaves nothing.
SELECT count(*) AS entries FROM scout.timeline \gset
BEGIN;
SELECT events_quarantined FROM scout.quarantine_events('{1}', 'rolled back');
ROLLBACK;
SELECT count(*) - :entries AS new_entries FROM scout.timeline;
SELECT action, acting_role, outcome, count(*) FROM scout.timeline GROUP BY action, acting_role, outcome ORDER BY action COLLATE "C", acting_role, outcome COLLATE "C";
SELECT arguments, counts FROM scout.timeline WHERE action = 'quarantine_window' ORDER BY entry_id LIMIT 2;
SELECT arguments - 'expires_at', counts FROM scout.timeline WHERE action = 'control_ingestion' ORDER BY entry_id;
SELECT arguments, counts FROM scout.timeline WHERE action = 'reprocess_bronze_window' ORDER BY entry_id LIMIT 1;
SELECT * FROM pg_temp.balance();
