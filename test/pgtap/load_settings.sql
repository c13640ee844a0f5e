-- Statements of ours are planned with settings of their own; users' triggers that they fire run with the user's.
BEGIN;
SELECT 'CREATE ROLE pgtap_owner LOGIN' WHERE to_regrole('pgtap_owner') IS NULL \gexec
SELECT plan(9);
SET client_min_messages = warning;
SELECT lives_ok('SELECT scout.create_pipeline(''pgtap_owner'')', 'a pipeline');
CREATE TABLE pg_temp.seen (what text, settings text);
GRANT ALL ON pg_temp.seen TO PUBLIC;
CREATE FUNCTION pg_temp.settings() RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', current_setting('enable_seqscan'), current_setting('enable_sort'), current_setting('enable_bitmapscan'), current_setting('jit')) $$;
CREATE FUNCTION pg_temp.look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.seen SELECT concat_ws(' ', tg_op, tg_table_name), pg_temp.settings();
    RETURN CASE tg_op WHEN 'DELETE' THEN old ELSE new END;
END
$$;
CREATE TRIGGER look BEFORE INSERT OR UPDATE OR DELETE ON scout.bronze_events FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
CREATE TRIGGER look BEFORE INSERT OR UPDATE OR DELETE ON scout.bronze_pending FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
CREATE TRIGGER look AFTER INSERT OR UPDATE OR DELETE ON scout.silver_transactions FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
CREATE TRIGGER look AFTER INSERT OR UPDATE OR DELETE ON scout.silver_line_items FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
CREATE TRIGGER look AFTER INSERT OR UPDATE OR DELETE ON scout.bronze_events_dlq FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
CREATE TRIGGER look AFTER INSERT ON scout.bronze_deletions FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
-- A life of events: loaded, in part at first, corrected, dead-lettered, redriven, quarantined, deleted.
CREATE FUNCTION pg_temp.live(run text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE pg_temp.seen;
    PERFORM scout.ingest_event(jsonb_build_object('transaction_id', run || n, 'store_id', 'S1', 'ts', '2025-08-24T14:05:00Z', 'total_amount', 10 * n,
        'items', jsonb_build_array(jsonb_build_object('product_id', 'P1', 'qty', n, 'unit_price', 10, 'line_amount', 10 * n)))) FROM generate_series(1, 9) n;
    PERFORM scout.ingest_event('{"bad": 1}'), scout.backlog();
    PERFORM scout.load_silver_from_bronze(3), scout.load_silver_from_bronze(100);
    UPDATE scout.bronze_events SET event_data = event_data || '{"payment_method": "card"}' WHERE event_data ? 'items';
    PERFORM scout.reprocess_bronze_window(now() - interval '1 hour', now() + interval '1 hour');
    PERFORM scout.dlq_redrive();
    PERFORM scout.quarantine_events((SELECT array_agg(event_id) FROM scout.bronze_events WHERE event_data ->> 'transaction_id' = run || '1'), 'a test');
    DELETE FROM scout.bronze_events WHERE event_data ->> 'transaction_id' = run || '2' OR event_data ? 'bad';
END
$$;
SET enable_bitmapscan = off;
SELECT lives_ok($$SELECT pg_temp.live('A')$$, 'a life of events');
SELECT is((SELECT count(DISTINCT what) >= 10 FROM pg_temp.seen), true, 'fires triggers on every table');
SELECT is_empty($$SELECT DISTINCT what, settings FROM pg_temp.seen WHERE settings <> 'on on off on'$$, 'they see the user''s settings');
SET scout_ir.write_path = general;
SET jit = off;
SET enable_seqscan = off;
SELECT lives_ok($$SELECT pg_temp.live('B')$$, 'the same by INSERT, with plans that are made');
SELECT is((SELECT count(DISTINCT what) >= 10 FROM pg_temp.seen), true, 'fires triggers on every table');
SELECT is_empty($$SELECT DISTINCT what, settings FROM pg_temp.seen WHERE settings <> 'off on off off'$$, 'they see the user''s settings');
SELECT is(pg_temp.settings(), 'off on off off', 'which are as before after it');
SET plan_cache_mode = force_custom_plan;
SELECT lives_ok($$SELECT pg_temp.live('C')$$, 'a user who forces custom plans');
SELECT * FROM finish();
ROLLBACK;
