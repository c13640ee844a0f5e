# Jobs: what a waiting caller sees, cancels and resumes; with whose rights a worker runs; what pauses,
# full slots, faults, DROP and restarts do to it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use JobsTest;
use ScoutTest;
use Test::More;

# Whoever waits for what does not come fails; workers do not have this timeout.
$ENV{PGOPTIONS} = '-c statement_timeout=30s';

# The launcher of logical replication takes a slot: three are left.
my $node = new_node('jobs', "max_worker_processes = 4\n");
job_base($node);

sub quietly { return 'SET client_min_messages = error; ' . shift }
sub result_of {
    my ($db, $sql) = @_;
    return $node->safe_psql($db, quietly($sql));
}
sub error_of {
    my ($db, $sql) = @_;
    my ($rc, $out, $err) = $node->psql($db, "\\set VERBOSITY verbose\n$sql");
    return $err;
}
sub no_worker {
    $node->poll_query_until('postgres', "SELECT ($workers) = 0") or die 'a worker stays';
    return;
}

# The undisturbed run.
fresh($node, 'quiet');
load_all($node, 'quiet');
my $undisturbed = silver($node, 'quiet') . letters($node, 'quiet');
sub undisturbed {
    my ($db, $name) = @_;
    is(broken($node, $db), '', "$name: reconcile balances");
    ok(silver($node, $db) . letters($node, $db) eq $undisturbed, "$name: silver and letters as undisturbed");
    return;
}

subtest 'a waiting caller sees progress and gets the counts' => sub {
    my $db = fresh($node, 'waits');
    my $brake = brake($node, $db, 77, 79);
    my $caller = session($node, $db);
    tell($caller, 'SELECT events_processed, backlog, job_id, status FROM scout.load_backlog(200);');
    stopped($node, $db, 77);
    hear($caller, 'err', qr/NOTICE:.*job 1, load_backlog: 4\d % \(1\d00 of 3000 events\), \d+ a second, about \d+ s left/);
    pass('progress is shown while the worker stands still');
    like($node->safe_psql($db, 'SELECT state, done, total, percent, unit FROM scout.job(1)'), qr/^running\|1\d00\|3000\|4\d\.\d\|events$/,
        'so it is in the view');
    is($node->safe_psql($db, 'SELECT state, done < total, timed_out FROM scout.wait_for_job(1, interval $$0$$)'), 'running|t|t',
        'wait_for_job returns when its time is up');
    release($brake, 77);
    stopped($node, $db, 79);
    cmp_ok($node->safe_psql($db, q{SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'silver_transactions'}), '>=', 1000,
        'autovacuum sees what a worker does while it still runs');
    release($brake, 79);
    is(ask($caller, 'SELECT 1;'), "3000|0|1|succeeded\n1", 'the counts of the whole job');
    is($node->safe_psql($db, 'SELECT count(*) FROM scout.etl_runs'), '15', 'one transaction a batch');
    undisturbed($db, 'waits');
    is($node->safe_psql($db, q{SELECT action, outcome FROM scout.timeline WHERE action = 'load_backlog' ORDER BY 1, 2}), "load_backlog|queued\nload_backlog|succeeded",
        'the timeline has the request and the end');
    # The template of another database: no worker is attached, and a copy's jobs do not start there.
    leave($_) for $brake, $caller;
    no_worker();
    $node->safe_psql('postgres', 'CREATE DATABASE a_copy TEMPLATE waits');
    is(state($node, 'a_copy', 1), 'succeeded', 'a database with ended jobs serves as template');
};

