-- Freshness and volume of any relation. The looks are C++ (src/freshness), each with a timer of its own; what they
-- mean is judged here. compare_layers() is in 73.
--
-- A registration names its relation and does not hold its OID: a table that is swapped by renaming is
-- looked at under its name, and one that is dropped is a runtime error and no dangling number in a dump.

CREATE TABLE scout.registered_datasets (
    name             text PRIMARY KEY,
    layer            text NOT NULL,
    relation_schema  name NOT NULL,
    relation_name    name NOT NULL,
    loaded_at_column name,
    warn_after       interval NOT NULL CHECK (warn_after > '0'),
    error_after      interval NOT NULL CHECK (error_after >= warn_after),
    filter           text,
    source_column    name,
    expected_sources text[],
    empty_is         text NOT NULL CHECK (empty_is IN ('pass', 'warn', 'error')),
    open_from        time,
    open_until       time,
    weekdays         int[],
    time_zone        text NOT NULL,
    lookback         interval NOT NULL CHECK (lookback > '0'),
    registered_at    timestamptz NOT NULL,
    registered_by    text NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('scout.registered_datasets', '');
COMMENT ON TABLE scout.registered_datasets IS
'Datasets as register_dataset() was called; read them, with those of the pipeline, through the view datasets.';

-- The arguments of register_dataset() as one definition, or what is wrong with them.
CREATE FUNCTION scout.checked_dataset(
    layer text, relation regclass, loaded_at_column name, warn_after interval, error_after interval, filter text,
    source_column name, expected_sources text[], empty_is text, open_from time, open_until time, weekdays int[],
    time_zone text, lookback interval, name text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subject record;
    missing text := CASE WHEN layer IS NULL THEN 'layer' WHEN relation IS NULL THEN 'relation'
                         WHEN warn_after IS NULL THEN 'warn_after' WHEN error_after IS NULL THEN 'error_after'
                         WHEN empty_is IS NULL THEN 'empty_is' WHEN time_zone IS NULL THEN 'time_zone'
                         WHEN lookback IS NULL THEN 'lookback' END;
    what text;
    given text;
    hint text;
    own boolean;
    column_type oid;
    is_calendar boolean := open_from IS NOT NULL OR open_until IS NOT NULL OR weekdays IS NOT NULL;
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'register_dataset: % must not be NULL', missing
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name all of layer, relation, loaded_at_column, warn_after and error_after.';
    END IF;
    SELECT n.nspname, c.relname, c.relkind, c.relpersistence INTO subject
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'register_dataset: there is no relation %', relation::text
            USING ERRCODE = 'undefined_table', HINT = 'Give the name of a table or view, such as ''public.events''.';
    ELSIF subject.relkind NOT IN ('r', 'p', 'v', 'm', 'f') OR subject.relpersistence = 't' THEN
        RAISE EXCEPTION 'register_dataset: % is no table or view that lasts', relation
            USING ERRCODE = 'wrong_object_type', HINT = 'Register a table, partitioned or foreign table, or view.';
    ELSIF NOT has_any_column_privilege(relation, 'SELECT') THEN
        RAISE EXCEPTION 'permission denied for %', relation
            USING ERRCODE = 'insufficient_privilege', HINT = 'Who registers a dataset must be allowed to read it.';
    END IF;

    SELECT v.what, v.given, v.hint INTO what, given, hint FROM (VALUES
        (1, warn_after <= '0', 'warn_after', warn_after::text, 'Give a positive interval, such as ''5 minutes''.'),
        (2, error_after <= '0', 'error_after', error_after::text, 'Give a positive interval, such as ''15 minutes''.'),
        (3, warn_after > error_after, 'warn_after', warn_after::text, 'It must not be longer than error_after: a warning comes before an error.'),
        (4, lookback <= '0' OR lookback > '10 years', 'lookback', lookback::text, 'Give a positive interval of up to ten years.'),
        (5, empty_is NOT IN ('pass', 'warn', 'error'), 'empty_is', empty_is, 'Valid values are pass, warn and error.'),
        (6, trim(layer) = '', 'layer', layer, 'Name a layer, such as bronze, silver or gold.'),
        (7, trim(name) = '', 'name', name, 'Leave it out to use the name of the relation.'),
        (8, trim(filter) = '', 'filter', filter, 'Leave it out to look at all rows.'),
        (9, array_ndims(expected_sources) IS DISTINCT FROM 1 AND expected_sources IS NOT NULL OR array_position(expected_sources, NULL) IS NOT NULL,
            'expected_sources', expected_sources::text, 'Give a list of names without NULL.'),
        (10, expected_sources IS NOT NULL AND source_column IS NULL AND loaded_at_column IS NOT NULL, 'expected_sources',
            expected_sources::text, 'Name the column that holds the source: source_column.'),
        (11, array_ndims(weekdays) IS DISTINCT FROM 1 AND weekdays IS NOT NULL OR NOT weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7] OR array_position(weekdays, NULL) IS NOT NULL,
            'weekdays', weekdays::text, 'Give numbers from 1 (Monday) to 7 (Sunday), such as ''{1,2,3,4,5}''.'),
        (12, open_from = open_until, 'open_until', open_until::text, 'It must differ from open_from; one before it is on the next day.'),
        (13, open_from = '24:00', 'open_from', open_from::text, 'Give a time before 24:00.'),
        (14, length(time_zone) = 0 OR NOT EXISTS (SELECT FROM pg_timezone_names z WHERE lower(z.name) = lower(time_zone)),
            'time_zone', time_zone, 'Give a name out of pg_timezone_names, such as Asia/Manila.')
    ) v (ordinal, wrong, what, given, hint) WHERE v.wrong ORDER BY v.ordinal LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'register_dataset: invalid %: %', what, given USING ERRCODE = 'invalid_parameter_value', HINT = hint;
    END IF;

    own := subject.nspname = 'scout' AND (subject.relname IN ('bronze_events', 'silver_transactions') OR subject.relkind = 'm');
    IF loaded_at_column IS NULL AND NOT own THEN
        RAISE EXCEPTION 'register_dataset: loaded_at_column must not be NULL'
            USING ERRCODE = 'null_value_not_allowed',
                  HINT = 'Name the column that says when a row came. Only the pipeline''s own bronze, silver and gold go without.';
    ELSIF loaded_at_column IS NULL AND subject.relname <> 'bronze_events'
          AND (filter IS NOT NULL OR source_column IS NOT NULL OR expected_sources IS NOT NULL) THEN
        RAISE EXCEPTION 'register_dataset: filter and sources need a loaded_at_column'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the column that says when a row came.';
    END IF;
    SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END INTO column_type
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = relation AND a.attname = loaded_at_column AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND AND loaded_at_column IS NOT NULL THEN
        RAISE EXCEPTION 'register_dataset: % has no column "%"', relation, loaded_at_column
            USING ERRCODE = 'undefined_column', HINT = 'Name the column that says when a row came.';
    ELSIF column_type NOT IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
        RAISE EXCEPTION 'register_dataset: column "%" of % is no time but %', loaded_at_column, relation, column_type::regtype
            USING ERRCODE = 'datatype_mismatch', HINT = 'Name a column of type date, timestamp or timestamptz.';
    ELSIF source_column IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = source_column AND a.attnum > 0 AND NOT a.attisdropped) THEN
        RAISE EXCEPTION 'register_dataset: % has no column "%"', relation, source_column
            USING ERRCODE = 'undefined_column', HINT = 'Name the column that holds the source of a row, or leave it out.';
    END IF;
    RETURN jsonb_build_object('name', coalesce(name, CASE subject.nspname WHEN 'public' THEN '' WHEN 'scout' THEN '' ELSE subject.nspname || '.' END || subject.relname),
        'layer', layer, 'relation_schema', subject.nspname, 'relation_name', subject.relname,
        'loaded_at_column', loaded_at_column, 'warn_after', warn_after, 'error_after', error_after, 'filter', filter,
        'source_column', CASE WHEN loaded_at_column IS NULL AND subject.relname = 'bronze_events' THEN coalesce(source_column, 'source_system') ELSE source_column END,
        'expected_sources', expected_sources, 'empty_is', empty_is,
        'open_from', CASE WHEN is_calendar THEN coalesce(open_from, '00:00') END,
        'open_until', CASE WHEN is_calendar THEN coalesce(open_until, '24:00') END,
        'weekdays', CASE WHEN is_calendar THEN coalesce(weekdays, ARRAY[1, 2, 3, 4, 5, 6, 7]) END,
        'time_zone', time_zone, 'lookback', lookback,
        'details', CASE WHEN subject.relkind IN ('r', 'p', 'm') AND loaded_at_column IS NOT NULL
            AND NOT (subject.nspname = 'scout' AND subject.relname = 'bronze_events') AND NOT EXISTS (
                SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = loaded_at_column
                WHERE i.indrelid = relation AND i.indisvalid AND m.amname = 'btree'
                  AND (i.indkey[0] = a.attnum OR source_column IS NOT NULL AND i.indkey[1] = a.attnum))
            THEN format('each look reads the whole relation; an index would lead to the newest row: CREATE INDEX ON %s (%s)',
                        relation, concat_ws(', ', quote_ident(source_column), quote_ident(loaded_at_column))) END);
