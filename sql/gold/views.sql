-- Gold: which materialized views are gold, and their refresh. What each lacks is in freshness.sql.
--
-- A registration names its view and does not hold its OID: one that is dropped is missing, and no dangling
-- number in a dump; one that is made again is found again.

CREATE TABLE scout_internal.registered_gold (
    view_schema   name NOT NULL,
    view_name     name NOT NULL,
    view_owner    name NOT NULL,
    warn_after    interval NOT NULL CHECK (warn_after > '0'),
    error_after   interval NOT NULL CHECK (error_after >= warn_after),
    enabled       boolean NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    registered_by text NOT NULL,
    PRIMARY KEY (view_schema, view_name)
);
SELECT pg_catalog.pg_extension_config_dump('scout_internal.registered_gold', '');
COMMENT ON TABLE scout_internal.registered_gold IS
'Gold views as register_gold() was called; the pipeline''s own need no registration. Read them through v_gold_freshness.';

-- What each view was built from, noted before its newest refresh. It speaks of transactions and files of this
-- cluster: elsewhere it would mean nothing, so that it is in no dump, and a restored view is stale.
CREATE TABLE scout_internal.gold_baselines (
    view_id  oid PRIMARY KEY,
    taken_at timestamptz NOT NULL,
    snapshot pg_snapshot NOT NULL,
    txid     xid8 NOT NULL,
    last_run bigint NOT NULL,
    epoch    text,
    unknown  text
);
COMMENT ON TABLE scout_internal.gold_baselines IS
'The snapshot before the newest refresh of each gold view, and why its sources cannot be watched, where they cannot.';

CREATE TABLE scout_internal.gold_sources (
    view_id   oid NOT NULL REFERENCES scout_internal.gold_baselines ON DELETE CASCADE,
    source_id oid NOT NULL,
    mark      text,
    writes    bigint,
    PRIMARY KEY (view_id, source_id)
);
COMMENT ON TABLE scout_internal.gold_sources IS
'What each gold view reads, as it was before its newest refresh: file or definition, and the server''s count of rows written.';

-- Runs that a view lacks are found by their transactions.
CREATE INDEX etl_runs_silver_txid_idx ON scout_internal.etl_runs (txid) WHERE changed_silver;

-- A superuser, or a role whose rights reach the server's files and programs, and so the superuser's: nothing of
-- others runs as one (src/extension/sight.hpp).
CREATE FUNCTION scout_internal.commands_server(role oid) RETURNS boolean
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
SELECT bool_or(pg_has_role(role, r.name, 'USAGE'))
FROM (VALUES ('pg_execute_server_program'::name), ('pg_write_server_files'), ('pg_read_server_files')) r (name)
$$;
COMMENT ON FUNCTION scout_internal.commands_server(oid) IS
'Is this a superuser, or a role that may use the server''s files or programs?';

-- warn_after and error_after are NULL where nobody has registered the view.
CREATE FUNCTION scout_internal.gold_views()
RETURNS TABLE (view_id oid, view_schema name, view_name name, relation text, warn_after interval, error_after interval,
               registered_at timestamptz, refusal text)
LANGUAGE sql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
WITH there AS (
    SELECT c.oid, n.nspname, c.relname, pg_get_userbyid(c.relowner) AS owner,
           scout_internal.commands_server(c.relowner) AS commands_server
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm'
), pipeline AS (
    SELECT pg_get_userbyid(c.relowner) AS owner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'scout' AND c.relname = 'bronze_pending'
)
SELECT t.oid, coalesce(t.nspname, r.view_schema), coalesce(t.relname, r.view_name),
       format('%I.%I', coalesce(t.nspname, r.view_schema), coalesce(t.relname, r.view_name)),
       r.warn_after, r.error_after, r.registered_at,
       CASE WHEN t.oid IS NULL THEN 'the view is gone'
            WHEN NOT r.enabled THEN 'disabled'
            WHEN t.commands_server THEN 'its owner is a superuser or may use the server''s files or programs'
            WHEN r.view_owner <> t.owner THEN format('owned by %s, and by %s when it was registered', t.owner, r.view_owner)
            WHEN r.view_owner IS NULL AND t.owner <> p.owner THEN format('owned by %s, the pipeline by %s', t.owner, p.owner) END
FROM there t FULL JOIN scout_internal.registered_gold r ON r.view_schema = t.nspname AND r.view_name = t.relname
LEFT JOIN pipeline p ON true
WHERE t.nspname = 'scout' OR r.view_name IS NOT NULL
$$;
COMMENT ON FUNCTION scout_internal.gold_views() IS
'The gold views: materialized views of schema scout, and what is registered; refusal says why one is not refreshed.';