subtest 'two workers: each event once' => sub {
    my $db = fresh($node, 'two');
    is(result_of($db, 'SELECT events_processed, status FROM scout.load_backlog(100, workers => 2)'), '3000|succeeded', 'loaded');
    is($node->safe_psql($db, 'SELECT sum(done), sum(transactions_created) = (SELECT count(*) FROM scout.silver_transactions) FROM scout_internal.job_workers'),
        '3000|t', 'the counts of the workers add up');
    undisturbed($db, 'two workers');
    my $since = $node->safe_psql($db, 'SELECT clock_timestamp()');
    is(result_of($db, q{SELECT events_reprocessed, transactions_created, transactions_removed, status
        FROM scout.reprocess_bronze_window('2000-01-01', now(), 100, workers => 2)}), '3000|0|0|succeeded', 'reprocessed');
    is($node->safe_psql($db, "SELECT count(*) FROM scout.silver_transactions WHERE processed_at < '$since'"), '0',
        'every transaction of the window is renewed');
    undisturbed($db, 'two workers, reprocessed');
    # Both at work at the same time, for certain.
    my $brake = brake($node, $db, 78);
    result_of($db, q{SELECT job_id FROM scout.reprocess_bronze_window('2000-01-01', now(), 100, workers => 2, wait => false)});
    stopped($node, $db, 78, 2);
    is($node->safe_psql($db, 'SELECT cardinality(worker_pids) FROM scout.job(3)'), '2', 'two processes');
    # One of them dies: the other does what it has left.
    my ($first) = split /\n/, $node->safe_psql($db, 'SELECT unnest(worker_pids) FROM scout.job(3)');
    $node->safe_psql($db, "SELECT pg_terminate_backend($first)");
    $node->poll_query_until($db, 'SELECT cardinality(worker_pids) = 1 FROM scout.job(3)') or die 'the worker does not die';
    release($brake, 78);
    is(result_of($db, 'SELECT state, done FROM scout.wait_for_job(3)'), 'succeeded|3000', 'the other goes on alone');
    undisturbed($db, 'one of two terminated');
    leave($brake);
};

subtest 'who waits and goes away cancels the job' => sub {
    my %end = (
        'pg_cancel_backend' => sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend($_[1])") },
        'pg_terminate_backend' => sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_[1])") },
        'disconnect' => sub { kill 'KILL', $_[0]->{run}->{KIDS}[0]{PID} },
    );
    for my $way (sort keys %end) {
        my $db = fresh($node, "goes_$way");
        my $brake = brake($node, $db, 77);
        my $caller = session($node, $db);
        my $pid = ask($caller, 'SELECT pg_backend_pid();');
        tell($caller, 'SET client_min_messages = error; SELECT * FROM scout.load_backlog(200);');
        stopped($node, $db, 77);
        $end{$way}->($caller, $pid);
        no_worker();
        is($node->safe_psql($db, 'SELECT state, error_sqlstate, error_message FROM scout.job(1)'),
            'cancelled|57014|the session that waited for it was cancelled or ended', "$way: the job is cancelled");
        is($node->safe_psql($db, 'SELECT done = 3000 - scout.backlog(), done % 200 FROM scout.job(1)'), 't|0',
            "$way: what was committed stays, nothing half");
        is(broken($node, $db), '', "$way: reconcile balances");
        release($brake, 77);
        is(result_of($db, 'SELECT state FROM scout.resume_job(1)'), 'queued', "$way: resumed");
        is(result_of($db, 'SELECT state, done FROM scout.wait_for_job(1)'), 'succeeded|3000', "$way: to its end");
        undisturbed($db, $way);
        leave($_) for $brake, $caller;
    }
};

