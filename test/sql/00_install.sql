-- Installation: objects, privileges, create_pipeline(), errors without a pipeline.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
DROP EXTENSION IF EXISTS scout_ir CASCADE;
DROP SCHEMA IF EXISTS scout CASCADE;
DO $$
DECLARE r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['owner', 'operator', 'reader', 'none'] LOOP
        IF to_regrole('regress_scout_' || r) IS NULL THEN
            EXECUTE format('CREATE ROLE %I', 'regress_scout_' || r);
        END IF;
    END LOOP;
END $$;
CREATE EXTENSION scout_ir;
RESET client_min_messages;

-- Only trigger functions are executable by PUBLIC, no relation is readable.
SELECT p.proname, p.prorettype = 'trigger'::regtype AS is_trigger
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE has_function_privilege('regress_scout_none', p.oid, 'EXECUTE') ORDER BY 1;
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'S')
  AND has_any_column_privilege('regress_scout_none', c.oid, 'SELECT') ORDER BY 1;

-- Every function is in exactly one tier, and no name is overloaded.
SELECT p.proname AS function_without_tier
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
WHERE p.prorettype <> 'trigger'::regtype AND (SELECT count(*) FROM scout_internal.tiers() t WHERE t.function_name = p.proname) <> 1;
SELECT t.function_name AS tier_of_nothing FROM scout_internal.tiers() t
WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'scout'::regnamespace AND p.proname = t.function_name);
SELECT p.proname AS overloaded FROM pg_proc p WHERE p.pronamespace = 'scout'::regnamespace GROUP BY 1 HAVING count(*) > 1;

-- Reports are STABLE, everything else is VOLATILE or a helper.
SELECT p.proname AS report_that_is_volatile
FROM pg_proc p JOIN scout_internal.tiers() t ON t.function_name = p.proname
WHERE p.pronamespace = 'scout'::regnamespace AND t.tier = 'reader' AND p.provolatile = 'v' ORDER BY 1;
SELECT p.proname AS action_that_is_not FROM pg_proc p JOIN scout_internal.tiers() t ON t.function_name = p.proname
WHERE p.pronamespace = 'scout'::regnamespace AND t.tier = 'operator' AND p.provolatile <> 'v' ORDER BY 1;

-- Members, and what pg_dump carries of them.
SELECT m.member FROM (SELECT pg_describe_object(d.classid, d.objid, 0) AS member
FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'scout_ir' AND d.deptype = 'e'
WHERE d.classid NOT IN ('pg_proc'::regclass, 'pg_type'::regclass)) m ORDER BY m.member COLLATE "C";
SELECT c::regclass AS dumped FROM pg_extension e, unnest(e.extconfig) c WHERE e.extname = 'scout_ir' ORDER BY c::regclass::text COLLATE "C";
SELECT count(*) AS rows_at_the_start FROM (SELECT FROM scout.etl_runs UNION ALL SELECT FROM scout.timeline
    UNION ALL SELECT FROM scout_internal.rule_overrides UNION ALL SELECT FROM scout.quality_warnings UNION ALL SELECT FROM scout.gold_refreshes
    UNION ALL SELECT FROM scout.protected_sessions) x;

-- Without a pipeline each call says what to do.
SELECT scout.control_ingestion('pause');
SELECT scout.control_ingestion('status');
SELECT scout.ingestion_status();
SELECT scout.load_silver_from_bronze(10);
SELECT scout.quarantine_window('2025-01-01Z', '2025-01-02Z', 'why');
SELECT scout.quarantine_events('{1}', 'why');
SELECT scout.quarantine_failures('NEGATIVE_TOTAL');
SELECT scout.clear_backlog();
SELECT scout.dlq_redrive();
SELECT scout.dlq_resolve('why', error_code => 'X');
SELECT scout.dlq_purge();
SELECT scout.reprocess_bronze_window('2025-01-01Z', '2025-01-02Z');
SELECT scout.refresh_gold_platinum();
SELECT scout.ingest_event('{}');
SELECT scout.ingest_events('[]');
SELECT * FROM scout.reconcile();
SELECT * FROM scout.v_ingest_freshness;
SELECT * FROM scout.v_quality_alerts;
SELECT * FROM scout.v_gold_freshness;
SELECT * FROM scout.dlq_summary();
SELECT * FROM scout.data_quality_report(1);

-- Trigger functions are no ordinary functions.
SELECT scout_internal.bronze_intake();
SELECT scout_internal.bronze_deleted();
SELECT scout_internal.dead_letter_link();
-- create_pipeline(): not for a superuser, not without the right to.
SELECT * FROM scout.create_pipeline();
SET ROLE regress_scout_none;
SELECT * FROM scout.create_pipeline();
RESET ROLE;
SELECT * FROM scout.grant_access('admin', 'regress_scout_owner');
SET ROLE regress_scout_owner;
SELECT * FROM scout.create_pipeline();
-- Again: everything is adopted, nothing queued.
SELECT p.status, count(*), string_agg(p.detail, '; ') FILTER (WHERE p.kind = 'seed') AS seed
FROM scout.create_pipeline() p GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT c.relname, r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
WHERE c.relnamespace = 'scout'::regnamespace AND r.rolname <> 'regress_scout_owner' AND c.relkind IN ('r', 'm')
ORDER BY c.relname COLLATE "C";
SELECT g.tgname, g.tgenabled, d.deptype FROM pg_trigger g JOIN pg_depend d ON d.objid = g.oid AND d.classid = 'pg_trigger'::regclass
AND d.refclassid = 'pg_extension'::regclass ORDER BY 1;

-- Tiers.
SELECT scout.grant_access('king', 'regress_scout_none');
SELECT scout.grant_access('reader', 'public');
SELECT scout.grant_access('reader', 'regress_nobody_at_all');
SELECT tier, relations_granted > 0 AS relations FROM scout.grant_access('reader', 'regress_scout_reader');
SELECT tier, relations_granted > 0 AS relations FROM scout.grant_access('operator', 'regress_scout_operator');
SELECT tier, relations_revoked > 0 AS relations FROM scout.revoke_access('operator', 'regress_scout_operator');
SET ROLE regress_scout_operator;
SELECT scout.load_silver_from_bronze(1);
SELECT count(*) FROM scout.reconcile();
RESET ROLE;

-- An adopted table that lacks something is named; nothing is changed.
ALTER TABLE scout.dim_store RENAME COLUMN region TO area;
ALTER TABLE scout.silver_line_items FORCE ROW LEVEL SECURITY;
SET ROLE regress_scout_owner;
SELECT count(*) FROM scout.create_pipeline();
RESET ROLE;
ALTER TABLE scout.dim_store RENAME COLUMN area TO region;
ALTER TABLE scout.silver_line_items NO FORCE ROW LEVEL SECURITY;

-- DROP EXTENSION leaves the user's tables; an insert into bronze then fails closed.
DROP EXTENSION scout_ir;
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind IN ('r', 'm') ORDER BY c.relname COLLATE "C";
\set VERBOSITY sqlstate
INSERT INTO scout.bronze_events (event_data) VALUES ('{}');
\set VERBOSITY default
INSERT INTO scout.bronze_events (event_data, event_hash) VALUES ('{"a": 1}', '\x00');
CREATE EXTENSION scout_ir;
DO $$ BEGIN PERFORM scout.grant_access('admin', 'regress_scout_owner'); END $$;
SET ROLE regress_scout_owner;
SELECT status, detail FROM scout.create_pipeline() WHERE kind IN ('seed', 'trigger') ORDER BY object_name, kind;
SELECT events_processed, events_dead_lettered, backlog FROM scout.load_silver_from_bronze();
