-- create_pipeline() on tables that lack something: it is named, and nothing is changed.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
ALTER TABLE scout.dim_store RENAME COLUMN region TO area;
ALTER TABLE scout.silver_line_items FORCE ROW LEVEL SECURITY;
SET ROLE regress_scout_owner;
SELECT count(*) FROM scout.create_pipeline();
RESET ROLE;
ALTER TABLE scout.dim_store RENAME COLUMN area TO region;
ALTER TABLE scout.silver_line_items NO FORCE ROW LEVEL SECURITY;
