# The supervisor: what it restarts, schedules and removes, where it must not be, and the same by hand.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;
use Time::HiRes ();

# With an installation in a directory of its own, only $libdir leads there.
my $staged = $ENV{TEMP_CONFIG} && slurp_file($ENV{TEMP_CONFIG}) =~ /extension_destdir/;
my $preload = "shared_preload_libraries = '" . ($staged ? '$libdir/scout_ir' : 'scout_ir') . "'\n";
my $often = $preload . "scout_ir.supervisor_naptime = 1\nlog_min_messages = debug1\nmax_worker_processes = 16\n";
my $db = 'postgres';

sub one { my ($node, $sql, $in) = @_; return $node->safe_psql($in // $db, $sql); }
sub until_true { my ($node, $sql, $what) = @_; return ok($node->poll_query_until($db, $sql), $what); }
sub lines { my ($node, $pattern) = @_; return scalar(() = slurp_file($node->logfile) =~ /$pattern/g); }
sub oid_of { my ($node, $name) = @_; return one($node, "SELECT oid FROM pg_database WHERE datname = '$name'"); }
sub ticks { my ($node, $oid) = @_; return lines($node, qr/starting background worker process "scout_ir tick of database $oid"/); }
sub until_so {
    my ($true, $or_else) = @_;
    for (1 .. 3000) { return if $true->(); Time::HiRes::usleep(20_000); }
    die $or_else;
}
sub rounds {  # waits until a database was looked at so often again
    my ($node, $oid, $more) = @_;
    my $wanted = ticks($node, $oid) + $more;
    until_so(sub { ticks($node, $oid) >= $wanted }, "the supervisor does not look at database $oid");
    return;
}

# Silver's trigger holds a batch at a transaction until the test lets it go.
sub brake {
    my ($node) = @_;
    one($node, q{
        CREATE TABLE scout.brake (id text);
        ALTER TABLE scout.brake OWNER TO pipeline_owner;
        CREATE FUNCTION scout.brake() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            WHILE EXISTS (SELECT FROM scout.brake b WHERE b.id = new.transaction_id) LOOP PERFORM pg_sleep(0.02); END LOOP;
            RETURN new;
        END $$;
        CREATE TRIGGER brake BEFORE INSERT ON scout.silver_transactions FOR EACH ROW EXECUTE FUNCTION scout.brake();
    });
    return;
}
sub arrive { my ($node, $from, $to) = @_; return one($node, 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql($from, $to)); }
# A job that stands still at one transaction: its number and its worker's process.
sub stand_still {
    my ($node, $at, $size) = @_;
    one($node, "INSERT INTO scout.brake VALUES ('T$at')");
    my $job = one($node, "SELECT job_id FROM scout.load_backlog($size, wait => false)");
    $node->poll_query_until($db, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'scout_ir job' AND wait_event = 'PgSleep')})
        or die 'the job has not reached the brake';
    return ($job, one($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'scout_ir job' AND wait_event = 'PgSleep'}));
}
# The clock of a job is moved by moving the job.
sub age { my ($node, $job) = @_; return one($node, "UPDATE scout_internal.job_records SET attempt_at = attempt_at - interval '1 hour',
    next_attempt_at = next_attempt_at - interval '1 hour', finished_at = finished_at - interval '1 hour' WHERE job_id = $job"); }
sub job { my ($node, $job, $what) = @_; return one($node, "SELECT $what FROM scout.job($job)"); }

# --- preloaded ---
my $node = new_node('supervised', $often . "restart_after_crash = on\n");
is(one($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'scout_ir supervisor'}), 1, 'there is one supervisor');
my $postgres = oid_of($node, $db);
# No extension anywhere: one look, no word.
$node->reload;
$node->poll_query_until($db, 'SELECT true');
rounds($node, $postgres, 0);
pipeline($node, $db);
brake($node);
$node->reload;  # looks at all databases at once
rounds($node, $postgres, 2);
is(lines($node, qr/scout_ir supervisor: database/), 0, 'no word in the log where there is nothing to say');

# kill -9 of a worker: the server restarts, the job goes on.
arrive($node, 1, 300);
my ($job, $pid) = stand_still($node, 180, 50);
one($node, 'DELETE FROM scout.brake');
ok($node->poll_query_until($db, "SELECT state = 'succeeded' FROM scout.job($job)"), 'a job that nobody disturbs ends');
arrive($node, 301, 600);
($job, $pid) = stand_still($node, 480, 50);
my $restarts = lines($node, qr/database system is ready to accept connections/);
kill 'KILL', $pid;
until_so(sub { lines($node, qr/database system is ready to accept connections/) > $restarts }, 'the server does not restart');
until_true($node, "SELECT state = 'interrupted' FROM scout.job($job)", 'kill -9: the job reads interrupted');
is(broken($node, $db), '', 'reconcile balances');
my $done = job($node, $job, 'done');
cmp_ok($done, '>', 0, 'batches that had committed stay done');
until_true($node, "SELECT next_attempt_at > now() FROM scout.job($job)", 'the supervisor says when it tries again');
one($node, 'DELETE FROM scout.brake');
age($node, $job);
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'and restarts it, once that time has come');
is(job($node, $job, 'attempts, done, total'), '2|300|300', 'which was the second attempt, and did each event once');
is(broken($node, $db), '', 'reconcile balances');

