CREATE FUNCTION scout_internal.require_pipeline() RETURNS void
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'scout_require_pipeline';
COMMENT ON FUNCTION scout_internal.require_pipeline() IS
'Raises one clear error, with the call that mends it, unless the pipeline of this schema version is there.';
CREATE FUNCTION scout_internal.hours_ago(hours numeric) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF hours IS NULL OR hours < 0 OR hours > 87600 THEN  -- NaN and infinity are greater
        RAISE EXCEPTION 'invalid number of hours: %', coalesce(hours::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give a number from 0 to 87600 (ten years), such as hours => 24.';
    END IF;
    RETURN statement_timestamp() - hours::float8 * interval '1 hour';
END
$$;
COMMENT ON FUNCTION scout_internal.hours_ago(numeric) IS
'Start of the window of a report over the last hours; refuses NULL, negative numbers and more than ten years.';
