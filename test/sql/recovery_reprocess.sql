-- Reprocess restores silver exactly, however it was damaged; again, it changes nothing.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
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
