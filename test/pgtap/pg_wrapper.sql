-- The boundary between PostgreSQL and C++ (src/pg/wrapper.hpp, src/pg/guard.hpp), seen from SQL through
-- the module scout_ir_test: errors arrive whole, C++ owners are destroyed, the backend lives, and
-- nothing is left in memory.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS scout_ir;
CREATE EXTENSION IF NOT EXISTS scout_ir_test;

SELECT plan(62);
CREATE TEMPORARY TABLE backend AS SELECT pg_backend_pid() AS pid;

-- What a statement fails with, as one line: SQLSTATE|message|detail|hint.
CREATE FUNCTION pg_temp.failure(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS OR query_canceled THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws('|', SQLSTATE, message, detail, hint);
END
$$;

SELECT is(pg_temp.failure(format('SELECT scout_ir_test.%s', call)), outcome, what)
FROM (VALUES
    ($c$throw_core_error('22023', 'a message', 'a detail', 'a hint')$c$, '22023|a message|a detail|a hint',
        'core::Error keeps SQLSTATE, message, detail and hint'),
    ($c$throw_core_error('0A000', 'a message', '', 'a hint')$c$, '0A000|a message||a hint',
        'core::Error without detail'),
    ($c$throw_core_error('P0001', 'a message')$c$, 'P0001|a message||', 'core::Error with a message alone'),
    ($c$throw_core_error('22023', '100% %s %n', '%d', '%s%s')$c$, '22023|100% %s %n|%d|%s%s',
        'texts of a core::Error are no format strings'),
    ($c$throw_core_error('22023', 'Grüße', 'Straße', '東京')$c$, '22023|Grüße|Straße|東京',
        'texts of a core::Error keep their characters'),
    ($c$throw_runtime_error('something went wrong')$c$, 'XX000|something went wrong||',
        'std::runtime_error is an internal error with its message'),
    ('throw_bad_alloc()', '53200|out of memory||', 'std::bad_alloc is out of memory'),
    ('throw_number()', 'XX000|unknown C++ exception||', 'what is no std::exception is an internal error'),
    ('guarded_division()', '22012|division by zero||', 'guarded(): an error of the server arrives as it was'),
    ('guarded_report()', '23514|reported by the server|its detail|its hint',
        'guarded(): detail and hint of the server''s error survive a rethrow'),
    ('action_report()', '23514|reported by the server|its detail|its hint', 'an action: an error of the server arrives as it was'),
    ('plain_report()', '23514|reported by the server|its detail|its hint', 'ereport() without C++ owners'),
    ('own_then_report()', '23514|reported by the server|its detail|its hint', 'ereport() after own()'),
    ('own_then_throw()', '22023|thrown after own()||', 'core::Error after own()'),
    ('own_throwing_constructor()', '22023|the constructor failed||', 'own(): a constructor that throws')
) v(call, outcome, what);

SELECT is(pg_temp.failure($c$SELECT scout_ir_test.throw_core_error('22023', repeat('x', 5000))$c$),
          '22023|' || repeat('x', 1023) || '||', 'a message that is too long is cut to 1,023 bytes');

SELECT is(pg_temp.failure(format($c$SELECT scout_ir_test.throw_core_error('22023', %L, %L, %L)$c$,
              repeat('x', n) || repeat(c, 1000), repeat('x', n) || repeat(c, 1000), repeat('x', n) || repeat(c, 1000))),
          concat_ws('|', '22023', whole.long, whole.long, whole.short), format('and never inside a character: %s bytes and %s', n, c))
FROM generate_series(0, 3) n, unnest('{é,東,😀}'::text[]) c,
     LATERAL (SELECT repeat('x', n) || repeat(c, (1023 - n) / octet_length(c)) AS long,
                     repeat('x', n) || repeat(c, (511 - n) / octet_length(c)) AS short) whole;

SELECT is(scout_ir_test.guarded_success(), 42, 'guarded() gives results back');
SELECT is(scout_ir_test.alive(), 0::bigint, 'every C++ owner on the stack was destroyed');

-- Counted one by one: whose destructor ran, and how often.
CREATE TEMPORARY TABLE counted (step int, destroyed bigint);
INSERT INTO counted SELECT 0, scout_ir_test.destroyed();
SELECT pg_temp.failure('SELECT scout_ir_test.guarded_division()') AS ignored \gset
INSERT INTO counted SELECT 1, scout_ir_test.destroyed();
SELECT pg_temp.failure('SELECT scout_ir_test.guarded_report()') AS ignored \gset
INSERT INTO counted SELECT 2, scout_ir_test.destroyed();
SELECT pg_temp.failure('SELECT scout_ir_test.own_then_report()') AS ignored \gset
INSERT INTO counted SELECT 3, scout_ir_test.destroyed();
SELECT scout_ir_test.own_then_reset() AS ignored \gset
INSERT INTO counted SELECT 4, scout_ir_test.destroyed();
SELECT pg_temp.failure('SELECT scout_ir_test.own_throwing_constructor()') AS ignored \gset
INSERT INTO counted SELECT 5, scout_ir_test.destroyed();
SELECT is(c.destroyed - p.destroyed, v.expected::bigint, v.what)
FROM (VALUES (1, 1, 'guarded(): the destructor above a division by zero runs once'),
             (2, 2, 'guarded(): destructors of nested frames run once each'),
             (3, 1, 'own(): the object goes when its context is reset after an error'),
             (4, 2, 'own(): objects go with a reset, and are not destroyed again with the context'),
             (5, 0, 'own(): an object whose constructor threw is not destroyed')) v(step, expected, what)
JOIN counted c USING (step) JOIN counted p ON p.step = v.step - 1
ORDER BY v.step;

-- attempt(): goes on after an error of the call's own, and only then.
CREATE TEMPORARY TABLE kept (n int CHECK (n > 0));
SELECT is(scout_ir_test.attempt_sql('INSERT INTO kept VALUES (1)'), NULL, 'attempt() succeeds');
SELECT is(scout_ir_test.attempt_sql('INSERT INTO kept VALUES (2)', false), NULL, 'attempt() as a dry run succeeds');
SELECT is(scout_ir_test.attempt_sql('INSERT INTO kept VALUES (3), (-1)'), '23514', 'attempt() returns the error');
SELECT is(scout_ir_test.attempt_sql('SELECT 1/0'), '22012', 'attempt() goes on after a division by zero');
SELECT results_eq('SELECT n FROM kept', ARRAY[1], 'attempt() keeps what succeeded, nothing else');
SELECT is(pg_temp.failure(format('SELECT scout_ir_test.attempt_sql(%L)',
              format('DO $d$ BEGIN RAISE EXCEPTION ''stop'' USING ERRCODE = %L; END $d$', state))),
          state || '|stop||', format('attempt() does not swallow %s', state))
FROM unnest(ARRAY['40001', '40P01', '53100', '53200', '55P03', '57014', 'XX000', 'XX001']) state;

SELECT is(pg_backend_pid(), (SELECT pid FROM backend), 'the backend is the same as at the start');

-- Memory: 10,000 caught errors of all kinds leave nothing behind.
CREATE FUNCTION pg_temp.fail_often(times int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    caught bigint := 0;
BEGIN
    FOR i IN 1 .. times LOOP
        BEGIN
            CASE i % 7
                WHEN 0 THEN PERFORM scout_ir_test.throw_core_error('22023', 'message', 'detail', 'hint');
                WHEN 1 THEN PERFORM scout_ir_test.throw_runtime_error('message');
                WHEN 2 THEN PERFORM scout_ir_test.throw_bad_alloc();
                WHEN 3 THEN PERFORM scout_ir_test.throw_number();
                WHEN 4 THEN PERFORM scout_ir_test.guarded_division();
                WHEN 5 THEN PERFORM scout_ir_test.own_then_report();
                ELSE PERFORM scout_ir_test.plain_report();
            END CASE;
        EXCEPTION WHEN OTHERS THEN
            caught := caught + 1;
        END;
    END LOOP;
    RETURN caught;
END
$$;
CREATE FUNCTION pg_temp.used_bytes() RETURNS bigint
LANGUAGE sql VOLATILE AS 'SELECT sum(m.used_bytes)::bigint FROM pg_backend_memory_contexts m';

SELECT pg_temp.fail_often(700) AS ignored, pg_temp.used_bytes() AS ignored \gset
SELECT pg_temp.used_bytes() AS before \gset
SELECT is(pg_temp.fail_often(10000), 10000::bigint, '10,000 errors are caught');
SELECT pg_temp.used_bytes() - :before AS growth \gset
-- One error that left its ErrorData behind would be 5 MB here.
SELECT cmp_ok(:growth, '<', 65536, 'memory contexts do not grow over 10,000 errors (' || :growth || ' bytes)');
SELECT is(scout_ir_test.alive(), 0::bigint, 'no C++ object is left over');

-- Last, for they may end the backend: C++ exceptions that leave a guarded call.
SELECT is(pg_temp.failure('SELECT scout_ir_test.guarded_throw()'), '22023|thrown inside guarded()||',
          'guarded(): a C++ exception passes through');
SELECT is(pg_temp.failure(format('SELECT scout_ir_test.attempt_throw(%L)', what)), outcome, 'attempt(): ' || outcome)
FROM (VALUES ('core', '22023|thrown inside attempt()|a detail|a hint'),
             ('runtime', 'XX000|runtime error inside attempt()||'),
             ('bad_alloc', '53200|out of memory||'),
             ('number', 'XX000|unknown C++ exception||')) v(what, outcome);
SELECT is(pg_temp.failure('SELECT scout_ir_test.action_guarded()'), '23514|reported by the server|its detail|its hint',
          'an action: an error of the server passes through two guarded calls');
SELECT is(pg_temp.failure('SELECT scout_ir_test.action_throw()'), '22023|thrown inside an action|a detail|a hint',
          'an action: core::Error keeps SQLSTATE, message, detail and hint');
SELECT is(pg_temp.failure('SELECT 1/0'), '22012|division by zero||', 'the server''s own handling of errors still works');
SELECT is(scout_ir_test.alive(), 0::bigint, 'C++ owners inside guarded calls were destroyed');
SELECT is(pg_backend_pid(), (SELECT pid FROM backend), 'the backend is still the same');

SELECT * FROM finish();
