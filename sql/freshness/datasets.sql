-- Freshness and volume of any relation. The looks are C++ (src/freshness), each with a timer of its own; what they
-- mean is judged in SQL.
--
-- A registration names its relation and does not hold its OID: a table that is swapped by renaming is
-- looked at under its name, and one that is dropped is a runtime error and no dangling number in a dump.

CREATE TABLE scout_internal.registered_datasets (
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
    registered_by    text NOT NULL,
    registrant       name NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('scout_internal.registered_datasets', '');
COMMENT ON TABLE scout_internal.registered_datasets IS
'Datasets as register_dataset() was called; read them, with those of the pipeline, through the view datasets.';

-- The arguments of register_dataset() as one definition, or what is wrong with them.
CREATE FUNCTION scout_internal.checked_dataset(
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
            THEN 'each look reads the whole relation; an index would lead to the newest row: ' || CASE subject.nspname
                WHEN 'scout' THEN format('SELECT * FROM scout.maintain(%L, ''index'', %L)', relation, array_remove(ARRAY[source_column, loaded_at_column], NULL))
                ELSE format('CREATE INDEX ON %s (%s)', relation, concat_ws(', ', quote_ident(source_column), quote_ident(loaded_at_column))) END END);
END
$$;
COMMENT ON FUNCTION scout_internal.checked_dataset(text, regclass, name, interval, interval, text, name, text[], text, time, time, int[], text, interval, text) IS
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
CREATE FUNCTION scout_internal.dataset_list()
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
      AND NOT EXISTS (SELECT FROM scout_internal.registered_datasets r WHERE r.relation_schema = 'scout' AND r.relation_name = c.relname)
)
SELECT d.name, d.layer, quote_ident(d.relation_schema) || '.' || quote_ident(d.relation_name), d.loaded_at_column,
       d.warn_after, d.error_after, d.filter, d.source_column, d.expected_sources, d.empty_is, d.open_from, d.open_until,
       d.weekdays, d.time_zone, d.lookback, d.built_in, d.registered_at, d.registered_by, d.relation_schema, d.relation_name
FROM (
    SELECT p.name::text AS name, p.layer::text AS layer, 'scout'::name AS relation_schema, p.relname AS relation_name, NULL::name AS loaded_at_column,
           l.warn_after, l.error_after, NULL::text AS filter,
           CASE p.layer WHEN 'bronze' THEN 'source_system'::name END AS source_column, NULL::text[] AS expected_sources, 'warn' AS empty_is,
           NULL::time AS open_from, NULL::time AS open_until, NULL::int[] AS weekdays, 'UTC' AS time_zone,
           interval '1 day' AS lookback, true AS built_in, NULL::timestamptz AS registered_at, NULL::text AS registered_by
    FROM pipeline p CROSS JOIN LATERAL scout_internal.freshness_limits(p.layer) l
    WHERE NOT EXISTS (SELECT FROM scout_internal.registered_datasets r WHERE r.name = p.name)
    UNION ALL
    SELECT r.name, r.layer, r.relation_schema, r.relation_name, r.loaded_at_column, r.warn_after, r.error_after, r.filter,
           r.source_column, r.expected_sources, r.empty_is, r.open_from, r.open_until, r.weekdays, r.time_zone, r.lookback,
           false, r.registered_at, r.registered_by
    FROM scout_internal.registered_datasets r
) d
ORDER BY d.built_in DESC, CASE d.layer WHEN 'bronze' THEN 1 WHEN 'silver' THEN 2 WHEN 'gold' THEN 3 ELSE 4 END, d.name
$$;
COMMENT ON FUNCTION scout_internal.dataset_list() IS
'What freshness() and volume() look at: the pipeline''s own bronze, silver and gold views, and what is registered.';

CREATE VIEW scout.datasets AS SELECT * FROM scout_internal.dataset_list();
COMMENT ON VIEW scout.datasets IS 'All datasets, built-in and registered: dataset_list().';
