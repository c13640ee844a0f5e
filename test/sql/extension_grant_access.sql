-- A tier of a role on the pipeline: granted, revoked, and what is left then.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SELECT tier, relations_granted > 0 AS relations FROM scout.grant_access('reader', 'regress_scout_reader');
SELECT tier, relations_granted > 0 AS relations FROM scout.grant_access('operator', 'regress_scout_operator');
SELECT tier, relations_revoked > 0 AS relations FROM scout.revoke_access('operator', 'regress_scout_operator');
SET ROLE regress_scout_operator;
SELECT scout.load_silver_from_bronze(1);
SELECT count(*) FROM scout.reconcile();
RESET ROLE;
