-- The window of a reprocess: by receipt or by the time of the sale, half-open; bad input.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/ten_events.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
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
