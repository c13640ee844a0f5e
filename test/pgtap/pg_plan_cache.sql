-- Plans that are kept (src/pg/plan_cache.hpp), up to 1,000 of them: those that are being made or executed are not freed
-- to make room for others, however many a user's function asks for meanwhile. Seen through the module scout_ir_test.
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS scout_ir_test;
SELECT plan(10);
CREATE FUNCTION public.ask_for(first int, last int) RETURNS bigint LANGUAGE sql VOLATILE AS $$
SELECT sum(scout_ir_test.read_cached(format('SELECT %s::bigint', n))) FROM generate_series(first, last) n $$;
CREATE FUNCTION public.ask_while_planned(n int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN public.ask_for(n, n + 1199);
END
$$;
CREATE FUNCTION public.fail(n int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.ask_for(n, n + 1199);
    RAISE EXCEPTION 'refused';
END
$$;
SELECT is(scout_ir_test.read_cached('SELECT 7::bigint'), 7::bigint, 'a plan');
SELECT is(scout_ir_test.read_cached('SELECT 7::bigint'), 7::bigint, 'is used again');
SELECT is(public.ask_for(1, 2500), 3126250::bigint, 'more plans than are kept');
SELECT is(scout_ir_test.read_cached('SELECT public.ask_for(1, 1200)'), 720600::bigint, 'inside one that is executed');
SELECT is(scout_ir_test.read_cached($$SELECT sum(scout_ir_test.read_cached(format('SELECT public.ask_for(%s, %s)', n * 1200, n * 1200 + 1199)))::bigint
    FROM generate_series(1, 3) n$$), (SELECT sum(n) FROM generate_series(1200, 4799) n)::bigint, 'two levels deep');
SELECT is(scout_ir_test.read_cached('SELECT public.ask_while_planned(5000)'), (SELECT sum(n) FROM generate_series(5000, 6199) n)::bigint, 'inside one that is made');
SELECT throws_ok($$SELECT scout_ir_test.read_cached('SELECT public.fail(7000)')$$, 'P0001', 'refused', 'inside one that fails');
SELECT is(scout_ir_test.read_cached('SELECT public.ask_for(9000, 10199)'), (SELECT sum(n) FROM generate_series(9000, 10199) n)::bigint, 'after which all is as before');
CREATE TABLE public.changes AS SELECT 1::bigint AS n;
SELECT is(scout_ir_test.read_cached('SELECT sum(n)::bigint FROM public.changes'), 1::bigint, 'a plan of a table');
ALTER TABLE public.changes ALTER n TYPE int USING n + 1;
SELECT is(scout_ir_test.read_cached('SELECT sum(n)::bigint FROM public.changes'), 2::bigint, 'that is made again when the table has changed');
SELECT * FROM finish();