subtest 'cancel_job and resume_job' => sub {
    my $db = fresh($node, 'cancels');
    my $brake = brake($node, $db, 77);
    is(result_of($db, q{SELECT job_id, status FROM scout.load_backlog(200, wait => false, idempotency_key => 'k')}), '1|queued',
        'asked for');
    stopped($node, $db, 77);
    is(result_of($db, q{SELECT job_id, status FROM scout.load_backlog(200, wait => false, idempotency_key => 'k')}), '1|running',
        'the same key is the same job');
    result_of($db, 'BEGIN; SAVEPOINT s; SELECT scout.cancel_job(1); ROLLBACK TO s; COMMIT');
    result_of($db, 'BEGIN; SELECT scout.cancel_job(1); ROLLBACK');
    is(state($node, $db, 1), 'running', 'a cancel that is rolled back cancels nothing');
    my $waiter = session($node, $db);
    tell($waiter, 'SET client_min_messages = error; SELECT state, timed_out FROM scout.wait_for_job(1);');
    is(result_of($db, q{SELECT state_before, state, workers_interrupted FROM scout.cancel_job(1, 'drill')}), 'running|cancelled|1',
        'cancelled');
    is(ask($waiter, 'SELECT 1;'), "cancelled|f\n1", 'who waits for it is told');
    no_worker();
    is($node->safe_psql($db, 'SELECT error_message, error_detail, cancelled_by, done % 200, done > 0 FROM scout.job(1)'),
        'cancelled by ' . $node->safe_psql($db, 'SELECT current_user') . '|drill|' . $node->safe_psql($db, 'SELECT current_user') . '|0|t',
        'by whom and why');
    is(result_of($db, q{SELECT state_before, state, workers_interrupted FROM scout.cancel_job(1)}), 'cancelled|cancelled|0',
        'to cancel twice is no error');
    # Cancelled and resumed before the worker has noticed: the attempt that runs now is not cancelled.
    result_of($db, 'SELECT scout.resume_job(1)');
    stopped($node, $db, 77);
    result_of($db, 'BEGIN; SELECT scout.cancel_job(1); SELECT scout.resume_job(1); COMMIT');
    release($brake, 77);
    is(result_of($db, 'SELECT state, done FROM scout.wait_for_job(1)'), 'succeeded|3000', 'cancelled and resumed in one breath');
    undisturbed($db, 'cancelled and resumed');
    like(error_of($db, 'SELECT scout.resume_job(1)'), qr/55000.*job 1 has succeeded/s, 'what has succeeded is not resumed');
    leave($_) for $brake, $waiter;
};