# The server restarts while a job is at work.
arrive($node, 601, 900);
($job, $pid) = stand_still($node, 780, 50);
$node->stop('fast');
$node->start;
is(job($node, $job, 'state'), 'interrupted', 'server restart: the job reads interrupted');
one($node, 'DELETE FROM scout.brake');
age($node, $job);
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'and is restarted');
is(broken($node, $db), '', 'reconcile balances');

# Paused: what is held back stays so, and goes on after the pause.
arrive($node, 901, 1000);
($job, $pid) = stand_still($node, 920, 50);
my $pausing = session($node, $db);
tell($pausing, q{SELECT scout.control_ingestion('pause', 'held back', drain_timeout => '1 min', holder => 'ada');});
$node->poll_query_until($db, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%held back%' AND wait_event_type = 'Extension')}) or die 'no pause';
one($node, 'DELETE FROM scout.brake');
leave($pausing);
until_true($node, "SELECT state = 'interrupted' AND error_sqlstate = '55000' FROM scout.job($job)", 'a pause leaves the job interrupted');
age($node, $job);
rounds($node, $postgres, 2);
is(job($node, $job, 'state, attempts'), 'interrupted|1', 'which is not restarted while all is paused');
one($node, q{SELECT scout.control_ingestion('resume', holder => 'ada')});
age($node, $job);
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'but afterwards');

# The backlog is drained without anybody calling; the owner lets workers in, and no clients.
one($node, 'ALTER ROLE pipeline_owner CONNECTION LIMIT 0');
one($node, "ALTER DATABASE $db SET scout_ir.load_interval = '1s'");
my $entries = one($node, 'SELECT count(*) FROM scout.timeline');
arrive($node, 1001, 1200);
until_true($node, 'SELECT scout.backlog() = 0', 'load_interval: new events are loaded');
arrive($node, 1201, 1300);
until_true($node, 'SELECT scout.backlog() = 0', 'and the next ones');
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'their jobs end');
is(one($node, q{SELECT DISTINCT kind, state, session_role, acting_role, asked_by FROM scout.jobs WHERE scheduled}),
    'load_backlog|succeeded|pipeline_owner|pipeline_owner|supervisor', 'by jobs that run as the owner');
my $routine = one($node, 'SELECT count(*) FROM scout.jobs WHERE scheduled');
rounds($node, $postgres, 3);
is(one($node, 'SELECT count(*) FROM scout.jobs WHERE scheduled'), $routine, 'without new events there is no new job');
is(one($node, 'SELECT count(*) FROM scout.timeline'), $entries, 'routine is not in the timeline');
is(broken($node, $db), '', 'reconcile balances');

