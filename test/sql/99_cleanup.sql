-- Roles belong to the cluster: leave none behind.
SET client_min_messages = warning;
DROP EXTENSION scout_ir CASCADE;
DROP SCHEMA scout CASCADE;
DROP ROLE regress_scout_owner, regress_scout_operator, regress_scout_reader, regress_scout_none;
