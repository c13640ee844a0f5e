-- dlq_resolve(): only with a filter and a reason; a discarded event stays out.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
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