# Alerts are looked for, too.
one($node, "ALTER DATABASE $db SET scout_ir.alert_interval = '1s'");
until_true($node, 'SELECT count(*) = 6 FROM scout_internal.alert_checks', 'alert_interval: all sources of alerts are looked at');
one($node, "ALTER DATABASE $db RESET scout_ir.alert_interval");
rounds($node, $postgres, 2);
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'and no more without it');

# No more rights than the owner: a trigger of the owner's cannot get back to the superuser's.
one($node, q{
    CREATE TABLE scout.seen (who text); ALTER TABLE scout.seen OWNER TO pipeline_owner;
    CREATE FUNCTION scout.escape() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO scout.seen VALUES (session_user || ' ' || current_user || ' ' || current_setting('is_superuser'));
        BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; INSERT INTO scout.seen VALUES ('escaped');
        EXCEPTION WHEN insufficient_privilege THEN NULL; END;
        RETURN NULL;
    END $$;
    CREATE TRIGGER escape AFTER INSERT ON scout.silver_transactions FOR EACH STATEMENT EXECUTE FUNCTION scout.escape()});
arrive($node, 1301, 1310);
until_true($node, 'SELECT scout.backlog() = 0', 'a trigger looks who it is');
is(one($node, 'SELECT DISTINCT who FROM scout.seen'), 'pipeline_owner pipeline_owner off', 'the owner, and it cannot be more');
one($node, 'DROP TRIGGER escape ON scout.silver_transactions');

# Overlap: while a load is at work, no second one is scheduled.
one($node, "ALTER DATABASE $db RESET scout_ir.load_interval");
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'nothing is at work');
arrive($node, 1401, 1500);
one($node, 'ALTER ROLE pipeline_owner CONNECTION LIMIT -1');
($job, $pid) = stand_still($node, 1430, 20);
my $scheduled = one($node, 'SELECT count(*) FROM scout.jobs WHERE scheduled');
one($node, "ALTER DATABASE $db SET scout_ir.load_interval = '1s'");
arrive($node, 1501, 1510);
rounds($node, $postgres, 3);
is(one($node, 'SELECT count(*) FROM scout.jobs WHERE scheduled'), $scheduled, 'a load at work is not doubled');
is(one($node, q{SELECT count(*) FROM scout.supervise() WHERE task = 'load'}), 0, 'nor by hand');
one($node, 'DELETE FROM scout.brake');
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'it ends');
until_true($node, 'SELECT scout.backlog() = 0', 'and what came meanwhile is loaded by the next');
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'which ends');

# A scheduled job that fails: the same row again, less and less often, one line in the log.
$scheduled = one($node, 'SELECT count(*) FROM scout.jobs WHERE scheduled');
one($node, q{REVOKE EXECUTE ON FUNCTION scout_internal.operator_tier FROM pipeline_owner});
arrive($node, 1601, 1610);
until_true($node, q{SELECT count(*) = 1 FROM scout.jobs WHERE scheduled AND state = 'failed'}, 'a scheduled job fails');
$job = one($node, q{SELECT job_id FROM scout.jobs WHERE scheduled AND state = 'failed'});
rounds($node, $postgres, 3);
is(job($node, $job, 'attempts, state'), '1|failed', 'it is not tried again after its interval');
for my $attempt (2 .. 4) {
    age($node, $job);
    until_true($node, "SELECT state = 'failed' AND attempts = $attempt FROM scout.job($job)", "but after its backoff: attempt $attempt");
}
is(one($node, 'SELECT count(*) FROM scout.jobs WHERE scheduled'), $scheduled + 1, 'the table has one row of it');
is(lines($node, qr/LOG:  scout_ir job $job worker 0 failed/), 1, 'the log one line');
is(one($node, qq{SELECT count(*) FROM scout.timeline WHERE action = 'load_backlog' AND outcome = 'failed'}), 1, 'the timeline one entry');
one($node, q{GRANT EXECUTE ON FUNCTION scout_internal.operator_tier TO pipeline_owner});
age($node, $job);
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'it succeeds when its cause has gone');
until_true($node, 'SELECT scout.backlog() = 0', 'and loads');

