-- Poison: a user's CHECK, a user's trigger; the rest of the batch is loaded.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions ADD CONSTRAINT no_bob CHECK (customer_id <> 'bob');
RESET ROLE;
CREATE FUNCTION public.user_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.product_id = 'PX' THEN RAISE EXCEPTION 'product PX is recalled'; END IF; RETURN NEW; END $$;
CREATE TRIGGER user_check BEFORE INSERT ON scout.silver_line_items FOR EACH ROW EXECUTE FUNCTION public.user_check();
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, event_data) SELECT 700 + n, pg_temp.ev('Q' || n,
    (CASE n WHEN 4 THEN '{"customer_id": "bob"}' WHEN 7 THEN '{"items": [{"product_id": "PX", "qty": 1, "unit_price": 30}]}' ELSE '{}' END)::jsonb) FROM generate_series(1, 9) n;
SELECT * FROM pg_temp.load();
SELECT event_id, error_code, error_message, error_details - 'detail' AS details, transaction_id, attempts FROM scout.bronze_events_dlq WHERE event_id BETWEEN 700 AND 710 ORDER BY 1;
SELECT count(*) FROM scout.silver_transactions WHERE transaction_id LIKE 'Q%';
SELECT * FROM pg_temp.balance();
SET ROLE regress_scout_owner;
ALTER TABLE scout.silver_transactions DROP CONSTRAINT no_bob;
DROP TRIGGER user_check ON scout.silver_line_items;
RESET ROLE;
DROP FUNCTION public.user_check();
