-- Jobs in a transaction: bad arguments, who may act, what is promised of columns and keys. Workers start at
-- a commit, and here is none: test/tap/jobs.pl has the rest.
BEGIN;
SELECT plan(72);
SET client_min_messages = warning;
\ir ../lib/pipeline.sql
INSERT INTO scout.bronze_events (event_id, event_data)
SELECT n, jsonb_build_object('transaction_id', 'T' || n, 'store_id', 'S1', 'ts', '2025-08-24T14:05:00Z', 'total_amount', 10,
    'items', jsonb_build_array(jsonb_build_object('product_id', 'P1', 'qty', 1, 'unit_price', 10, 'line_amount', 10)))
FROM generate_series(1, 10) n;

-- One clear error for each bad argument.
SELECT throws_ok(format('SELECT * FROM scout.%s', c.call), c.sqlstate, c.message, c.call)
FROM (VALUES
    ('load_backlog(NULL)', '22004', 'batch_size must not be NULL'),
    ('load_backlog(0)', '22023', 'batch_size must be from 1 to 1000000, not 0'),
    ('load_backlog(-5)', '22023', 'batch_size must be from 1 to 1000000, not -5'),
    ('load_backlog(workers => NULL)', '22004', 'workers must be between 1 and 4'),
    ('load_backlog(workers => 0)', '22023', 'workers must be between 1 and 4'),
    ('load_backlog(workers => -1)', '22023', 'workers must be between 1 and 4'),
    ('load_backlog(workers => 2147483647)', '22023', 'workers must be between 1 and 4'),
    ('load_backlog(wait => NULL)', '22004', 'wait must not be NULL'),
    ('load_backlog(max_events => 0)', '22023', 'max_events must be at least 1'),
    ('load_backlog(max_events => -1)', '22023', 'max_events must be at least 1'),
    ('load_backlog(skip_if_running => NULL)', '22004', 'skip_if_running must not be NULL'),
    ($$reprocess_bronze_window('2020-01-01', '2021-01-01', workers => 0)$$, '22023', 'workers must be between 1 and 4'),
    ($$reprocess_bronze_window('2020-01-01', '2021-01-01', workers => NULL)$$, '22004', 'workers must be between 1 and 4'),
    ($$reprocess_bronze_window('2020-01-01', '2021-01-01', wait => NULL)$$, '22004', 'wait must not be NULL'),
    ('job(NULL)', 'P0002', 'there is no job NULL'),
    ('job(0)', 'P0002', 'there is no job 0'),
    ('job(-1)', 'P0002', 'there is no job -1'),
    ('job(9223372036854775807)', 'P0002', 'there is no job 9223372036854775807'),
    ('cancel_job(NULL)', '22004', 'job_id must not be NULL'),
    ('cancel_job(4711)', 'P0002', 'there is no job 4711'),
    ('resume_job(NULL)', '22004', 'job_id must not be NULL'),
    ('resume_job(4711)', 'P0002', 'there is no job 4711'),
    ('wait_for_job(NULL)', '22004', 'job_id must not be NULL'),
    ('wait_for_job(-4711)', 'P0002', 'there is no job -4711'),
    ($$wait_for_job(4711, '-1 second')$$, '22023', 'timeout must not be negative'),
    ($$wait_for_job(4711, '100000 days -2000000 hours')$$, 'P0002', 'there is no job 4711')) c(call, sqlstate, message);
SELECT is_empty('SELECT FROM scout.jobs', 'none of them has made a job');

-- In a block the caller does the work.
SELECT results_eq($$SELECT events_processed, job_id, status FROM scout.load_backlog(2, max_events => 4)$$,
                  $$VALUES (4::bigint, NULL::bigint, 'in_transaction')$$, 'load_backlog in a block');
SELECT results_eq($$SELECT events_reprocessed, job_id, status FROM scout.reprocess_bronze_window('2025-01-01', '2026-01-01', window_on => 'event_ts')$$,
                  $$SELECT count(*), NULL::bigint, 'in_transaction' FROM scout.bronze_events WHERE event_ts IS NOT NULL$$, 'reprocess in a block');
