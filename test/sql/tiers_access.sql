-- Who may: a reader, an operator, and a role that has nothing.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
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

-- Granted on a pipeline that is there, revoked, and what is left then.
SELECT tier, relations_granted > 0 AS relations FROM scout.grant_access('reader', 'regress_scout_reader');
SELECT tier, relations_granted > 0 AS relations FROM scout.grant_access('operator', 'regress_scout_operator');
SELECT tier, relations_revoked > 0 AS relations FROM scout.revoke_access('operator', 'regress_scout_operator');
SET ROLE regress_scout_operator;
SELECT scout.load_silver_from_bronze(1);
SELECT count(*) FROM scout.reconcile();
RESET ROLE;