subtest 'a worker has the roles of who asked, and no more' => sub {
    my $db = fresh($node, 'roles');
    $node->safe_psql($db, q{
        CREATE ROLE gateway LOGIN NOINHERIT; CREATE ROLE webuser; GRANT webuser TO gateway; CREATE ROLE ada LOGIN; CREATE ROLE nobody;
        SELECT scout.grant_access('operator', r) FROM unnest(ARRAY['webuser', 'ada', 'nobody']) r;
        CREATE TABLE scout.who (at text, session_role text, acting_role text);
        ALTER TABLE scout.who OWNER TO pipeline_owner;
        CREATE FUNCTION scout.who() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO scout.who VALUES (tg_name, session_user, current_user);
            RETURN NULL;
        END $$;
        CREATE TRIGGER who AFTER INSERT ON scout.silver_transactions FOR EACH STATEMENT EXECUTE FUNCTION scout.who()});
    my $brake = brake($node, $db, 77);
    my $ask_as = q{SET SESSION AUTHORIZATION gateway; SET ROLE webuser; SET "request.jwt.claims" = '{"email": "ada@example.org"}'; };
    is(result_of($db, "$ask_as SELECT job_id FROM scout.load_backlog(500, wait => false)"), '1', 'a gateway asks for a user');
    stopped($node, $db, 77);
    is($node->safe_psql($db, q{SELECT usename FROM pg_stat_activity WHERE backend_type = 'scout_ir job'}), 'gateway',
        'the worker logged in as the session that asked');
    is($node->safe_psql($db, 'SELECT asked_by, session_role, acting_role FROM scout.job(1)'), 'ada@example.org|gateway|webuser', 'who asked');
    release($brake, 77);
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(1)'), 'succeeded', 'done');
    is($node->safe_psql($db, 'SELECT DISTINCT session_role, acting_role FROM scout.who'), 'gateway|pipeline_owner',
        'triggers run as the pipeline owner, in a session of who asked');
    is($node->safe_psql($db, 'SELECT DISTINCT actor, session_role, acting_role FROM scout.timeline WHERE action = $$load_backlog$$'),
        'ada@example.org|gateway|webuser', 'and so it is in the timeline');

    # What is lost between asking and running. Without room for workers a job stays queued.
    $node->safe_psql($db, "ALTER DATABASE $db SET scout_ir.max_workers = 0");
    my $window = q{('2000-01-01', now(), 500, wait => false)};
    my $reprocess = "SELECT job_id FROM scout.reprocess_bronze_window$window";
    is(result_of($db, "SET SESSION AUTHORIZATION ada; $reprocess"), '2', 'asked for without room');
    is(result_of($db, "$ask_as $reprocess"), '3', 'another');
    is(result_of($db, "SET SESSION AUTHORIZATION ada; $reprocess"), '4', 'another');
    no_worker();
    is($node->safe_psql($db, 'SELECT string_agg(state, $$ $$) FROM scout.jobs WHERE job_id > 1'), 'queued queued queued', 'all are queued');
    my $caller = session($node, $db);
    tell($caller, 'SET SESSION AUTHORIZATION ada; ' . $reprocess =~ s/, wait => false//r . ';');
    hear($caller, 'err', qr/NOTICE:.*job 5, reprocess_bronze_window: queued: no worker is free/);
    pass('who waits for one that is queued is told');
    $node->safe_psql($db, "ALTER DATABASE $db RESET scout_ir.max_workers; SELECT scout.revoke_access('operator', 'webuser')");
    $node->safe_psql($db, 'SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = $$Extension$$ AND backend_type = $$client backend$$');
    ask($caller, 'SELECT 1;');
    is(state($node, $db, 5), 'cancelled', 'and cancels it by going');
    no_worker();
    result_of($db, 'SELECT scout.resume_job(3)');
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(3)'), 'failed', 'an operator no more: the job fails');
    is($node->safe_psql($db, 'SELECT error_sqlstate, error_message, done FROM scout.job(3)'),
        '42501|permission denied for jobs|0', 'and says why');
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(4)'), 'succeeded', 'the end of a worker starts what is queued');
    $node->poll_query_until($db, 'SELECT state = $$succeeded$$ FROM scout.job(2)') or die 'job 2 does not end';
    no_worker();  # one that is about to leave starts what is queued
    $node->safe_psql($db, q{UPDATE scout_internal.job_records SET state = 'queued', finished_at = NULL WHERE job_id IN (2, 4)});
    $node->safe_psql($db, q{DROP OWNED BY ada; DROP ROLE ada; REVOKE webuser FROM gateway});
    like(error_of($db, 'SELECT scout.resume_job(2)'), qr/42704.*role "ada" does not exist/s, 'a role that is gone cannot be resumed');
    result_of($db, 'SELECT scout.resume_job(3)');
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(3)'), 'failed', 'a membership that is lost: the job fails');
    like($node->safe_psql($db, 'SELECT error_sqlstate, error_message FROM scout.job(3)'), qr/^42501\|permission denied to set role "webuser"/,
        'and says why');
    $node->poll_query_until($db, q{SELECT count(*) = 2 FROM scout.jobs WHERE state = 'failed' AND error_sqlstate = '42704'})
        or die 'jobs of a role that is gone stay queued';
    pass('jobs of a role that is gone end, too');
    like(error_of($db, "SET SESSION AUTHORIZATION nobody; $reprocess"), qr/28000.*role "nobody" is not permitted to log in/s,
        'a session whose role may not log in is told at once');
    $node->safe_psql($db, q{CREATE FUNCTION definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT job_id FROM scout.load_backlog(wait => false)';
        SELECT scout.grant_access('operator', 'pipeline_owner'); ALTER FUNCTION definer() OWNER TO pipeline_owner});
    like(error_of($db, 'SET SESSION AUTHORIZATION gateway; SELECT definer()'), qr/42501.*role "gateway" may not act as "pipeline_owner"/s,
        'SECURITY DEFINER gives a worker nothing');
    $node->safe_psql($db, "ALTER ROLE gateway SET default_transaction_read_only = on; ALTER ROLE gateway SET lock_timeout = '1ms';
        ALTER ROLE gateway SET statement_timeout = '1ms'; ALTER ROLE gateway SET default_transaction_isolation = 'serializable';
        ALTER ROLE gateway SET search_path = nowhere; ALTER ROLE gateway SET idle_in_transaction_session_timeout = '1ms';
        SELECT scout.grant_access('operator', 'gateway')");
    $node->safe_psql($db, "ALTER ROLE gateway SET transaction_timeout = '1ms'") if $node->pg_version >= 17;
    is(result_of($db, "SET SESSION AUTHORIZATION gateway; $reprocess"), '6', 'asked for by a role with odd settings');
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(6)'), 'succeeded', 'which are for its sessions, not for a worker');
    leave($_) for $brake, $caller;
};

subtest 'no slot is free' => sub {
    my $db = fresh($node, 'slots');
    no_worker();
    my $brake = brake($node, $db, 78);
    is(result_of($db, 'SELECT job_id FROM scout.load_backlog(100, workers => 3, wait => false)'), '1', 'a job of three workers');
    stopped($node, $db, 78, 3);
    my $window = q{'2000-01-01', now(), 1000};
    like(error_of($db, "SELECT * FROM scout.reprocess_bronze_window($window, wait => false);\nSELECT * FROM scout.wait_for_job(2, '0 s')"),
        qr/WARNING:.*no background worker slot was free: job 2 stays queued.*max_worker_processes is 4/s, 'who does not wait is warned at his next call');
    is(job_log($node, 'no background worker slot is free: job 2 stays queued'), 1, 'and the log has it at once');
    is(state($node, $db, 2), 'queued', 'and the job is queued');
    my $caller = session($node, $db);
    tell($caller, "SELECT status FROM scout.reprocess_bronze_window($window);");
    hear($caller, 'err', qr/NOTICE:.*no background worker slot is free: waiting for one/);
    pass('who waits is told');
    release($brake, 78);
    is(ask($caller, 'SELECT 1;'), "succeeded\n1", 'and gets a worker when one ends');
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(2)'), 'succeeded', 'so does what was queued');
    is(state($node, $db, 1), 'succeeded', 'the first one is done');
    undisturbed($db, 'no slot is free');
    leave($_) for $brake, $caller;
};

subtest 'transactions around a request' => sub {
    my $db = fresh($node, 'blocks');
    result_of($db, q{BEGIN; SELECT scout.load_backlog(100, wait => false, max_events => 100); PREPARE TRANSACTION 'p'});
    is($node->safe_psql($db, 'SELECT count(*) FROM scout.jobs'), '0', 'prepared: nothing is there yet');
    $node->safe_psql($db, q{COMMIT PREPARED 'p'});
    is(state($node, $db, 1), 'queued', 'committed: queued');
    result_of($db, 'SELECT scout.resume_job(1)');
    is(result_of($db, 'SELECT state, done FROM scout.wait_for_job(1)'), 'succeeded|100', 'and started by hand');
    result_of($db, 'BEGIN; SAVEPOINT s; SELECT scout.load_backlog(100, wait => false); ROLLBACK TO s; COMMIT');
    is($node->safe_psql($db, 'SELECT count(*) FROM scout.jobs'), '1', 'a savepoint that is rolled back leaves none');
    is(result_of($db, 'BEGIN; SELECT events_processed, job_id IS NULL, status FROM scout.load_backlog(100, max_events => 100); COMMIT'),
        '100|t|in_transaction', 'in a block the caller does the work');
    is(result_of($db, q{SET default_transaction_isolation = 'repeatable read'; SELECT events_processed, status FROM scout.load_backlog(100, max_events => 100)}),
        '100|succeeded', 'REPEATABLE READ sees what its worker did');
    is(result_of($db, q{PREPARE load(bigint) AS SELECT events_processed, status FROM scout.load_backlog(100, max_events => $1);
        EXECUTE load(50); EXECUTE load(60)}), "50|succeeded\n60|succeeded", 'a prepared statement asks anew each time');
    is(result_of($db, q{DO $$ DECLARE s text; BEGIN SELECT status INTO s FROM scout.load_backlog(100, max_events => 100);
        IF s <> 'succeeded' THEN RAISE '%', s; END IF; END $$; SELECT count(*) FROM scout.jobs}), '5', 'PL/pgSQL may wait, too');
    # A lock that the caller holds itself, and one behind which others queue.
    my $caller = session($node, $db);
    ask($caller, 'SET client_min_messages = error; SELECT pg_advisory_lock(78);');
    ask($caller, 'SELECT * FROM scout.load_backlog(100);');
    like($caller->{err}, qr/40P01.*job 7 waits for a lock that this session holds/s, 'a lock that the caller holds is an error, no endless wait');
    leave($caller);
    no_worker();
    is(state($node, $db, 7), 'cancelled', 'and the job is cancelled');
    is(broken($node, $db), '', 'reconcile balances');
};

subtest 'faults' => sub {
    my $db = fresh($node, 'faults');
    $node->safe_psql($db, q{ALTER TABLE scout.silver_transactions ADD CHECK (transaction_id <> 'T124')});
    is(result_of($db, 'SELECT events_processed, status FROM scout.load_backlog(200, max_events => 1000)'), '1000|succeeded',
        'a poisoned event does not stop a job');
    is($node->safe_psql($db, q{SELECT event_id, error_code FROM scout.bronze_events_dlq WHERE error_code = 'WRITE_FAILED'}), '124|WRITE_FAILED',
        'it is a dead letter');
    $node->safe_psql($db, 'ALTER TABLE scout.silver_line_items RENAME TO elsewhere');
    like(error_of($db, 'SELECT * FROM scout.load_backlog(200)'), qr/42P01|55000/, 'a fault of the system reaches the caller');
    $node->safe_psql($db, 'ALTER TABLE scout.elsewhere RENAME TO silver_line_items');
    $node->safe_psql($db, 'ALTER TABLE scout.silver_line_items RENAME brand_name TO brand');
    my $id = result_of($db, 'SELECT job_id FROM scout.load_backlog(200, workers => 2, wait => false)');
    is(result_of($db, "SELECT state FROM scout.wait_for_job($id)"), 'failed', 'a job fails');
    like($node->safe_psql($db, "SELECT error_sqlstate, error_message FROM scout.job($id)"), qr/^42703\|.*brand_name/, 'and says why');
    no_worker();
    is(job_log($node, "scout_ir job $id worker \\d+ (failed|cancelled)"), 1, 'in one line of the log');
    $node->safe_psql($db, 'ALTER TABLE scout.silver_line_items RENAME brand TO brand_name');
    result_of($db, "SELECT scout.resume_job($id)");
    is(result_of($db, "SELECT state, done FROM scout.wait_for_job($id)"), 'succeeded|2000', 'mended and resumed: it finishes');
    is(broken($node, $db), '', 'reconcile balances');
    # Ended jobs do not stay for ever; a job that fails clears up, too.
    $node->safe_psql($db, "ALTER DATABASE $db SET scout_ir.history_retention = '1d';
        UPDATE scout_internal.job_records SET finished_at = now() - interval '2 days' WHERE job_id < $id");
    result_of($db, q{SELECT * FROM scout.reprocess_bronze_window('2000-01-01', now(), 1000)});
    no_worker();
    is($node->safe_psql($db, 'SELECT min(job_id), count(*) FROM scout.jobs'), "$id|2", 'old jobs are forgotten, younger stay');
    is($node->safe_psql($db, "SELECT count(*) FROM scout_internal.job_workers WHERE job_id < $id"), '0', 'with what their workers counted');
};

subtest 'pause' => sub {
    my $db = fresh($node, 'pauses');
    my $brake = brake($node, $db, 77);
    is(result_of($db, 'SELECT job_id FROM scout.load_backlog(200, wait => false)'), '1', 'asked for');
    stopped($node, $db, 77);
    my $pid = $node->safe_psql($db, 'SELECT worker_pids[1] FROM scout.job(1)');
    is(result_of($db, q{SELECT ingestion_active, active_workers, message LIKE '%process } . $pid . q{)%' FROM
        scout.control_ingestion('pause', 'drill', drain_timeout => '0')}), 'f|1|t', 'a pause names the worker that is in a batch');
    my $pauser = session($node, $db);
    tell($pauser, q{SET client_min_messages = error; SELECT active_workers FROM scout.control_ingestion('pause', 'drill', drain_timeout => '10 minutes');});
    $node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21315 AND objid = 1 AND mode = 'ExclusiveLock'})
        or die 'the pause does not begin';
    release($brake, 77);
    is(ask($pauser, 'SELECT 1;'), "0\n1", 'a pause waits for the batch');
    is(result_of($db, 'SELECT state, done < 3000 FROM scout.wait_for_job(1)'), 'interrupted|t', 'the job is left there');
    is($node->safe_psql($db, 'SELECT error_message FROM scout.job(1)'), 'loading is paused', 'and says why');
    is(result_of($db, 'SELECT status, job_id FROM scout.load_backlog()'), 'paused|', 'paused: no job is made');
    is(result_of($db, q{SELECT status, events_reprocessed FROM scout.reprocess_bronze_window('2000-01-01', now(), 1000)}), 'succeeded|3000',
        'recovery goes on');
    result_of($db, 'SELECT scout.resume_job(1)');
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(1)'), 'interrupted', 'resumed while paused: as before');
    result_of($db, q{SELECT scout.control_ingestion('resume')});
    result_of($db, 'SELECT scout.resume_job(1)');
    is(result_of($db, 'SELECT state FROM scout.wait_for_job(1)'), 'succeeded', 'and afterwards it ends');
    undisturbed($db, 'pause');
    leave($_) for $brake, $pauser;
};

subtest 'DROP and ALTER EXTENSION' => sub {
    my $db = fresh($node, 'drops');
    my $brake = brake($node, $db, 77);
    my ($caller, $dropper) = (session($node, $db), session($node, $db));
    tell($caller, 'SET client_min_messages = error; SELECT * FROM scout.load_backlog(200);');
    stopped($node, $db, 77);
    tell($dropper, 'SET client_min_messages = error; DROP EXTENSION scout_ir;');
    $node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%DROP EXTENSION%' AND wait_event_type = 'Lock'})
        or die 'DROP EXTENSION does not wait';
    release($brake, 77);
    is(ask($dropper, 'SELECT count(*) FROM pg_extension WHERE extname = $$scout_ir$$;'), '0', 'it waits for one batch and is gone');
    is($dropper->{err}, '', 'without an error');
    ask($caller, 'SELECT 1;');
    like($caller->{err}, qr/ERROR:/, 'who waits is told');
    no_worker();
    pipeline($node, $db);
    is(result_of($db, 'SELECT job_id, status FROM scout.load_backlog(200)'), '1|succeeded', 'made again, it works');
    undisturbed($db, 'dropped and made again');
    leave($_) for $brake, $caller, $dropper;

    # Debian's own setting before PostgreSQL 18, which brought one.
    my ($destdir, $control_path) = map { $node->safe_psql('postgres', "SELECT coalesce(current_setting('$_', true), '-')") }
        qw(extension_destdir extension_control_path);
    SKIP: {
        skip 'this server can use no extension outside of its own folders', 4 if $destdir eq '-' && $control_path eq '-';
        my $share = $node->config_data('--sharedir');
        my $tree = PostgreSQL::Test::Utils::tempdir();
        my $have = $control_path eq '-' ? "$destdir$share" : $control_path =~ /\A([^:\$]+):/ ? $1 : $share;
        # The tree has no library: it is for ALTER EXTENSION alone.
        my ($setting, $value) = $control_path eq '-' ? ('extension_destdir', $tree) : ('extension_control_path', "$tree$share:\$system");
        my $update_to = sub { "SET $setting = '$value'; ALTER EXTENSION scout_ir UPDATE TO '$_[0]'; RESET $setting" };
        $share .= '/extension';
        system_or_bail('mkdir', '-p', "$tree$share");
        system_or_bail('sh', '-c', "cp $have/extension/scout_ir* $tree$share/");
        my $version = $node->safe_psql('base', q{SELECT extversion FROM pg_extension WHERE extname = 'scout_ir'});
        my $catalogue = $node->safe_psql('base', 'SELECT scout_internal.catalogue_version()');
        my $replace = 'CREATE OR REPLACE FUNCTION scout_internal.catalogue_version() RETURNS int LANGUAGE sql IMMUTABLE AS';
        append_to_file("$tree$share/scout_ir--$version--9.test.sql", "$replace 'SELECT 999';\n");
        append_to_file("$tree$share/scout_ir--9.test--$version.sql", "$replace 'SELECT $catalogue';\n");
        $db = fresh($node, 'updates');
        $brake = brake($node, $db, 77);
        is(result_of($db, 'SELECT job_id FROM scout.load_backlog(200, wait => false)'), '1', 'asked for');
        stopped($node, $db, 77);
        $node->safe_psql($db, "SET lock_timeout = '60s'; " . $update_to->('9.test'));
        release($brake, 77);
        no_worker();
        is(state($node, $db, 1), 'interrupted', 'ALTER EXTENSION UPDATE: the worker leaves after its batch');
        cmp_ok(job_log($node, 'scout_ir job 1 worker 0 stops: the extension is gone or of another version'), '>=', 1, 'and says so in the log');
        $node->safe_psql($db, $update_to->($version) . '; SELECT scout.resume_job(1)');
        is(result_of($db, 'SELECT state, done FROM scout.wait_for_job(1)'), 'succeeded|3000', 'it is resumed by a library that fits');
        undisturbed($db, 'updated');
        leave($brake);
    }
};

subtest 'DROP DATABASE' => sub {
    my $db = fresh($node, 'dropdb');
    my $brake = brake($node, $db, 77);
    result_of($db, 'SELECT job_id FROM scout.load_backlog(200, wait => false)');
    stopped($node, $db, 77);
    like(error_of('postgres', "DROP DATABASE $db"), qr/55006.*is being accessed by other users/s, 'plain: a clear error');
    is(error_of('postgres', "DROP DATABASE $db WITH (FORCE)"), '', 'with FORCE: gone, and the worker with it');
    no_worker();
    leave($brake);
    is(error_of('postgres', 'DROP DATABASE a_copy'), '', 'plain, once no worker is there');
};

subtest 'restart, standby, binary upgrade' => sub {
    my $db = fresh($node, 'restarts');
    my $brake = brake($node, $db, 77);
    result_of($db, 'SELECT job_id FROM scout.load_backlog(200, wait => false)');
    stopped($node, $db, 77);
    $node->backup('b');
    my $standby = PostgreSQL::Test::Cluster->new('standby');
    $standby->init_from_backup($node, 'b', has_streaming => 1);
    $standby->start;
    for my $call ('load_backlog(wait => false)', 'load_backlog()', q{reprocess_bronze_window('2000-01-01', '2001-01-01')}, 'resume_job(1)') {
        my ($rc, $out, $err) = $standby->psql($db, "\\set VERBOSITY verbose\nSELECT * FROM scout.$call");
        like($err, qr/25006/, "standby: $call is refused");
    }
    is($standby->safe_psql('postgres', $workers), '0', 'standby: no worker');
    $standby->stop;
    $node->stop('fast');
    leave($brake);
    is(PostgreSQL::Test::Utils::system_log('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, '-o', '-b', 'start'), 0, 'binary upgrade mode');
    is($node->safe_psql('postgres', $workers), '0', 'binary upgrade: no worker');
    like(error_of($db, 'SELECT * FROM scout.load_backlog(wait => false)'), qr/55000.*no background worker runs in this mode/s,
        'nor can one be asked for');
    system_or_bail('pg_ctl', '-w', '-D', $node->data_dir, 'stop');
    $node->start;
    is(state($node, $db, 1), 'interrupted', 'restart: the job is there');
    result_of($db, 'SELECT scout.resume_job(1)');
    is(result_of($db, 'SELECT state, done FROM scout.wait_for_job(1)'), 'succeeded|3000', 'and ends when resumed');
    undisturbed($db, 'restart');
};

$node->stop;
done_testing();
