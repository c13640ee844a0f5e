-- Reports write nothing.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
BEGIN READ ONLY;
SET LOCAL ROLE regress_scout_reader;
SELECT count(*) FROM scout.reconcile();
SELECT count(*) FROM scout.v_ingest_freshness;
SELECT count(*) FROM scout.ingestion_status();
SELECT count(*) > 0 FROM scout.data_quality_report(1);
SELECT count(*) > 0 FROM scout.dlq_summary();
SELECT count(*) FROM scout.v_gold_freshness;
COMMIT;
