-- The one place where the SQL tests make a pipeline: the extension, and a pipeline that an ordinary role owns.
-- No output; afterwards the session is the one that it logged in as. The role is :owner, or pgtap_owner.
SELECT pg_catalog.current_setting('client_min_messages') AS messages \gset
SET client_min_messages = error;
\if :{?owner}
\else
    \set owner pgtap_owner
\endif
RESET ROLE;
SELECT pg_catalog.format('CREATE ROLE %I LOGIN', :'owner') WHERE pg_catalog.to_regrole(:'owner') IS NULL \gexec
CREATE EXTENSION IF NOT EXISTS scout_ir;
SELECT count(*) FROM scout.create_pipeline(:'owner') \g /dev/null
SET client_min_messages = :'messages';
