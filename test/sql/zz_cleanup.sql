-- The last by its name: roles belong to the cluster, leave none behind.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS scout_ir CASCADE;
DROP SCHEMA IF EXISTS scout, scout_internal CASCADE;
DROP ROLE IF EXISTS regress_scout_owner, regress_scout_operator, regress_scout_reader, regress_scout_none;
