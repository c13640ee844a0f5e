-- From when on data are late: the limits that every report, check and alert of this product judges by. "pipeline" is an
-- event's way into silver, and the pipeline as a whole; the others are the built-in datasets of a layer.
CREATE FUNCTION scout_internal.freshness_limits(layer text)
RETURNS TABLE (warn_after interval, error_after interval)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT v.warn_after, v.error_after
    FROM (VALUES ('pipeline', interval '5 minutes', interval '15 minutes'),
                 ('bronze', interval '5 minutes', interval '15 minutes'),
                 ('silver', interval '5 minutes', interval '15 minutes'),
                 ('gold', interval '10 minutes', interval '15 minutes')) v (layer, warn_after, error_after)
    WHERE v.layer OPERATOR(pg_catalog.=) freshness_limits.layer;
END;
COMMENT ON FUNCTION scout_internal.freshness_limits(text) IS
'How old data of pipeline, bronze, silver or gold may be before that is a warning, and an error.';
