-- Buffers that fill up inside savepoints.
\set ECHO none
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir /sql/include/reset.sql
\i :include
\set ECHO all
SET ROLE regress_scout_owner;
SET client_min_messages = warning;

-- More events than the buffer holds, in levels that stay and levels that go.
CREATE FUNCTION pg_temp.many(first int, last int) RETURNS SETOF jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('transaction_id', 'M' || i) FROM generate_series(first, last) i $$;
SELECT count(*) AS before FROM scout.bronze_events \gset
BEGIN;
INSERT INTO scout.bronze_events (event_data, source_system) SELECT pg_temp.many(1, 5000), 'outer';
SAVEPOINT a;
INSERT INTO scout.bronze_events (event_data) SELECT pg_temp.many(5001, 17000);
SAVEPOINT b;
INSERT INTO scout.bronze_events (event_data) SELECT pg_temp.many(16001, 30000);
SELECT count(*) AS unflushed FROM scout_internal.unflushed_events();
ROLLBACK TO b;
INSERT INTO scout.bronze_events (event_data) SELECT pg_temp.many(16001, 18000);
RELEASE a;
COMMIT;
SELECT count(*) - :before AS taken_in FROM scout.bronze_events;
SELECT source_system, count(*) AS chunks, sum(event_count) AS events, max(event_count) FROM scout.bronze_pending GROUP BY 1 ORDER BY 1;
SELECT broken FROM pg_temp.balance();

-- A savepoint per event: what is released may be flushed inside another savepoint that then goes.
BEGIN;
DO $$ BEGIN
    FOR i IN 1 .. 15000 LOOP
        BEGIN
            INSERT INTO scout.bronze_events (event_data) VALUES (jsonb_build_object('transaction_id', 'N' || i));
            IF i % 3 = 0 THEN RAISE EXCEPTION 'no'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
    BEGIN
        FOR i IN 15001 .. 16000 LOOP
            BEGIN
                INSERT INTO scout.bronze_events (event_data) VALUES (jsonb_build_object('transaction_id', 'N' || i));
            EXCEPTION WHEN raise_exception THEN NULL;
            END;
        END LOOP;
        RAISE EXCEPTION 'no';
    EXCEPTION WHEN raise_exception THEN NULL;
    END;
END $$;
INSERT INTO scout.bronze_events (event_data) SELECT jsonb_build_object('transaction_id', 'N' || i) FROM generate_series(1, 16000) i;
COMMIT;
SELECT count(*) AS events, count(DISTINCT event_hash) AS contents FROM scout.bronze_events WHERE event_data ->> 'transaction_id' ~ '^N';
SELECT broken FROM pg_temp.balance();
