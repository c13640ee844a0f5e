-- compare_layers(): consistency of two tables by key. A difference of counts reads 0 with two rows missing, one
-- orphan and one duplicate; an anti-join does not.

-- Columns of a key in a relation, quoted, or one error.
CREATE FUNCTION scout_internal.key_columns(relation regclass, key text[], argument text)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text;
BEGIN
    IF key IS NULL OR array_ndims(key) IS DISTINCT FROM 1 OR array_length(key, 1) > 8 OR array_position(key, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'compare_layers: invalid %: %', argument, coalesce(key::text, 'NULL')
            USING ERRCODE = CASE WHEN key IS NULL THEN 'null_value_not_allowed' ELSE 'invalid_parameter_value' END,
                  HINT = 'Name one to eight columns, such as key => ''{transaction_id}''.';
    END IF;
    SELECT k.name INTO missing FROM unnest(key) k(name)
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped);
    IF FOUND THEN
        RAISE EXCEPTION 'compare_layers: % has no column "%"', relation, missing
            USING ERRCODE = 'undefined_column',
                  HINT = 'Where the columns have other names, name them in target_key and dead_letter_key.';
    END IF;
    RETURN ARRAY(SELECT quote_ident(k.name) FROM unnest(key) WITH ORDINALITY k(name, n) ORDER BY k.n);
END
$$;
COMMENT ON FUNCTION scout_internal.key_columns(regclass, text[], text) IS
'Checks the columns of a key of compare_layers(), and quotes them.';

-- Keys are compared as their types do where all sides have the same, otherwise as text.
CREATE FUNCTION scout_internal.compare_layers(source regclass, target regclass, key text[], dead_letters regclass,
    target_key text[], dead_letter_key text[], samples int)
RETURNS TABLE (check_name text, status text, value bigint, sample_keys text[], details text)
LANGUAGE plpgsql STABLE ROWS 8
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '5s'
AS $$
#variable_conflict use_column
DECLARE
    ours text[]; theirs text[]; letters text[];
    wanting text := CASE WHEN compare_layers.source IS NULL THEN 'source' WHEN compare_layers.target IS NULL THEN 'target' END;
    n int;
    same boolean;
    names text; equal text; sample text; lists text[]; from_letters text;
