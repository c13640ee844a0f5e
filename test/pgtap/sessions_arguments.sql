-- Stuck locks and the emergency reset: every bad argument is one clear error, before anything is done.
BEGIN;
SELECT plan(37);
\ir ../lib/pipeline.sql

SELECT throws_ok('SELECT scout.clear_stuck_locks(' || a || ')', code, message, 'clear_stuck_locks: ' || a)
FROM (VALUES
    ('NULL', '22004', 'older_than must not be NULL'),
    ($$'-1 second'$$, '22023', 'older_than must not be negative'),
    ($$'1 month -31 days'$$, '22023', 'older_than must not be negative'),
    ($$'178000000 years'$$, '22023', 'older_than must not be that long'),
    ('dry_run => NULL', '22004', 'dry_run must not be NULL'),
    ('max_targets => NULL', '22004', 'max_targets must not be NULL'),
    ('max_targets => 0', '22023', 'max_targets must be from 1 to 10000, not 0'),
    ('max_targets => -1', '22023', 'max_targets must be from 1 to 10000, not -1'),
    ('max_targets => 10001', '22023', 'max_targets must be from 1 to 10000, not 10001'),
    ($$reason => ' '$$, '22023', 'reason must not be blank'),
    ('grace => NULL', '22004', 'grace must not be NULL'),
    ($$grace => '-1 ms'$$, '22023', 'grace must not be negative'),
    ($$grace => '2 hours'$$, '22023', 'grace must not be that long')) v (a, code, message);
SELECT lives_ok($$SELECT scout.clear_stuck_locks('0 seconds', true, 10000, NULL, '1 hour')$$, 'the bounds themselves are allowed');

SELECT throws_ok('SELECT scout.emergency_reset(' || a || ')', code, message, 'emergency_reset: ' || a)
FROM (VALUES
    ('NULL', '22004', 'reason must not be NULL'),
    ($$''$$, '22023', 'reason must not be blank'),
    ('older_than => NULL', '22004', 'older_than must not be NULL'),
    ($$older_than => '-1 day'$$, '22023', 'older_than must not be negative'),
    ('drain_timeout => NULL', '22004', 'drain_timeout must not be NULL'),
    ($$drain_timeout => '-1 ms'$$, '22023', 'drain_timeout must not be negative'),
    ($$drain_timeout => '1 year'$$, '22023', 'drain_timeout must not be that long'),
    ('probe_events => NULL', '22004', 'probe_events must not be NULL'),
    ('probe_events => 0', '22023', 'probe_events must be from 1 to 1000000, not 0'),
    ('dry_run => NULL', '22004', 'dry_run must not be NULL')) v (a, code, message);
SELECT is((SELECT count(*) FROM scout.pipeline_pauses) + (SELECT count(*) FROM scout.timeline t WHERE t.action = 'emergency_reset'), 0::bigint,
          'none of them has paused anything');

SELECT throws_ok('SELECT scout.protect_sessions(' || a || ')', code, message, 'protect_sessions: ' || a)
FROM (VALUES
    ('', '22004', 'role and application must not both be NULL'),
    ($$reason => 'x'$$, '22004', 'role and application must not both be NULL'),
    ('session_user', '22004', 'reason must not be NULL'),
    ($$session_user, reason => ' '$$, '22023', 'reason must not be blank'),
    ($$application => '', reason => 'x'$$, '22023', 'application must not be blank'),
    ($$'nobody at all', reason => 'x'$$, '42704', 'role "nobody at all" does not exist')) v (a, code, message);
SELECT throws_ok('SELECT scout.unprotect_sessions()', '22004', 'role and application must not both be NULL', 'unprotect_sessions: nobody');

SELECT lives_ok($$SELECT scout.protect_sessions(session_user, 'psql', 'first'), scout.protect_sessions(session_user, 'psql', 'second')$$, 'protecting twice');
SELECT is((SELECT concat_ws('|', p.role, p.application, p.reason, p.protected_by) FROM scout.protected_sessions p),
          concat_ws('|', session_user, 'psql', 'second', session_user), 'the newer reason stands');
SELECT is(u.status, 'was not protected', 'unprotecting takes the same arguments') FROM scout.unprotect_sessions(session_user) u;
SELECT is(u.reason || ': ' || u.status, 'second: no longer protected', 'and says what it took back') FROM scout.unprotect_sessions(session_user, 'psql') u;
SELECT is((SELECT string_agg(t.action || ' ' || t.outcome, ', ' ORDER BY t.entry_id) FROM scout.timeline t WHERE t.action LIKE '%protect%'),
          'protect_sessions protected, protect_sessions protected, unprotect_sessions was not protected, unprotect_sessions no longer protected',
          'all of it stands in the timeline');
SELECT * FROM finish();
ROLLBACK;
