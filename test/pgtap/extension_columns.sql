-- The columns that callers already read, by name and position: runbooks, schedules, dbt. More may follow
-- after them; a function or view of the list that is not there yet is skipped, and says so.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;

BEGIN;  -- roles are the whole cluster's: rolled back at the end
SELECT plan(42);

CREATE TEMPORARY TABLE contract (name text PRIMARY KEY, released boolean NOT NULL, columns text[] NOT NULL);
INSERT INTO contract VALUES
    ('load_silver_from_bronze', true, '{events_processed,transactions_created,line_items_created,processing_duration_ms,transactions_updated,events_dead_lettered,backlog}'),
    ('control_ingestion', true, '{action,ingestion_active,active_workers,message,source_system,paused_at,paused_by,reason,expires_at,backlog}'),
    ('ingestion_status', true, '{action,ingestion_active,active_workers,message,source_system,paused_at,paused_by,reason,expires_at,backlog}'),
    ('reprocess_bronze_window', true, '{events_reprocessed,transactions_created,line_items_created,transactions_updated,transactions_removed,events_dead_lettered,dead_letters_resolved,duration_ms,job_id,status}'),
    ('quarantine_window', true, '{events_quarantined,transactions_removed,line_items_removed,first_ingested_at,last_ingested_at,dry_run}'),
    ('quarantine_events', true, '{events_quarantined,transactions_removed,line_items_removed,first_ingested_at,last_ingested_at,dry_run}'),
    ('quarantine_failures', true, '{events_quarantined,transactions_removed,line_items_removed,first_ingested_at,last_ingested_at,dry_run}'),
    ('dlq_redrive', true, '{events_redriven,events_loaded,events_failed_again,remaining,dry_run,job_id,status}'),
    ('maintain', true, '{job_id,status,operation}'),
    ('refresh_gold_platinum', true, '{operation,duration_ms,status,rows_before,rows_after,job_id}'),
    ('data_quality_report', true, '{check_category,check_name,status,failure_count,details}'),
    ('reconcile', true, '{check_name,status,value,threshold,details}'),
    ('verify_recovery', true, '{check_name,status,value,threshold,details}'),
    ('accept_gate', true, '{check_name,status,value,threshold,details}'),
    ('smoke_test', true, '{check_name,status,value,threshold,details}'),
    ('db_health', false, '{check_name,status,value,threshold,details}'),
    ('v_ingest_freshness', true, '{bronze_staleness_minutes,silver_staleness_minutes,gold_staleness_minutes,pipeline_health}'),
    ('v_quality_alerts', true, '{alert_type,severity,transaction_id,processed_at,alert_payload}'),
    ('v_pipeline_throughput', true, '{minute,tx_count,total_items,avg_transaction_amount,active_stores}'),
    ('v_etl_performance', true, '{hour,batches_processed,total_records_created,avg_duration_ms,max_duration_ms,min_duration_ms,p95_duration_ms}'),
    ('v_product_linking_stats', true, '{hour,total_line_items,linked_items,linking_percentage,unique_product_ids,unique_product_keys}'),
    ('v_ingest_latency', true, '{transaction_id,bronze_ingested_at,silver_processed_at,latency_seconds,latency_rating}'),
    ('v_gold_freshness', true, '{materialized_view,latest_silver_data,last_refresh,seconds_behind,status}');

-- Output columns in order, of functions (RETURNS TABLE) and views of schema scout.
CREATE TEMPORARY VIEW actual AS
SELECT p.proname::text AS name, array_agg(a.name ORDER BY a.n) AS columns
FROM pg_proc p, unnest(p.proargnames, p.proargmodes) WITH ORDINALITY a (name, mode, n)
WHERE p.pronamespace = 'scout'::regnamespace AND a.mode IN ('t', 'o')
GROUP BY p.oid, p.proname
UNION ALL
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind = 'v'
GROUP BY c.oid, c.relname;

SELECT CASE WHEN a.name IS NULL AND NOT c.released THEN skip(c.name || ' is not in this version')
            ELSE is(a.columns[1:cardinality(c.columns)], c.columns, c.name || ': columns in order') END
FROM contract c LEFT JOIN actual a ON a.name = c.name
ORDER BY c.name;

-- The pipeline's tables have what the runbooks use, in order.
\ir ../lib/pipeline.sql
SELECT is((SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
           WHERE a.attrelid = to_regclass('scout.' || t.name) AND a.attnum BETWEEN 1 AND cardinality(t.columns)
             AND NOT a.attisdropped),
          t.columns, t.name || ': columns in order')
FROM (VALUES
    ('bronze_events', '{event_id,event_type,event_ts,source_system,store_id,event_data,event_hash,ingested_at}'::text[]),
    ('silver_transactions', '{transaction_id,store_id,ts,date_key,total_amount,net_amount,customer_id,payment_method,item_count,unique_products,processed_at,updated_at,source_event_id}'),
    ('silver_line_items', '{transaction_id,line_sequence,product_id,product_name,brand_name,category,quantity,unit_price,line_amount,discount_amount,product_key,updated_at}')
) t (name, columns);
-- By name: this table has more columns in between.
SELECT is((SELECT array_agg(c.name) FROM unnest(
               '{dlq_id,event_id,original_payload,error_code,error_message,error_details,source_system,transaction_id,failed_at,attempts,last_retry_at,status,resolved_at,resolved_by}'::text[]) c (name)
           WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass('scout.bronze_events_dlq')
                             AND a.attname = c.name AND NOT a.attisdropped)),
          NULL, 'bronze_events_dlq: no column is missing');
SELECT has_table('scout', t, t || ' is there') FROM unnest(ARRAY['dim_store', 'dim_product', 'bronze_ingestion_batches']) t;
SELECT has_materialized_view('scout', v, v || ' is there') FROM unnest(ARRAY['gold_daily_metrics', 'gold_region_choropleth']) v;
SELECT lives_ok(format('REFRESH MATERIALIZED VIEW CONCURRENTLY scout.%I', v), v || ' can be refreshed concurrently')
FROM unnest(ARRAY['gold_daily_metrics', 'gold_region_choropleth']) v;

-- What the views show is what their functions return, in the same order.
SELECT is(v.columns, f.columns, v.name || ' shows the columns of ' || f.name)
FROM actual v JOIN actual f ON f.name = substr(v.name, 3) WHERE v.name LIKE 'v\_%' ORDER BY 1;

-- The runbook's INSERT into the dead-letter queue works as written.
SELECT lives_ok($$INSERT INTO scout.bronze_events_dlq (original_payload, error_code, error_message, source_system)
                  SELECT '{"transaction_id": "t-1"}'::jsonb, 'MANUAL', 'by hand', 'runbook'$$,
                'the runbook''s INSERT of a dead letter');

SELECT * FROM finish();
ROLLBACK;
