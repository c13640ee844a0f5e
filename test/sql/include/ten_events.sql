-- reset.sql, and ten events that are loaded, one a minute, in two sources (odd: pos, even: web): 3 and 4 are
-- one transaction, which 3 has, and 5 is not valid. No output.
\ir reset.sql
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET ROLE regress_scout_operator;
INSERT INTO scout.bronze_events (event_id, source_system, ingested_at, event_data)
SELECT n, CASE WHEN n % 2 = 0 THEN 'web' ELSE 'pos' END, '2025-08-24 06:00Z'::timestamptz + n * interval '1 minute',
       pg_temp.ev('T' || (CASE n WHEN 4 THEN 3 ELSE n END), jsonb_build_object('customer_id', 'C' || n) || (CASE n WHEN 5 THEN '{"total_amount": -1}' ELSE '{}' END)::jsonb)
FROM generate_series(1, 10) n;
DO $$ BEGIN PERFORM scout.load_silver_from_bronze(); END $$;
RESET ROLE;
RESET client_min_messages;
\set ON_ERROR_STOP off
