# kill -9 of a worker at any moment, and SIGTERM in a batch: nothing half, and the job goes on from where it was.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use JobsTest;
use ScoutTest;
use Test::More;
use Time::HiRes qw(usleep);

my $kills = $ENV{SCOUT_JOB_KILLS} // 10;
my $seed = $ENV{SCOUT_SEED} // time;
srand($seed);
note "seed $seed";
$ENV{PGOPTIONS} = '-c statement_timeout=60s -c client_min_messages=error';
my $node = new_node('jobs_crash', "restart_after_crash = on\n");
job_base($node);
fresh($node, 'quiet');
load_all($node, 'quiet');
my $undisturbed = silver($node, 'quiet') . letters($node, 'quiet');

# By the log: a psql that is refused while the server recovers may be gone before it is told its query, which ends
# the test.
sub restarts { return scalar(() = slurp_file($node->logfile) =~ /database system is ready to accept connections/g) }
sub pids { return split /\n/, $node->safe_psql($_[0], "SELECT unnest(worker_pids) FROM scout.job($_[1])") }

# SIGTERM in mid-batch, for certain.
my $db = fresh($node, 'term');
my $brake = brake($node, $db, 77);
is($node->safe_psql($db, 'SELECT job_id FROM scout.load_backlog(200, wait => false)'), '1', 'asked for');
stopped($node, $db, 77);
kill 'TERM', pids($db, 1);
$node->poll_query_until($db, "SELECT ($workers) = 0") or die 'the worker does not end';
is(state($node, $db, 1), 'interrupted', 'SIGTERM: reads interrupted');
is($node->safe_psql($db, 'SELECT done = 3000 - scout.backlog(), done % 200, done > 0 FROM scout.job(1)'), 't|0|t', 'and no half batch is left');
is(broken($node, $db), '', 'reconcile balances');
release($brake, 77);
leave($brake);
$node->safe_psql($db, 'SELECT scout.resume_job(1)');
is($node->safe_psql($db, 'SELECT state, done FROM scout.wait_for_job(1)'), 'succeeded|3000', 'resumed');
ok(silver($node, $db) . letters($node, $db) eq $undisturbed, 'silver as undisturbed');

# Has the server seen a process die of the signal?
sub died { my ($pid) = @_; return slurp_file($node->logfile) =~ /\(PID $pid\) was terminated by signal 9/; }

# kill -9, while loading and while a window is reprocessed, by two workers.
$db = fresh($node, 'kills');
my $job = $node->safe_psql($db, 'SELECT job_id FROM scout.load_backlog(50, workers => 2, wait => false)');
my ($done, $at_work, $bad) = (0, 0, '');
for (1 .. $kills * 6) {
    last if $done == $kills;
    $node->poll_query_until($db, "SELECT state <> 'queued' FROM scout.job($job)") or die 'the job does not start';
    usleep(int rand 30_000);
    my @pids = pids($db, $job);
    my $restarts = restarts();
    my $pid = @pids ? $pids[rand @pids] : 0;
    if ($pid && kill 'KILL', $pid) {
        my $tries = 0;
        while (restarts() <= $restarts) {
            # One that was ending by itself has not been killed: the server has nothing to restart for.
            last if $tries > 500 && !died($pid);
            die 'the server does not come back' if $tries++ == 3000;
            usleep(10_000);
        }
        next if restarts() <= $restarts;
        $done++;
        my $state = state($node, $db, $job);
        $at_work++ if $state eq 'interrupted';
        $bad .= "after kill $done: $state\n" if $state !~ /^(interrupted|succeeded)$/;
        my $broken = broken($node, $db);
        $bad .= "after kill $done: $broken\n" if $broken ne '';
        $node->safe_psql($db, "SELECT scout.resume_job($job)") if $state ne 'succeeded';
    }
    # What is through is asked for again, as a reprocess.
    $job = $node->safe_psql($db, q{SELECT job_id FROM scout.reprocess_bronze_window('2000-01-01', now(), 50, workers => 2, wait => false)})
        if state($node, $db, $job) eq 'succeeded';
}
is($done, $kills, "$kills workers killed");
cmp_ok($at_work, '>', 0, "$at_work of them left an interrupted job");
is($bad, '', 'after every restart the job is interrupted or through, and reconcile balances');
is($node->safe_psql($db, "SELECT state, done FROM scout.wait_for_job($job)"), 'succeeded|3000', 'the last job ends, each event counted once');
is($node->safe_psql($db, 'SELECT count(*) FROM scout.jobs WHERE state <> $$succeeded$$ OR done <> 3000'), '0', 'so did all before it');
is(broken($node, $db), '', 'reconcile balances at the end');
ok(silver($node, $db) . letters($node, $db) eq $undisturbed, 'silver and letters as undisturbed');

$node->stop;
done_testing();
