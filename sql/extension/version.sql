-- The version of this catalogue, which the library compares with its own (src/extension/fit.hpp). Every update
-- script replaces it.
CREATE FUNCTION scout_internal.catalogue_version() RETURNS int
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS 'SELECT 1';
COMMENT ON FUNCTION scout_internal.catalogue_version() IS 'Which library this catalogue fits.';
