-- Quarantine of chosen events, and of what breaks a rule in silver.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
SELECT * FROM scout.quarantine_events('{1}', 'before');

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
SELECT scout.quarantine_failures('NEGATIVE_TOTAL', hours => NULL);
SELECT * FROM pg_temp.balance();