# A task that fails in the tick itself: one line, the others are done.
one($node, q{ALTER TABLE scout.dim_store OWNER TO postgres; ALTER TABLE scout.bronze_pending OWNER TO postgres});
until_so(sub { lines($node, qr/DEBUG:  scout_ir supervisor: database "postgres" still fails/) >= 2 }, 'the log does not say that it still fails');
is(lines($node, qr/LOG:  scout_ir supervisor: database "postgres", \w+: the pipeline's tables have different owners/), 1,
    'a broken pipeline is one line in the log');
one($node, q{ALTER TABLE scout.dim_store OWNER TO pipeline_owner; ALTER TABLE scout.bronze_pending OWNER TO pipeline_owner});
$node->reload;

# Databases come and go.
one($node, "CREATE DATABASE $_") for qw(shop bare mould);
one($node, 'CREATE EXTENSION scout_ir', $_) for qw(shop mould);
one($node, 'ALTER DATABASE mould IS_TEMPLATE true');
my ($shop, $bare, $mould) = map { oid_of($node, $_) } qw(shop bare mould);
$node->reload;
rounds($node, $shop, 2);
my ($bare_before, $mould_before) = (ticks($node, $bare), ticks($node, $mould));
rounds($node, $shop, 3);
is(ticks($node, $mould), $mould_before, 'a template database is not looked at, though the extension is in it');
cmp_ok(ticks($node, $bare), '<=', $bare_before + 1, 'one without the extension hardly ever');
cmp_ok(ticks($node, $bare), '>=', 1, 'but it is');
sub in_a_few_tries {
    my ($sql, $what) = @_;
    my $tries = 0;
    while ($tries++ < 3) { return pass("$what (try $tries)") if $node->psql($db, $sql) == 0; }
    return fail($what);
}
in_a_few_tries("CREATE DATABASE copy$_ TEMPLATE shop", 'CREATE DATABASE ... TEMPLATE of a supervised database') for 1 .. 3;
in_a_few_tries("DROP DATABASE copy$_", 'DROP DATABASE of a supervised database') for 1 .. 3;
in_a_few_tries('CREATE DATABASE copy4 TEMPLATE mould', 'a copy of the template');
one($node, 'DROP EXTENSION scout_ir', 'shop');
rounds($node, $postgres, 2);
my $shop_before = ticks($node, $shop);
rounds($node, $postgres, 3);
cmp_ok(ticks($node, $shop), '<=', $shop_before + 1, 'DROP EXTENSION: the database is left alone');
my $other = lines($node, qr/LOG:  scout_ir supervisor: database "(?!postgres)/);
is($other, 0, 'and none of this is a word in the log');
one($node, q{CREATE OR REPLACE FUNCTION scout_internal.catalogue_version() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0'}, 'copy4');
$node->reload;
until_so(sub { lines($node, qr/database "copy4" still fails/) >= 1 }, 'the log does not say that it still fails');
is(lines($node, qr/LOG:  scout_ir supervisor: database "copy4": the extension is not of the library's version/), 1,
    'another version of the extension is one line');

# The supervisor itself is ended: the postmaster brings it back.
my $old = one($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'scout_ir supervisor'});
one($node, "SELECT pg_terminate_backend($old)");
until_true($node, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'scout_ir supervisor' AND pid <> $old)", 'after SIGTERM it comes back');

# A standby has none until it is promoted.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql($db, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'scout_ir%'}), 0, 'a standby has no supervisor');
unlike($standby->safe_psql($db, 'SELECT pg_is_in_recovery()') . slurp_file($standby->logfile), qr/scout_ir tick/, 'and no ticks');
isnt($standby->psql($db, 'SELECT scout.supervise()', stderr => \my $refused), 0, 'nor by hand');
like($refused, qr/cannot execute supervise\(\) (during recovery|in a read-only transaction)/, 'which is said');
$node->stop('fast');
pass('a fast shutdown ends');
$standby->promote;
until_true($standby, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'scout_ir supervisor'}, 'promoted, it has one');
arrive($standby, 2001, 2100);
until_true($standby, 'SELECT scout.backlog() = 0', 'which loads');
$standby->stop('fast');

# Binary upgrade mode starts nothing.
system_or_bail('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, '-o', '-b', 'start');
is(one($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'scout_ir%'}), 0, 'pg_upgrade: no supervisor');
system_or_bail('pg_ctl', '-w', '-D', $node->data_dir, '-m', 'fast', 'stop');

# No slot for a tick: said once. The supervisor and the logical launcher take all there are.
$node->append_conf('postgresql.conf', "max_worker_processes = 2\n");
my $told = lines($node, qr/LOG:  scout_ir supervisor: database "postgres": no background worker slot is free/);
my $still = lines($node, qr/database "postgres" still fails/);
$node->start;
until_so(sub { lines($node, qr/database "postgres" still fails/) >= $still + 2 }, 'the log does not say that it still fails');
is(lines($node, qr/LOG:  scout_ir supervisor: database "postgres": no background worker slot is free/), $told + 1,
    'without a free slot the log says it once');
$node->append_conf('postgresql.conf', "max_worker_processes = 3\n");
$node->restart;
arrive($node, 3001, 3010);
until_true($node, q{SELECT EXISTS (SELECT FROM scout.jobs WHERE scheduled AND state = 'queued' AND attempts = 0)},
    'with one, which the tick has, the job stays queued');
rounds($node, $postgres, 2);
is(lines($node, qr/LOG:  scout_ir supervisor: database "postgres", load: jobs stay queued \(1\): no background worker slot is free/), 1,
    'and the log says it once');
is(one($node, q{SELECT count(*) FROM scout.jobs WHERE finished_at IS NULL}), 1, 'the table has one row of it');
$node->append_conf('postgresql.conf', "max_worker_processes = 8\n");
$node->restart;
one($node, q{UPDATE scout_internal.job_records SET next_attempt_at = now() WHERE state = 'queued'});
until_true($node, 'SELECT scout.backlog() = 0', 'with more it is done');
is(broken($node, $db), '', 'reconcile balances');
$node->stop('fast');

# --- without preloading: the same by hand ---
$node = new_node('by_hand', "restart_after_crash = on\n");
pipeline($node, $db);
brake($node);
is(one($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'scout_ir%'}), 0, 'not preloaded: no supervisor');
is(one($node, 'SELECT * FROM scout.supervise()'), '', 'supervise() finds nothing to do');
arrive($node, 1, 300);
($job, $pid) = stand_still($node, 180, 50);
one($node, "SELECT pg_terminate_backend($pid)");
until_true($node, "SELECT state = 'interrupted' FROM scout.job($job)", 'a terminated worker leaves its job interrupted');
one($node, 'DELETE FROM scout.brake');
is(one($node, 'SELECT * FROM scout.supervise()'), '', 'supervise() gives it a pause');
age($node, $job);
is(one($node, 'SELECT * FROM scout.supervise()'), "restart|started|$job", 'and restarts it after that');
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'it ends');
# A job whose workers die again and again is given up, and can be resumed nevertheless.
arrive($node, 301, 400);
($job, $pid) = stand_still($node, 380, 50);
one($node, "SELECT pg_terminate_backend($pid)");
until_true($node, "SELECT state = 'interrupted' FROM scout.job($job)", 'interrupted again');
one($node, "UPDATE scout_internal.job_records SET attempts = 10 WHERE job_id = $job");
is(one($node, 'SELECT * FROM scout.supervise()'), '', 'many attempts do no harm to a job that gets on');
one($node, "UPDATE scout_internal.job_records SET done_before = 100 WHERE job_id = $job");
is(one($node, 'SELECT * FROM scout.supervise()'), "restart|failed|$job", 'after ten attempts, the last of them for nothing, it has failed');
is(job($node, $job, 'error_sqlstate, error_message'), '58000|its workers died 10 times', 'with a reason');
one($node, 'DELETE FROM scout.brake');
one($node, "SELECT scout.resume_job($job)");
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'resume_job() does it without a supervisor');
is(broken($node, $db), '', 'reconcile balances');
# Scheduled by hand.
arrive($node, 401, 450);
is(one($node, q{SET scout_ir.load_interval = '10min'; SELECT task, outcome FROM scout.supervise()}), 'load|queued', 'supervise() schedules a load');
until_true($node, 'SELECT scout.backlog() = 0', 'which runs');
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'and ends');
arrive($node, 451, 460);
is(one($node, q{SET scout_ir.load_interval = '10min'; SELECT task, outcome FROM scout.supervise()}), '', 'and not before its interval is over');
is(one($node, q{UPDATE scout_internal.job_records SET started_at = started_at - interval '10 min' WHERE scheduled;
    SET scout_ir.load_interval = '10min'; SELECT task, outcome FROM scout.supervise()}), 'load|queued', 'but then');
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'it ends');
my $check = q{SET scout_ir.alert_interval = '10min'; SELECT task, outcome FROM scout.supervise()};
is(one($node, $check), 'alerts|queued', 'supervise() has alerts looked for');
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'which ends');
is(one($node, q{SELECT state, asked_by, acting_role, done FROM scout.jobs WHERE kind = 'check_alerts'}), 'succeeded|supervisor|pipeline_owner|1', 'as the owner');
like(one($node, q{SELECT string_agg(dedup_key, ' ') FROM scout.v_alerts}), qr/health:critical_alerts/, 'and finds dead letters');
is(one($node, $check), '', 'not before its interval is over');
is(one($node, qq{UPDATE scout_internal.job_records SET started_at = started_at - interval '10 min' WHERE scheduled; $check}), 'alerts|queued', 'but then');
until_true($node, 'SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'it ends');
# Who asked for a job has gone.
one($node, 'CREATE ROLE passing LOGIN');
one($node, q{SELECT scout.grant_access('operator', 'passing')});
arrive($node, 461, 470);
one($node, q{BEGIN; SET SESSION AUTHORIZATION passing; SELECT scout.load_backlog(wait => false); RESET SESSION AUTHORIZATION; PREPARE TRANSACTION 'p'});
one($node, q{COMMIT PREPARED 'p'});
one($node, q{SELECT scout.revoke_access('reader', 'passing'); DROP ROLE passing; UPDATE scout_internal.job_records SET created_at = created_at - interval '1 min' WHERE state = 'queued'});
like(one($node, 'SELECT * FROM scout.supervise()'), qr/^restart\|failed\|\d+$/, 'a job of a role that has gone fails');
is(one($node, q{SELECT error_sqlstate, error_message FROM scout.jobs ORDER BY job_id DESC LIMIT 1}), '42704|role "passing" does not exist', 'and says why');
isnt($node->psql($db, q{SET ROLE pipeline_owner; BEGIN READ ONLY; SELECT scout.supervise()}, stderr => \$refused), 0, 'not in a read-only transaction');

# Retention. The rows are moved, not the clock.
one($node, 'CREATE ROLE oncall LOGIN');
one($node, q{SELECT scout.grant_access('operator', 'oncall')});
one($node, q{SELECT scout.refresh_gold_platinum()});
my $old_rows = q{UPDATE scout_internal.etl_runs SET finished_at = finished_at - interval '100 days', started_at = started_at - interval '100 days';
    UPDATE scout_internal.timeline SET at = at - interval '100 days'; UPDATE scout_internal.gold_refreshes SET finished_at = finished_at - interval '100 days';
    UPDATE scout_internal.job_records SET finished_at = finished_at - interval '100 days'};
one($node, $old_rows);
my $fresh = one($node, 'SELECT latest_silver_load, latest_gold_refresh FROM scout.ingest_freshness()');
my $counts = q{SELECT (SELECT count(*) FROM scout_internal.job_records), (SELECT count(*) FROM scout.etl_runs),
    (SELECT count(*) FROM scout.gold_refreshes)};
my $before = one($node, $counts);
my ($jobs, $runs, $refreshes) = split /\|/, $before;
is(one($node, q{SELECT table_name, rows_removed, more, dry_run FROM scout.apply_retention(dry_run => true) WHERE table_name IN ('job_records', 'etl_runs', 'gold_refreshes')}),
    "job_records|$jobs|f|t\netl_runs|" . ($runs - 1) . "|f|t\ngold_refreshes|0|f|t", 'a dry run counts');
is(one($node, $counts), $before, 'and removes nothing');
is(one($node, q{SELECT table_name, rows_removed, more FROM scout.apply_retention(max_rows => 1) WHERE table_name IN ('job_records', 'etl_runs', 'gold_refreshes')}),
    "job_records|1|t\netl_runs|1|t\ngold_refreshes|0|f", 'in pieces');
like(one($node, 'SELECT * FROM scout.supervise()'), qr/^retention\|\d+ rows removed\|$/, 'a tick applies it');
is(one($node, $counts), "0|1|$refreshes", 'the newest run that changed silver and the newest refreshes stay');
is(one($node, 'SELECT latest_silver_load, latest_gold_refresh FROM scout.ingest_freshness()'), $fresh, 'freshness reads the same');
is(one($node, 'SELECT * FROM scout.supervise()'), '', 'once');
arrive($node, 471, 480);
one($node, q{SELECT scout.refresh_gold_platinum(force => true)});
one($node, $old_rows);
one($node, 'SELECT scout.refresh_gold_platinum(force => true)');
$job = one($node, 'SELECT job_id FROM scout.load_backlog(wait => false)');
until_true($node, "SELECT state = 'succeeded' FROM scout.job($job)", 'a job ends');
is(one($node, $counts), "2|1|$refreshes", 'and its end applies retention, too: superseded refreshes go');
one($node, q{UPDATE scout_internal.job_records SET scheduled = true, finished_at = now() - interval '2 days'});
is(one($node, 'SELECT * FROM scout.supervise()'), 'retention|2 rows removed|', 'scheduled jobs that succeeded go after a day');
one($node, 'SET ROLE oncall; SELECT scout.apply_retention()');
for my $bad ([q{scout.apply_retention(older_than => '1 day')}, '42501', 'an operator does not shorten the audit'],
             [q{scout.apply_retention(older_than => '-1 day')}, '22023', 'a negative age'],
             [q{scout.apply_retention(max_rows => 0)}, '22023', 'no rows at all'],
             [q{scout.apply_retention(dry_run => NULL)}, '22004', 'dry_run NULL'],
             [q{scout.supervise()}, '42501', 'supervise() is for admins']) {
    my ($call, $state, $what) = @$bad;
    isnt($node->psql($db, "\\set VERBOSITY verbose\nSET ROLE oncall; SELECT $call", stderr => \$refused), 0, $what);
    like($refused, qr/$state/, "$what: $state");
}
one($node, q{SELECT scout.apply_retention(older_than => '0 s')});
is(one($node, 'SELECT count(*) FROM scout.timeline'), 1, 'an admin may; the timeline then holds that he did');
like($node->psql($db, q{SET scout_ir.history_retention = 0; SELECT rows_removed FROM scout.apply_retention() WHERE rows_removed > 0}, stderr => \$refused) . $refused,
    qr/^0.*history is kept for ever/s, 'with 0 nothing is removed, and that is said');
$node->stop;
done_testing();