SELECT is_empty('SELECT FROM scout.jobs', 'which is no job');

-- Asked for, not waited for.
INSERT INTO scout.bronze_events (event_id, event_data) SELECT event_id + 10, event_data || jsonb_build_object('transaction_id', 'U' || event_id)
FROM scout.bronze_events WHERE event_id <= 6;
SELECT results_eq($$SELECT events_processed, transactions_created, line_items_created, transactions_updated, events_dead_lettered, backlog, job_id, status
                    FROM scout.load_backlog(2, workers => 2, wait => false, idempotency_key => 'k')$$,
                  $$SELECT 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 6::bigint, 1::bigint, 'queued'$$,
                  'a job that is asked for is queued and has done nothing');
SELECT results_eq($$SELECT kind, state, workers, done, total, unit, attempts, idempotency_key, worker_pids, session_role, acting_role, asked_by,
                           error_sqlstate, started_at, finished_at, percent, rows_per_second, estimated_finish FROM scout.jobs$$,
                  $$SELECT 'load_backlog', 'queued', 2, 0::bigint, 6::bigint, 'events', 0, 'k', NULL::int[], session_user::name, current_user::name,
                           session_user::text COLLATE "default", NULL::text, NULL::timestamptz, NULL::timestamptz, 0.0, NULL::numeric, NULL::timestamptz$$,
                  'the view shows it');
SELECT max(job_id) AS job FROM scout.jobs \gset
SELECT is((SELECT arguments FROM scout.job(:job)), '{"batch_size": 2}', 'and what it was asked to do');
SELECT is((SELECT count(*) FROM scout_internal.job_chunks), 3::bigint, 'its work is frozen');
SELECT is((SELECT job_id FROM scout.load_backlog(2, wait => false, idempotency_key => 'k')), :job::bigint, 'the same key again: the same job');
SELECT throws_ok($$SELECT * FROM scout.load_backlog(3, wait => false, idempotency_key => 'k')$$, '23505',
                 format('idempotency key "k" stands for another request, job %s', :job), 'the key of another request is refused');
SELECT throws_ok($$SELECT * FROM scout.reprocess_bronze_window('2020-01-01', '2021-01-01', wait => false, idempotency_key => 'k')$$, '23505',
                 NULL, 'also of another kind');
SELECT throws_ok(format('SELECT * FROM scout.wait_for_job(%s)', :job), '55000', format('job %s starts when this transaction commits', :job),
                 'nobody waits for the end of the own transaction');
SELECT results_eq(format('SELECT state_before, state, workers_interrupted FROM scout.cancel_job(%s, NULL)', :job),
                  $$VALUES ('queued', 'cancelled', 0)$$, 'a queued job is cancelled');
SELECT results_eq(format('SELECT state_before, state FROM scout.resume_job(%s)', :job), $$VALUES ('cancelled', 'queued')$$, 'and queued again');
SELECT results_eq(format('SELECT state_before, state FROM scout.resume_job(%s)', :job), $$VALUES ('queued', 'queued')$$, 'to resume twice is no error');
SELECT is((SELECT array_agg(action || ' ' || outcome ORDER BY entry_id) FROM scout.timeline WHERE action NOT IN ('reprocess_bronze_window', 'grant_access', 'create_pipeline')),
          ARRAY['load_backlog queued', 'cancel_job cancelled', 'resume_job queued', 'resume_job queued'], 'the timeline has each step');

-- Ended jobs.
SAVEPOINT ended;
UPDATE scout_internal.job_records SET state = 'succeeded', finished_at = now();
SELECT throws_ok(format('SELECT * FROM scout.resume_job(%s)', :job), '55000', format('job %s has succeeded: nothing is left to do', :job),
                 'what has succeeded is not resumed');
SELECT results_eq(format('SELECT state_before, state FROM scout.cancel_job(%s)', :job), $$VALUES ('succeeded', 'succeeded')$$,
                  'nor cancelled any more');
