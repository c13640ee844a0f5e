CREATE FUNCTION scout_internal.dataset_looks(names text[], at timestamptz, timeout_ms int)
RETURNS TABLE (dataset text, source text, latest timestamptz, is_empty boolean, note text, problem text, problem_sqlstate text)
LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'scout_dataset_looks';
COMMENT ON FUNCTION scout_internal.dataset_looks(text[], timestamptz, int) IS
'The newest time in each dataset and source up to a moment, each look under its own timer; part of freshness().';

CREATE FUNCTION scout_internal.dataset_counts(names text[], at timestamptz, hours int, weeks int, timeout_ms int)
RETURNS TABLE (dataset text, source text, week int, row_count bigint, first_row timestamptz, problem text, problem_sqlstate text)
LANGUAGE c STABLE ROWS 100 AS 'MODULE_PATHNAME', 'scout_dataset_counts';
COMMENT ON FUNCTION scout_internal.dataset_counts(text[], timestamptz, int, int, int) IS
'Rows of each dataset and source in a window and in the same hours of the weeks before; part of volume().';

-- How much of a stretch of time lies in the open hours, day by day of the calendar on the wall, so that a day of
-- 23 or 25 hours counts as it is. Hours that end before they begin reach into the next day and belong to the day they
-- begin on. What lies more than 90 days back counts in full: that is late by any calendar.
CREATE FUNCTION scout_internal.open_time(since timestamptz, until timestamptz, open_from time, open_until time, weekdays int[], time_zone text)
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
COMMENT ON FUNCTION scout_internal.open_time(timestamptz, timestamptz, time, time, int[], text) IS
'How much of a stretch of time lies in open hours on open weekdays (1 Monday to 7 Sunday) of a time zone; all of it without a calendar.';

-- A look at a locked relation fails at once; one that waits for what lies below a view fails after lock_timeout.
CREATE FUNCTION scout.freshness(names text[] DEFAULT NULL, at timestamptz DEFAULT NULL, timeout interval DEFAULT '2 seconds')
RETURNS TABLE (dataset text, layer text, relation text, source text, max_loaded_at timestamptz, age interval,
               warn_after interval, error_after interval, status text, details text, error_sqlstate text)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    clock timestamptz := coalesce(freshness.at, statement_timestamp());
    timeout_ms int := scout_internal.look_milliseconds('freshness'::text, freshness.timeout, clock);
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
                        THEN format('open time only, %s by the clock', clock - l.latest) END), '')),
           l.problem_sqlstate
    FROM scout_internal.dataset_list() WITH ORDINALITY d
    JOIN scout_internal.dataset_looks(freshness.names, clock, timeout_ms) l ON l.dataset = d.dataset
    CROSS JOIN LATERAL (SELECT CASE WHEN d.open_from IS NULL THEN clock - l.latest
        ELSE scout_internal.open_time(l.latest, clock, d.open_from, d.open_until, d.weekdays, d.time_zone) END AS age) a
    ORDER BY d.ordinality, l.source NULLS FIRST;
END
$$;
COMMENT ON FUNCTION scout.freshness(text[], timestamptz, interval) IS
'Age of the newest row of each dataset, and of each of its sources: pass, warn, error, or runtime error with the reason. Sees what the caller may see, waits for no lock, and gives each dataset at most timeout.';

CREATE FUNCTION scout_internal.look_milliseconds(function text, timeout interval, clock timestamptz)
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
COMMENT ON FUNCTION scout_internal.look_milliseconds(text, interval, timestamptz) IS
'Checks timeout and clock of freshness() and volume(); the timeout in milliseconds.';

-- Deviation: never less than the root of the mean, which is what arrivals scatter by anyway; otherwise four equal
-- weeks would make one row more an alarm.
CREATE FUNCTION scout.volume(names text[] DEFAULT NULL, hours int DEFAULT 1, weeks int DEFAULT 4, min_samples int DEFAULT 3,
                             at timestamptz DEFAULT NULL, timeout interval DEFAULT '10 seconds')
RETURNS TABLE (dataset text, layer text, relation text, source text, window_start timestamptz, window_end timestamptz,
               row_count bigint, mean numeric, deviation numeric, samples int, deviations numeric, status text, details text, error_sqlstate text)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    clock timestamptz := coalesce(volume.at, statement_timestamp());
    timeout_ms int := scout_internal.look_milliseconds('volume'::text, volume.timeout, clock);
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
        SELECT c.* FROM scout_internal.dataset_counts(volume.names, clock, volume.hours, volume.weeks, timeout_ms) c
    ), subjects AS (
        SELECT d.dataset, d.layer, d.relation, d.time_zone, d.ordinality, s.source,
               c.first_row, c.problem, c.problem_sqlstate
        FROM scout_internal.dataset_list() WITH ORDINALITY d
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
                THEN CASE WHEN j.row_count < j.mean THEN 'fewer' ELSE 'more' END || ' rows than in the same hours of the weeks before' END,
           j.problem_sqlstate
    FROM judged j
    ORDER BY j.ordinality, j.source NULLS FIRST;
END
$$;
COMMENT ON FUNCTION scout.volume(text[], int, int, int, timestamptz, interval) IS
'Rows of the last hours against the same hours of the weeks before, per dataset and source: warn beyond 2 deviations, error beyond 3, either way.';
