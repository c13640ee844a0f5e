-- Pauses of several holders, pauses that end by themselves, bad input.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_operator;
\set VERBOSITY sqlstate
-- One holder's resume leaves the pause of another.
SELECT ingestion_active FROM scout.control_ingestion('pause', 'x', holder => 'oncall');
SELECT ingestion_active FROM scout.control_ingestion('resume', holder => 'dbt');
SELECT ingestion_active FROM scout.control_ingestion('resume', holder => 'dbt', all_holders => true);

SELECT ingestion_active FROM scout.control_ingestion('pause', 'x', expires_after => '1 hour');
SELECT holder = session_user AS mine, expires_at - paused_at BETWEEN '59 minutes' AND '61 minutes' AS an_hour FROM scout.pipeline_pauses;
-- The clock is moved by moving the pause.
SET ROLE regress_scout_owner;
UPDATE scout.pipeline_pauses SET paused_at = paused_at - interval '1 hour', expires_at = expires_at - interval '1 hour';
SET ROLE regress_scout_operator;
SELECT ingestion_active FROM scout.control_ingestion('status');
\set VERBOSITY default

SELECT scout.control_ingestion('stop');
SELECT scout.control_ingestion(NULL);
SELECT scout.control_ingestion('pause', drain_timeout => '-1 s');
SELECT scout.control_ingestion('pause', expires_after => '0 s');
SELECT scout.control_ingestion('pause', source_system => ' ');
SELECT * FROM pg_temp.balance();