ROLLBACK TO ended;
SELECT lives_ok(format($$UPDATE scout_internal.job_records SET home = 'elsewhere' WHERE job_id = %s$$, :job), 'a job that came with a dump');
SELECT is((SELECT state FROM scout.job(:job)), 'interrupted', 'reads as interrupted: it does not start by itself');
SELECT results_eq(format('SELECT state FROM scout.resume_job(%s)', :job), $$VALUES ('queued')$$, 'but can be resumed');

-- Who may.
CREATE ROLE jobs_reader;
CREATE ROLE jobs_operator LOGIN;
SELECT lives_ok($$SELECT scout.grant_access('reader', 'jobs_reader'), scout.grant_access('operator', 'jobs_operator')$$, 'roles');
SET LOCAL ROLE jobs_reader;
SELECT is((SELECT count(*) FROM scout.jobs), 1::bigint, 'a reader looks at jobs');
SELECT is((SELECT state FROM scout.job(:job)), 'queued', 'and polls one');
SELECT throws_ok(format('SELECT * FROM scout.%s', c.call), '42501', NULL, 'a reader may not ' || c.call)
FROM (VALUES ('load_backlog(wait => false)'), ($$reprocess_bronze_window('2020-01-01', '2021-01-01', wait => false)$$),
             ('cancel_job(1)'), ('resume_job(1)')) c(call);
SELECT throws_ok('SELECT * FROM scout_internal.' || t, '42501', NULL, 'nor read ' || t)
FROM unnest(ARRAY['job_records', 'job_workers', 'job_chunks']) t WHERE NOT has_table_privilege('scout_internal.' || t, 'SELECT');
SELECT throws_ok($$UPDATE scout_internal.job_records SET session_role = 'postgres'$$, '42501', NULL, 'nobody but the owner writes jobs');
RESET ROLE;
SET LOCAL SESSION AUTHORIZATION jobs_operator;
SELECT throws_ok(format('SELECT * FROM scout.cancel_job(%s)', :job), '42501', format('permission denied to cancel job %s', :job),
                 'an operator does not cancel what a superuser asked for');
SELECT throws_ok(format('SELECT * FROM scout.resume_job(%s)', :job), '42501', format('permission denied to resume job %s', :job),
                 'nor starts it');
SELECT throws_ok($$UPDATE scout_internal.job_records SET session_role = 'postgres'$$, '42501', NULL, 'nor writes itself a role');
SELECT lives_ok($$SELECT scout.load_backlog(wait => false)$$, 'but asks for jobs of its own');
SELECT lives_ok($$SELECT scout.cancel_job(max(job_id)) FROM scout.jobs$$, 'and cancels them');
RESET SESSION AUTHORIZATION;

-- A key is for ever as long as its job is kept; a rolled back one never was.
SAVEPOINT s;
SELECT lives_ok($$SELECT scout.load_backlog(wait => false, idempotency_key => 'gone')$$, 'a job');
ROLLBACK TO s;
SELECT is_empty($$SELECT FROM scout.jobs WHERE idempotency_key = 'gone'$$, 'rolled back to a savepoint: no job');
SELECT col_not_null('scout_internal', 'job_records', c, c || ' is never unknown') FROM unnest(ARRAY['kind', 'state', 'session_role', 'acting_role', 'home']) c;
SELECT columns_are('scout', 'jobs', ARRAY['job_id', 'kind', 'arguments', 'state', 'asked_by', 'session_role', 'acting_role', 'worker_pids',
    'workers', 'done', 'total', 'unit', 'percent', 'rows_per_second', 'estimated_finish', 'transactions_created', 'transactions_updated',
    'transactions_removed', 'line_items_created', 'events_dead_lettered', 'dead_letters_resolved', 'last_position', 'attempts',
    'next_attempt_at', 'error_sqlstate', 'error_message', 'error_detail', 'error_hint', 'idempotency_key', 'scheduled', 'cancelled_by',
    'created_at', 'started_at', 'finished_at', 'paused'], 'the columns of jobs');
SELECT volatility_is('scout', f, v, f || ' is ' || v)
FROM (VALUES ('job', 'stable'), ('cancel_job', 'volatile'), ('wait_for_job', 'volatile')) x(f, v);

SELECT * FROM finish();
ROLLBACK;