CREATE FUNCTION scout.register_gold(
    relation regclass, warn_after interval DEFAULT NULL, error_after interval DEFAULT NULL, enabled boolean DEFAULT true)
RETURNS TABLE (materialized_view text, status text, details text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_register_gold';
COMMENT ON FUNCTION scout.register_gold(regclass, interval, interval, boolean) IS
'Has refresh_gold_platinum() refresh a materialized view of any schema, and v_gold_freshness judge it; called again it changes the thresholds.';

CREATE FUNCTION scout.unregister_gold(relation text)
RETURNS TABLE (materialized_view text, status text)
LANGUAGE c ROWS 1 AS 'MODULE_PATHNAME', 'scout_unregister_gold';
COMMENT ON FUNCTION scout.unregister_gold(text) IS
'Takes back a registration, also of a view that is gone; the pipeline''s own views are gold with their defaults again.';

CREATE FUNCTION scout_internal.checked_gold(relation regclass, warn_after interval, error_after interval, enabled boolean)
RETURNS TABLE (view_schema name, view_name name, view_owner name, details text)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text := CASE WHEN relation IS NULL THEN 'relation' WHEN enabled IS NULL THEN 'enabled' END;
    subject record;
    wrong text;
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'register_gold: % must not be NULL', missing
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the view; leave the others out for their defaults.';
    END IF;
    SELECT n.nspname, c.relname, c.relkind, c.relowner, pg_get_userbyid(c.relowner) AS owner,
           scout_internal.commands_server(c.relowner) AS commands_server,
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
                   AND i.indpred IS NULL AND i.indexprs IS NULL) AS has_key
    INTO subject
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'register_gold: there is no relation %', relation::text
            USING ERRCODE = 'undefined_table', HINT = 'Give the name of a materialized view, such as ''scout.gold_daily_metrics''.';
    ELSIF subject.relkind <> 'm' THEN
        RAISE EXCEPTION 'register_gold: % is no materialized view', relation
            USING ERRCODE = 'wrong_object_type',
                  HINT = 'A plain view is always as new as what it reads; a table is watched by register_dataset().';
    ELSIF NOT pg_has_role(current_user, subject.relowner, 'USAGE') THEN
        RAISE EXCEPTION 'register_gold: permission denied for %', relation
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = format('It belongs to %s and is refreshed as its owner; who registers it must have that role''s rights.', subject.owner),
                  HINT = 'Have its owner, or a superuser, register it.';
    ELSIF subject.commands_server THEN
        RAISE EXCEPTION 'register_gold: the owner of %, %, is a superuser or may use the server''s files or programs', relation, subject.owner
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = 'A refresh runs as the view''s owner, and with it what stands on the relations that the view reads.',
                  HINT = format('Give it to an ordinary role, such as the owner of the pipeline: ALTER MATERIALIZED VIEW %s OWNER TO %s',
                                relation, coalesce((SELECT quote_ident(pg_get_userbyid(c.relowner)) FROM pg_class c
                                                    WHERE c.oid = to_regclass('scout.bronze_pending')), '...'));
    END IF;
    wrong := CASE WHEN warn_after <= '0' OR warn_after > '10 years' THEN format('warn_after: %s', warn_after)
                  WHEN error_after <= '0' OR error_after > '10 years' THEN format('error_after: %s', error_after)
                  WHEN warn_after > error_after THEN format('warn_after: %s is longer than error_after: %s', warn_after, error_after) END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'register_gold: invalid %', wrong
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give positive intervals of up to ten years, such as ''10 minutes'' and ''15 minutes''; a warning comes before an error.';
    END IF;
    RETURN QUERY SELECT subject.nspname, subject.relname, subject.owner,
        CASE WHEN NOT subject.has_key THEN format(CASE subject.nspname
            WHEN 'scout' THEN 'a refresh keeps readers out: SELECT * FROM scout.maintain(%2$L, ''index'', ''{...}'', is_unique => true) would let it run concurrently'
            ELSE 'a refresh keeps readers out: CREATE UNIQUE INDEX ON %1$s (...) on plain columns, not partial, would let it run concurrently' END,
            relation, relation::text) END;
END
$$;
COMMENT ON FUNCTION scout_internal.checked_gold(regclass, interval, interval, boolean) IS
'What register_gold() would write, or one error that says what is wrong with its arguments.';
