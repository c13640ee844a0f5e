-- Without a pipeline each call says what to do.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/roles.sql
\i :include
\set ECHO all
CREATE EXTENSION scout_ir;

SELECT scout.control_ingestion('pause');
SELECT scout.control_ingestion('status');
SELECT scout.ingestion_status();
SELECT scout.load_silver_from_bronze(10);
SELECT scout.quarantine_window('2025-01-01Z', '2025-01-02Z', 'why');
SELECT scout.quarantine_events('{1}', 'why');
SELECT scout.quarantine_failures('NEGATIVE_TOTAL');
SELECT scout.clear_backlog();
SELECT scout.dlq_redrive();
SELECT scout.dlq_resolve('why', error_code => 'X');
SELECT scout.dlq_purge();
SELECT scout.reprocess_bronze_window('2025-01-01Z', '2025-01-02Z');
SELECT scout.refresh_gold_platinum();
SELECT scout.ingest_event('{}');
SELECT scout.ingest_events('[]');
SELECT * FROM scout.reconcile();
SELECT * FROM scout.v_ingest_freshness;
SELECT * FROM scout.v_quality_alerts;
SELECT * FROM scout.v_gold_freshness;
SELECT * FROM scout.dlq_summary();
SELECT * FROM scout.data_quality_report(1);

-- Trigger functions are no ordinary functions.
SELECT scout_internal.bronze_intake();
SELECT scout_internal.bronze_deleted();
SELECT scout_internal.dead_letter_link();