END
$$;
COMMENT ON FUNCTION scout.checked_dataset(text, regclass, name, interval, interval, text, name, text[], text, time, time, int[], text, interval, text) IS
'The definition that register_dataset() would write, or one error that says what is wrong with its arguments.';

CREATE FUNCTION scout.register_dataset(
    layer text, relation regclass, loaded_at_column name, warn_after interval, error_after interval,
    filter text DEFAULT NULL, source_column name DEFAULT NULL, expected_sources text[] DEFAULT NULL,
    empty_is text DEFAULT 'error', open_from time DEFAULT NULL, open_until time DEFAULT NULL,
    weekdays int[] DEFAULT NULL, time_zone text DEFAULT 'UTC', lookback interval DEFAULT '7 days',
    name text DEFAULT NULL)
RETURNS TABLE (dataset text, relation_name text, status text, details text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_register_dataset';
COMMENT ON FUNCTION scout.register_dataset(text, regclass, name, interval, interval, text, name, text[], text, time, time, int[], text, interval, text) IS
'Has freshness() and volume() look at a relation; replaces the registration of the same name, and the built-in dataset of the same relation.';

CREATE FUNCTION scout.unregister_dataset(name text)
RETURNS TABLE (dataset text, relation_name text, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_unregister_dataset';
COMMENT ON FUNCTION scout.unregister_dataset(text) IS
'Takes back a registration; a built-in dataset that it replaced comes back.';

-- The pipeline's own datasets are code. loaded_at_column NULL: looked at in the pipeline's own way.
CREATE FUNCTION scout.dataset_list()
RETURNS TABLE (dataset text, layer text, relation text, loaded_at_column name, warn_after interval, error_after interval,
               filter text, source_column name, expected_sources text[], empty_is text, open_from time, open_until time,
               weekdays int[], time_zone text, lookback interval, built_in boolean, registered_at timestamptz,
               registered_by text, relation_schema name, relation_name name)
LANGUAGE sql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
WITH pipeline AS (
    SELECT c.relname, CASE c.relkind WHEN 'm' THEN 'gold' WHEN 'v' THEN NULL ELSE split_part(c.relname, '_', 1) END AS layer,
           CASE c.relkind WHEN 'm' THEN c.relname ELSE split_part(c.relname, '_', 1) END AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'scout'
    WHERE (c.relkind = 'm' OR c.relkind IN ('r', 'p') AND c.relname IN ('bronze_events', 'silver_transactions'))
      AND EXISTS (SELECT FROM pg_class p WHERE p.relname = 'bronze_pending' AND p.relnamespace = n.oid)
      AND NOT EXISTS (SELECT FROM scout.registered_datasets r WHERE r.relation_schema = 'scout' AND r.relation_name = c.relname)
)
SELECT d.name, d.layer, quote_ident(d.relation_schema) || '.' || quote_ident(d.relation_name), d.loaded_at_column,
       d.warn_after, d.error_after, d.filter, d.source_column, d.expected_sources, d.empty_is, d.open_from, d.open_until,
       d.weekdays, d.time_zone, d.lookback, d.built_in, d.registered_at, d.registered_by, d.relation_schema, d.relation_name
FROM (
    SELECT p.name::text AS name, p.layer::text AS layer, 'scout'::name AS relation_schema, p.relname AS relation_name, NULL::name AS loaded_at_column,
           CASE p.layer WHEN 'gold' THEN interval '10 minutes' ELSE interval '5 minutes' END AS warn_after,
           interval '15 minutes' AS error_after, NULL::text AS filter,
           CASE p.layer WHEN 'bronze' THEN 'source_system'::name END AS source_column, NULL::text[] AS expected_sources, 'warn' AS empty_is,
           NULL::time AS open_from, NULL::time AS open_until, NULL::int[] AS weekdays, 'UTC' AS time_zone,
           interval '1 day' AS lookback, true AS built_in, NULL::timestamptz AS registered_at, NULL::text AS registered_by
    FROM pipeline p
    WHERE NOT EXISTS (SELECT FROM scout.registered_datasets r WHERE r.name = p.name)
    UNION ALL
    SELECT r.name, r.layer, r.relation_schema, r.relation_name, r.loaded_at_column, r.warn_after, r.error_after, r.filter,
           r.source_column, r.expected_sources, r.empty_is, r.open_from, r.open_until, r.weekdays, r.time_zone, r.lookback,
           false, r.registered_at, r.registered_by
    FROM scout.registered_datasets r
) d
ORDER BY d.built_in DESC, CASE d.layer WHEN 'bronze' THEN 1 WHEN 'silver' THEN 2 WHEN 'gold' THEN 3 ELSE 4 END, d.name
$$;
COMMENT ON FUNCTION scout.dataset_list() IS
'What freshness() and volume() look at: the pipeline''s own bronze, silver and gold views, and what is registered.';

CREATE VIEW scout.datasets AS SELECT * FROM scout.dataset_list();
COMMENT ON VIEW scout.datasets IS 'All datasets, built-in and registered: dataset_list().';

CREATE FUNCTION scout.dataset_looks(names text[], at timestamptz, timeout_ms int)
RETURNS TABLE (dataset text, source text, latest timestamptz, is_empty boolean, note text, problem text, problem_sqlstate text)
LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'scout_dataset_looks';
COMMENT ON FUNCTION scout.dataset_looks(text[], timestamptz, int) IS
'The newest time in each dataset and source up to a moment, each look under its own timer; part of freshness().';

CREATE FUNCTION scout.dataset_counts(names text[], at timestamptz, hours int, weeks int, timeout_ms int)
RETURNS TABLE (dataset text, source text, week int, row_count bigint, first_row timestamptz, problem text, problem_sqlstate text)
LANGUAGE c STABLE ROWS 100 AS 'MODULE_PATHNAME', 'scout_dataset_counts';
COMMENT ON FUNCTION scout.dataset_counts(text[], timestamptz, int, int, int) IS
'Rows of each dataset and source in a window and in the same hours of the weeks before; part of volume().';

-- How much of a stretch of time lies in the open hours, day by day of the calendar on the wall, so that a day of
-- 23 or 25 hours counts as it is. Hours that end before they begin reach into the next day and belong to the day they
-- begin on. What lies more than 90 days back counts in full: that is late by any calendar.
CREATE FUNCTION scout.open_time(since timestamptz, until timestamptz, open_from time, open_until time, weekdays int[], time_zone text)
RETURNS interval
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    near timestamptz := greatest(since, until - interval '90 days');
    seconds numeric;
BEGIN
    IF since IS NULL OR until IS NULL OR open_from IS NULL THEN
        RETURN until - since;
    END IF;
    SELECT coalesce(sum(extract(epoch FROM least(until, d.closes) - greatest(near, d.opens)))
                    FILTER (WHERE least(until, d.closes) > greatest(near, d.opens)), 0)
           + extract(epoch FROM near - since)
    INTO seconds
    FROM (SELECT (g.day::date + open_from) AT TIME ZONE time_zone AS opens,
                 (g.day::date + open_until + CASE WHEN open_until < open_from THEN interval '1 day' ELSE interval '0' END)
                     AT TIME ZONE time_zone AS closes
          FROM generate_series((near AT TIME ZONE time_zone)::date::timestamp - interval '1 day',
                               (until AT TIME ZONE time_zone)::date::timestamp, interval '1 day') g(day)
          WHERE extract(isodow FROM g.day)::int = ANY (weekdays)) d;
    RETURN justify_hours(make_interval(secs => seconds::float8));
END
$$;
COMMENT ON FUNCTION scout.open_time(timestamptz, timestamptz, time, time, int[], text) IS
'How much of a stretch of time lies in open hours on open weekdays (1 Monday to 7 Sunday) of a time zone; all of it without a calendar.';

-- A look at a locked relation fails at once; one that waits for what lies below a view fails after lock_timeout.
CREATE FUNCTION scout.freshness(names text[] DEFAULT NULL, at timestamptz DEFAULT NULL, timeout interval DEFAULT '2 seconds')
RETURNS TABLE (dataset text, layer text, relation text, source text, max_loaded_at timestamptz, age interval,
               warn_after interval, error_after interval, status text, details text)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    clock timestamptz := coalesce(freshness.at, statement_timestamp());
    timeout_ms int := scout.look_milliseconds('freshness', freshness.timeout, clock);
BEGIN
    RETURN QUERY
    SELECT d.dataset, d.layer, d.relation, l.source, l.latest, a.age, d.warn_after, d.error_after,
           CASE WHEN l.problem IS NOT NULL THEN 'runtime error'
                WHEN l.is_empty THEN d.empty_is
                WHEN l.latest IS NULL OR a.age > d.error_after THEN 'error'
                WHEN a.age > d.warn_after THEN 'warn'
                ELSE 'pass' END,
           coalesce(l.problem || ' (' || l.problem_sqlstate || ')',
                    nullif(concat_ws('; ', l.note, CASE WHEN d.open_from IS NOT NULL AND l.latest IS NOT NULL
                        THEN format('open time only, %s by the clock', clock - l.latest) END), ''))
    FROM scout.dataset_list() WITH ORDINALITY d
    JOIN scout.dataset_looks(freshness.names, clock, timeout_ms) l ON l.dataset = d.dataset
    CROSS JOIN LATERAL (SELECT CASE WHEN d.open_from IS NULL THEN clock - l.latest
        ELSE scout.open_time(l.latest, clock, d.open_from, d.open_until, d.weekdays, d.time_zone) END AS age) a
    ORDER BY d.ordinality, l.source NULLS FIRST;
END
$$;
COMMENT ON FUNCTION scout.freshness(text[], timestamptz, interval) IS
'Age of the newest row of each dataset, and of each of its sources: pass, warn, error, or runtime error with the reason. Reads as the caller, waits for no lock, and gives each dataset at most timeout.';

CREATE FUNCTION scout.look_milliseconds(function text, timeout interval, clock timestamptz)
RETURNS int
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF timeout IS NULL OR timeout < '1 ms' OR timeout > '1 hour' THEN
        RAISE EXCEPTION '%: invalid timeout: %', function, coalesce(timeout::text, 'NULL')
            USING ERRCODE = CASE WHEN timeout IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
                  HINT = 'Give an interval from 1 millisecond to 1 hour, such as ''2 seconds''.';
    ELSIF NOT isfinite(clock) OR clock < '1900-01-01' OR clock > '9999-12-31' THEN
        RAISE EXCEPTION '%: invalid moment: %', function, clock
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave at out for now.';
    END IF;
    RETURN extract(epoch FROM timeout) * 1000;
END
$$;
COMMENT ON FUNCTION scout.look_milliseconds(text, interval, timestamptz) IS
'Checks timeout and clock of freshness() and volume(); the timeout in milliseconds.';

-- Deviation: never less than the root of the mean, which is what arrivals scatter by anyway; otherwise four equal
-- weeks would make one row more an alarm.
CREATE FUNCTION scout.volume(names text[] DEFAULT NULL, hours int DEFAULT 1, weeks int DEFAULT 4, min_samples int DEFAULT 3,
                             at timestamptz DEFAULT NULL, timeout interval DEFAULT '10 seconds')
RETURNS TABLE (dataset text, layer text, relation text, source text, window_start timestamptz, window_end timestamptz,
               row_count bigint, mean numeric, deviation numeric, samples int, deviations numeric, status text, details text)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    clock timestamptz := coalesce(volume.at, statement_timestamp());
    timeout_ms int := scout.look_milliseconds('volume', volume.timeout, clock);
    wrong text := CASE WHEN volume.hours IS NULL OR volume.hours NOT BETWEEN 1 AND 168 THEN 'hours'
                       WHEN volume.weeks IS NULL OR volume.weeks NOT BETWEEN 1 AND 52 THEN 'weeks'
                       WHEN volume.min_samples IS NULL OR volume.min_samples NOT BETWEEN 2 AND 52 THEN 'min_samples' END;
BEGIN
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'volume: invalid %: %', wrong,
            coalesce(CASE wrong WHEN 'hours' THEN volume.hours WHEN 'weeks' THEN volume.weeks ELSE volume.min_samples END::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = CASE wrong WHEN 'hours' THEN 'Give 1 to 168 hours: one week.' WHEN 'weeks' THEN 'Give 1 to 52 weeks.'
                                    ELSE 'Give 2 to 52 weeks.' END;
    END IF;
    RETURN QUERY
    WITH counts AS MATERIALIZED (
        SELECT c.* FROM scout.dataset_counts(volume.names, clock, volume.hours, volume.weeks, timeout_ms) c
    ), subjects AS (
        SELECT d.dataset, d.layer, d.relation, d.time_zone, d.ordinality, s.source,
               c.first_row, c.problem, c.problem_sqlstate
        FROM scout.dataset_list() WITH ORDINALITY d
        JOIN LATERAL (SELECT x.first_row, x.problem, x.problem_sqlstate FROM counts x WHERE x.dataset = d.dataset LIMIT 1) c ON true
        JOIN LATERAL (SELECT x.source FROM counts x WHERE x.dataset = d.dataset AND x.source IS NOT NULL
                      UNION SELECT unnest(d.expected_sources)
                      UNION SELECT NULL WHERE NOT EXISTS (
                          SELECT FROM counts x WHERE x.dataset = d.dataset AND x.source IS NOT NULL)
                          AND d.expected_sources IS NULL) s ON true
    ), judged AS (
        SELECT s.*, w.row_count, w.mean, w.samples, greatest(w.spread, sqrt(w.mean), 1) AS deviation
        FROM subjects s
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(c.row_count) FILTER (WHERE g.week = 0), 0)::bigint AS row_count,
                   avg(coalesce(c.row_count, 0)) FILTER (WHERE g.week > 0) AS mean,
                   stddev_samp(coalesce(c.row_count, 0)) FILTER (WHERE g.week > 0) AS spread,
                   (count(*) FILTER (WHERE g.week > 0))::int AS samples
            FROM generate_series(0, volume.weeks) g(week)
            LEFT JOIN counts c ON c.dataset = s.dataset AND c.week = g.week AND c.source IS NOT DISTINCT FROM s.source
            WHERE g.week = 0 OR s.first_row <= ((clock AT TIME ZONE s.time_zone) - g.week * interval '7 days'
                - volume.hours * interval '1 hour') AT TIME ZONE s.time_zone) w
    )
    SELECT j.dataset, j.layer, j.relation, j.source,
           ((clock AT TIME ZONE j.time_zone) - volume.hours * interval '1 hour') AT TIME ZONE j.time_zone, clock,
           CASE WHEN j.problem IS NULL THEN j.row_count END, round(j.mean, 1),
           CASE WHEN j.samples > 0 THEN round(j.deviation::numeric, 1) END, j.samples,
           round(((j.row_count - j.mean) / j.deviation)::numeric, 1),
           CASE WHEN j.problem IS NOT NULL THEN 'runtime error'
                WHEN j.samples < volume.min_samples THEN 'insufficient data'
                WHEN abs(j.row_count - j.mean) > 3 * j.deviation THEN 'error'
                WHEN abs(j.row_count - j.mean) > 2 * j.deviation THEN 'warn'
                ELSE 'pass' END,
           CASE WHEN j.problem IS NOT NULL THEN j.problem || ' (' || j.problem_sqlstate || ')'
                WHEN j.samples < volume.min_samples THEN format('%s of %s weeks needed', j.samples, volume.min_samples)
                WHEN abs(j.row_count - j.mean) > 2 * j.deviation
                THEN CASE WHEN j.row_count < j.mean THEN 'fewer' ELSE 'more' END || ' rows than in the same hours of the weeks before' END
    FROM judged j
    ORDER BY j.ordinality, j.source NULLS FIRST;
END
$$;
COMMENT ON FUNCTION scout.volume(text[], int, int, int, timestamptz, interval) IS
'Rows of the last hours against the same hours of the weeks before, per dataset and source: warn beyond 2 deviations, error beyond 3, either way.';