BEGIN
    IF wanting IS NOT NULL THEN
        RAISE EXCEPTION 'compare_layers: % must not be NULL', wanting
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name two tables or views.';
    ELSIF compare_layers.samples IS NULL OR compare_layers.samples NOT BETWEEN 0 AND 1000 THEN
        RAISE EXCEPTION 'compare_layers: invalid samples: %', coalesce(compare_layers.samples::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a number from 0 to 1000.';
    END IF;
    ours := scout_internal.key_columns(compare_layers.source, compare_layers.key, 'key');
    theirs := scout_internal.key_columns(compare_layers.target, coalesce(compare_layers.target_key, compare_layers.key), 'target_key');
    n := array_length(ours, 1);
    IF compare_layers.dead_letters IS NOT NULL THEN
        letters := scout_internal.key_columns(compare_layers.dead_letters, coalesce(compare_layers.dead_letter_key, compare_layers.key), 'dead_letter_key');
    END IF;
    IF array_length(theirs, 1) <> n OR array_length(letters, 1) <> n THEN
        RAISE EXCEPTION 'compare_layers: the keys have different numbers of columns'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name as many columns in target_key and dead_letter_key as in key.';
    END IF;
    SELECT bool_and(t.types = 1) INTO same FROM (
        SELECT count(DISTINCT a.atttypid) AS types
        FROM generate_series(1, n) i
        JOIN pg_attribute a ON (a.attrelid, quote_ident(a.attname)) IN ((compare_layers.source::oid, ours[i]), (compare_layers.target::oid, theirs[i]),
                                                                       (compare_layers.dead_letters::oid, letters[i]))
        GROUP BY i) t;

    SELECT string_agg('k' || i, ', ' ORDER BY i), string_agg(format('s.k%s = t.k%s', i, i), ' AND ' ORDER BY i),
           CASE n WHEN 1 THEN 'k1::text' ELSE 'concat(''('', concat_ws('', '', ' || string_agg('k' || i, ', ' ORDER BY i) || '), '')'')' END
    INTO names, equal, sample FROM generate_series(1, n) i;
    SELECT array_agg((SELECT string_agg(format(CASE WHEN same THEN '%s AS k%s' ELSE '%s::text AS k%s' END, c.side[i], i), ', ' ORDER BY i)
                      FROM generate_series(1, n) i) ORDER BY c.o)
    INTO lists FROM (VALUES (1, ours), (2, theirs), (3, letters)) c(o, side);
    -- A letter that was resolved accounts for nothing: its row should be there.
    from_letters := CASE WHEN letters IS NULL THEN format('SELECT %s FROM keys_of_source WHERE false', names)
        ELSE format('SELECT DISTINCT %s FROM (SELECT %s FROM %s %s) l WHERE num_nulls(%s) = 0', names, lists[3], compare_layers.dead_letters,
                    CASE WHEN compare_layers.dead_letters = to_regclass('scout.bronze_events_dlq') THEN 'WHERE status <> ''resolved''' END, names) END;

    RETURN QUERY EXECUTE format($q$
        WITH keys_of_source AS (SELECT %1$s FROM %2$s), keys_of_target AS (SELECT %3$s FROM %4$s),
        s AS (SELECT %5$s, count(*) AS rows FROM keys_of_source WHERE num_nulls(%5$s) = 0 GROUP BY %5$s),
        t AS (SELECT %5$s, count(*) AS rows FROM keys_of_target WHERE num_nulls(%5$s) = 0 GROUP BY %5$s),
        letters AS (%6$s),
        met AS (SELECT %7$s, s.rows AS source_rows, t.rows AS target_rows FROM s FULL JOIN t ON %8$s),
        judged AS MATERIALIZED (SELECT %9$s AS sample, m.source_rows, m.target_rows, m.target_rows IS NULL AND EXISTS (
            SELECT FROM letters t, LATERAL (SELECT %10$s) s WHERE %8$s) AS is_letter
            FROM met m)
        SELECT c.check_name, CASE WHEN c.bad AND c.n > 0 THEN 'critical' ELSE 'ok' END, c.n, c.keys, c.details
        FROM (
            SELECT 1, 'matched', false, count(*), NULL::text[], 'keys in both' FROM judged WHERE source_rows > 0 AND target_rows > 0
            UNION ALL SELECT 2, 'dead_lettered', false, count(*), (array_agg(sample ORDER BY sample))[:$1], 'keys of the source that are not in the target but in the dead letters'
                FROM judged WHERE is_letter
            UNION ALL SELECT 3, 'missing_in_target', true, count(*), (array_agg(sample ORDER BY sample))[:$1], 'keys of the source that are in neither target nor dead letters'
                FROM judged WHERE target_rows IS NULL AND NOT is_letter
            UNION ALL SELECT 4, 'orphans_in_target', true, count(*), (array_agg(sample ORDER BY sample))[:$1], 'keys of the target that are not in the source'
                FROM judged WHERE source_rows IS NULL
            UNION ALL SELECT 5, 'duplicates_in_source', true, count(*), (array_agg(sample ORDER BY sample))[:$1], 'keys with more than one row in the source'
                FROM judged WHERE source_rows > 1
            UNION ALL SELECT 6, 'duplicates_in_target', true, count(*), (array_agg(sample ORDER BY sample))[:$1], 'keys with more than one row in the target'
                FROM judged WHERE target_rows > 1
            UNION ALL SELECT 7, 'null_keys_in_source', true, count(*), NULL, 'rows of the source without a whole key: nothing can be said of them'
                FROM keys_of_source WHERE num_nulls(%5$s) > 0
            UNION ALL SELECT 8, 'null_keys_in_target', true, count(*), NULL, 'rows of the target without a whole key: nothing can be said of them'
                FROM keys_of_target WHERE num_nulls(%5$s) > 0
        ) c(ordinal, check_name, bad, n, keys, details) ORDER BY c.ordinal
    $q$, lists[1], compare_layers.source, lists[2], compare_layers.target, names, from_letters,
         (SELECT string_agg(format('coalesce(s.k%1$s, t.k%1$s) AS k%1$s', i), ', ' ORDER BY i) FROM generate_series(1, n) i),
         equal, sample, (SELECT string_agg(format('m.k%1$s AS k%1$s', i), ', ' ORDER BY i) FROM generate_series(1, n) i))
    USING compare_layers.samples;
END
$$;
COMMENT ON FUNCTION scout_internal.compare_layers(regclass, regclass, text[], regclass, text[], text[], int) IS 'The body of compare_layers().';

CREATE FUNCTION scout.compare_layers(source regclass, target regclass, key text[], dead_letters regclass DEFAULT NULL,
    target_key text[] DEFAULT NULL, dead_letter_key text[] DEFAULT NULL, samples int DEFAULT 5)
RETURNS TABLE (check_name text, status text, value bigint, sample_keys text[], details text)
LANGUAGE c STABLE COST 100 ROWS 8 AS 'MODULE_PATHNAME', 'scout_compare_layers';
COMMENT ON FUNCTION scout.compare_layers(regclass, regclass, text[], regclass, text[], text[], int) IS
'Consistency of any two tables by key: matched, missing in the target (less those in dead letters), orphans, duplicates on either side, with sample keys. Reads both tables once.';
