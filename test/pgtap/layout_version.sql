-- The pipeline carries the version of its layout: a library that does not fit says so, and how to mend it.
BEGIN;
SELECT plan(5);
\ir ../lib/pipeline.sql
SELECT lives_ok('SELECT scout.load_silver_from_bronze()', 'and works');

COMMENT ON TABLE scout.bronze_pending IS 'scout_ir pipeline schema 99: from the future';
SELECT throws_ok('SELECT scout.load_silver_from_bronze()', '55000',
                 'the pipeline has schema version 99, this scout_ir knows 1', 'a newer layout is refused');
COMMENT ON TABLE scout.bronze_pending IS NULL;
SELECT throws_ok('SELECT scout.load_silver_from_bronze()', '55000',
                 'the pipeline was not made by this scout_ir, or not to its end', 'a layout without version is refused');
SET ROLE pgtap_owner;
SELECT lives_ok('SELECT scout.create_pipeline()', 'create_pipeline() mends it');
RESET ROLE;
SELECT lives_ok('SELECT scout.load_silver_from_bronze()', 'and loading goes on');
SELECT * FROM finish();
ROLLBACK;
