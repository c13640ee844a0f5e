-- A fresh extension and pipeline with the four roles; no output. Helpers are in pg_temp.
\ir roles.sql
\set ON_ERROR_STOP on
SET client_min_messages = error;
\set owner regress_scout_owner
\ir ../../lib/pipeline.sql
SELECT (scout.grant_access('operator', 'regress_scout_operator')).tier, (scout.grant_access('reader', 'regress_scout_reader')).tier \g /dev/null
-- A valid event of two lines; `changes` replaces its fields.
CREATE FUNCTION pg_temp.ev(id text, changes jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object(
    'transaction_id', id, 'store_id', 'S1', 'ts', '2025-08-24T14:05:00+08:00', 'total_amount', 30, 'net_amount', 27,
    'customer_id', 'C1', 'payment_method', 'cash', 'items', jsonb_build_array(
        jsonb_build_object('product_id', 'P1', 'product_name', 'Rice', 'brand', 'Acme', 'category', 'Food',
                           'qty', 2, 'unit_price', 10, 'line_amount', 20),
        jsonb_build_object('product_id', 'P2', 'qty', 1, 'unit_price', 12, 'line_amount', 10, 'discount', 2))) || changes
$$;
-- A load without its duration.
CREATE FUNCTION pg_temp.load(size int DEFAULT 2000, force boolean DEFAULT false,
    OUT events bigint, OUT created bigint, OUT lines bigint, OUT updated bigint, OUT dead bigint, OUT backlog bigint) LANGUAGE sql AS $$
SELECT events_processed, transactions_created, line_items_created, transactions_updated, events_dead_lettered, backlog
FROM scout.load_silver_from_bronze(size, force)
$$;
-- One line of reconcile(): the sum, and every check that is not ok.
CREATE FUNCTION pg_temp.balance(OUT bronze numeric, OUT pending numeric, OUT processed numeric, OUT dead numeric,
                                OUT discarded numeric, OUT broken text) LANGUAGE sql AS $$
SELECT max(value) FILTER (WHERE check_name = 'bronze_events'), max(value) FILTER (WHERE check_name = 'pending'),
       max(value) FILTER (WHERE check_name = 'processed'), max(value) FILTER (WHERE check_name = 'dead_lettered'),
       max(value) FILTER (WHERE check_name = 'discarded'),
       string_agg(check_name || '=' || value, ', ' ORDER BY check_name) FILTER (WHERE status <> 'ok')
FROM scout.reconcile()
$$;
-- Silver without processing timestamps.
CREATE FUNCTION pg_temp.silver() RETURNS TABLE (content text) LANGUAGE sql AS $$
SELECT s.content FROM (SELECT concat_ws('|', t.transaction_id, t.store_id, t.ts, t.date_key, t.total_amount, t.net_amount, t.customer_id,
                 t.payment_method, t.item_count, t.unique_products, t.source_event_id) AS content
FROM scout.silver_transactions t
UNION ALL
SELECT concat_ws('|', l.transaction_id, '#' || l.line_sequence, l.product_id, l.product_name, l.brand_name, l.category,
                 l.quantity, l.unit_price, l.line_amount, l.discount_amount, l.store_id)
FROM scout.silver_line_items l) s ORDER BY s.content COLLATE "C"
$$;
RESET client_min_messages;
\set ON_ERROR_STOP off
