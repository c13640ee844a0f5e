# What happens right after a commit cannot fail: an error there would be a PANIC, and the end of all sessions.
# Memory runs out (test/module) for exactly the callbacks of this extension.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use JobsTest;
use ScoutTest;
use Test::More;

# The launcher of logical replication takes a slot: two are left.
my $node = new_node('callbacks', "max_worker_processes = 3\n");
job_base($node);
my $db = fresh($node, 'callbacks');
$node->safe_psql($db, 'CREATE SCHEMA IF NOT EXISTS scout_ir_test; CREATE EXTENSION scout_ir_test');
my $begun = $node->safe_psql($db, 'SELECT pg_postmaster_start_time()');

# A session in which the extension's callbacks have no memory, from now on.
sub without_memory {
    my $s = session($node, $db);
    ask($s, 'SELECT scout_ir_test.restore_after_commit();');
    ask($s, q{BEGIN; SELECT scout.load_backlog(10, wait => false); ROLLBACK;});  # registers them
    ask($s, 'SELECT scout_ir_test.exhaust_at_commit();');
    return $s;
}
sub alive {
    my ($what) = @_;
    is($node->safe_psql($db, 'SELECT pg_postmaster_start_time()'), $begun, "$what: the server runs on");
    is(job_log($node, 'PANIC|terminated by signal'), 0, "$what: nothing died");
    return;
}
my $loads = q{SELECT job_id FROM scout.load_backlog(10, max_events => 10, wait => false)};

# The fault is a real one: whoever allocates in a callback there meets it. The session's own start of a job
# does not.
my $asker = without_memory();
my $job = ask($asker, "$loads;");
like($job, qr/^\d+$/, 'a job is asked for');
is(ask($asker, 'SELECT 1;'), '1', 'and the session lives');
is($node->safe_psql($db, "SELECT state FROM scout.wait_for_job($job)"), 'succeeded', 'its worker was registered');
alive('started at the commit');

# Events that are still in the memory of the transaction, savepoints, an abort.
ask($asker, 'BEGIN; INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(9001, 9010, 'X') . '; SAVEPOINT a; '
    . 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(9011, 9020, 'X') . '; RELEASE a; COMMIT;');
is($node->safe_psql($db, q{SELECT count(*) FROM scout.bronze_events WHERE event_data->>'transaction_id' LIKE 'X%'}), '20', 'events commit');
is($asker->{err}, '', 'without a word');
ask($asker, "BEGIN; $loads; ROLLBACK;");
alive('events and a rollback');

# No slot is free: not even that may be said in a way that allocates.
$node->poll_query_until($db, "SELECT ($workers) = 0") or die 'a worker stays';
my $brake = brake($node, $db, 78);
my $running = $node->safe_psql($db, 'SET client_min_messages = error; SELECT job_id FROM scout.load_backlog(100, workers => 2, wait => false)');
stopped($node, $db, 78, 2);
$job = ask($asker, "BEGIN; $loads; SAVEPOINT s; $loads; RELEASE s; COMMIT;");
my ($first, $second) = split /\n/, $job;
is(state($node, $db, $_), 'queued', "without a slot job $_ stays queued") for $first, $second;
is(job_log($node, "no background worker slot is free: job $_ stays queued"), 1, "the log says so of job $_") for $first, $second;
alive('no slot');
ask($asker, "SELECT state FROM scout.wait_for_job($first, '0 s');");
like($asker->{err}, qr/WARNING:.*no background worker slot was free: job $second stays queued/, 'the session is warned at its next call');
like($asker->{err}, qr/DETAIL:.*So does 1 other that/, 'with how many others');
my $said = () = $asker->{err} =~ /no background worker slot/g;
ask($asker, "SELECT state FROM scout.wait_for_job($first, '0 s');");
is(() = $asker->{err} =~ /no background worker slot/g, $said, 'once');

# Interrupting workers, which waits for the commit, too.
like(ask($asker, "SELECT state_before, state, workers_interrupted FROM scout.cancel_job($running);"), qr/running\|cancelled\|2/, 'a job is cancelled');
$node->poll_query_until($db, "SELECT cardinality(coalesce(worker_pids, '{}')) = 0 FROM scout.job($running)") or die 'the workers do not end';
pass('its workers were interrupted');
release($brake, 78);
$node->poll_query_until($db, "SELECT ($workers) = 0") or die 'a worker stays';
for my $waits ($first, $second) {  # the last workers to end may have started it already
    ask($asker, "SELECT scout.resume_job($waits);");
    is($node->safe_psql($db, "SELECT state FROM scout.wait_for_job($waits)"), 'succeeded', 'what was queued can be resumed');
}
alive('interrupted at the commit');
is(broken($node, $db), '', 'reconcile balances');
leave($_) for $asker, $brake;
$node->stop;
done_testing();
