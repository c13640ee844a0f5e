-- A tier is told by its marker, and not by one of the functions that it is for.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\ir ../lib/pipeline.sql
BEGIN;
SELECT plan(7);
CREATE ROLE marker_operator;
CREATE ROLE marker_other;
SELECT is((SELECT tier FROM scout.grant_access('operator', 'marker_operator')), 'operator', 'an operator');
REVOKE EXECUTE ON FUNCTION scout.load_silver_from_bronze(int, boolean) FROM marker_operator;
GRANT USAGE ON SCHEMA scout TO marker_other;
GRANT EXECUTE ON FUNCTION scout.load_silver_from_bronze(int, boolean), scout.control_ingestion(text, text, text, interval, interval, text, boolean)
    TO marker_other;
SET ROLE marker_operator;
SELECT is((SELECT ingestion_active FROM scout.control_ingestion('pause', 'why')), false, 'is one without the function that loads');
RESET ROLE;
SET ROLE marker_other;
SELECT throws_ok($$SELECT * FROM scout.control_ingestion('resume')$$, '42501', 'permission denied for control_ingestion(''resume'')', 'who has that alone is none');
RESET ROLE;
SELECT ok(NOT has_function_privilege('marker_operator', 'scout_internal.admin_tier()', 'EXECUTE'), 'an operator is no admin');
SELECT is((SELECT tier FROM scout.grant_access('admin', 'marker_operator')), 'admin', 'made one');
SELECT ok(has_function_privilege('marker_operator', 'scout_internal.admin_tier()', 'EXECUTE'), 'he is');
SELECT scout.revoke_access('reader', 'marker_operator');
SELECT ok(NOT has_function_privilege('marker_operator', 'scout_internal.operator_tier()', 'EXECUTE'), 'and is nothing any more');
SELECT * FROM finish();
ROLLBACK;
