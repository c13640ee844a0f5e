-- Where the pipeline's tables lie: not where the caller's session would put new tables, for they are made with other rights.
\set QUIET on
SET client_min_messages = warning;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE layout_secret LOCATION '';
BEGIN;
SELECT plan(4);
CREATE ROLE layout_space_owner;
CREATE ACCESS METHOD layout_heap TYPE TABLE HANDLER heap_tableam_handler;
SELECT scout.grant_access('admin', 'layout_space_owner') \g /dev/null
SET LOCAL ROLE layout_space_owner;
SET LOCAL default_tablespace = layout_secret;
SET LOCAL default_table_access_method = layout_heap;
SELECT cmp_ok((SELECT count(*) FROM scout.create_pipeline()), '>', 20::bigint, 'a pipeline for a role that may not use its default tablespace');
SELECT is(current_setting('default_tablespace'), 'layout_secret', 'the setting stays the session''s');
RESET ROLE;
SELECT is((SELECT count(*) FROM pg_class c WHERE c.reltablespace <> 0 AND c.relnamespace = 'scout'::regnamespace), 0::bigint, 'nothing lies there');
SELECT is((SELECT count(*) FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE m.amname = 'layout_heap'), 0::bigint, 'nor has another access method');
SELECT * FROM finish();
ROLLBACK;
DROP TABLESPACE layout_secret;
