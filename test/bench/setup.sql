-- What every database of the bench starts from (psql, as a superuser): the extension, an empty pipeline
-- owned by an ordinary role, and helpers in schema bench.
SET client_min_messages = warning;
\set owner pipeline_owner
\ir ../lib/pipeline.sql
CREATE SCHEMA bench;

-- Bronze, keys and queue as they were made. TRUNCATE of bronze is refused by a trigger.
CREATE PROCEDURE bench.empty_bronze() LANGUAGE plpgsql AS $$
BEGIN
    ALTER TABLE scout.bronze_events DISABLE TRIGGER USER;
    TRUNCATE scout.bronze_events, scout.bronze_event_keys, scout.bronze_pending, scout.bronze_deletions;
    CALL bench.enable_triggers();
END $$;

CREATE PROCEDURE bench.enable_triggers() LANGUAGE plpgsql AS $$
DECLARE
    name name;
BEGIN
    FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'scout.bronze_events'::regclass AND NOT tgisinternal LOOP
        EXECUTE format('ALTER TABLE scout.bronze_events ENABLE ALWAYS TRIGGER %I', name);
    END LOOP;
END $$;

-- Nothing loaded, nothing queued, no letters; bronze stays.
CREATE PROCEDURE bench.empty_silver() LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE scout.silver_transactions, scout.silver_line_items, scout.bronze_events_dlq, scout.bronze_pending,
             scout.quality_warnings, scout.etl_runs;
END $$;

-- Queues what is in bronze and has no state, the documented way.
CREATE PROCEDURE bench.queue_all() LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE pipeline_owner;
    PERFORM scout.create_pipeline();
END $$;

-- Do two schemas hold the same silver rows? All columns that an event decides.
CREATE FUNCTION bench.silver_hash(schema name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hash text;
BEGIN
    EXECUTE format($q$
        SELECT concat_ws(' ',
            (SELECT count(*) || ' ' || sum(hashtextextended(row(transaction_id, store_id, ts, date_key, total_amount,
                 net_amount, customer_id, payment_method, item_count, unique_products, source_event_id)::text, 0))
             FROM %1$I.silver_transactions),
            (SELECT count(*) || ' ' || sum(hashtextextended(row(transaction_id, line_sequence, product_id, product_name,
                 brand_name, category, quantity, unit_price, line_amount, discount_amount, product_key, store_id)::text, 0))
             FROM %1$I.silver_line_items))$q$, schema) INTO hash;
    RETURN hash;
END $$;
