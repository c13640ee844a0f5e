# kill -9: the pause survives, reconcile balances, and silver ends as if nothing had happened.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;
use Time::HiRes qw(usleep);

my $kills = $ENV{SCOUT_KILLS} // 50;
my $events = 6000;
my $node = new_node('crash', "restart_after_crash = on\n");
my $db = 'postgres';
pipeline($node, $db);
$node->safe_psql($db, 'CREATE DATABASE quiet');
pipeline($node, 'quiet');

# The undisturbed run.
my $insert = 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(1, $events);
$node->safe_psql('quiet', $insert);
load_all($node, 'quiet');
is(broken($node, 'quiet'), '', 'the undisturbed run balances');

# A pause, committed; a load and an intake in open transactions; the whole server dies.
$node->safe_psql($db, $insert);
$node->safe_psql($db, 'SELECT scout.load_silver_from_bronze(700)');
$node->safe_psql($db, q{SELECT scout.control_ingestion('pause', 'before the crash', holder => 'ada')});
my $before = $node->safe_psql($db, $count_states);
my $session = session($node, $db);
is(ask($session, 'BEGIN; SELECT events_processed FROM scout.load_silver_from_bronze(900, force => true);'), '900', 'a load is open');
ask($session, 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(100_001, 101_500, 'lost') . ';');
$node->stop('immediate');
leave($session);
$node->start;
is($node->safe_psql($db, q{SELECT ingestion_active, paused_by, reason FROM scout.ingestion_status()}),
    'f|ada|before the crash', 'still paused after the crash');
is($node->safe_psql($db, $count_states), $before, 'what was open has left nothing');
is(broken($node, $db), '', 'reconcile balances after the crash');
is($node->safe_psql($db, 'SET client_min_messages = error; SELECT events_processed FROM scout.load_silver_from_bronze()'),
    '0', 'a load after the restart honours the pause');

# A session that dies while it pauses has not paused.
$node->safe_psql($db, q{SELECT scout.control_ingestion('resume', holder => 'ada')});
$session = session($node, $db);
my $pid = ask($session, 'SELECT pg_backend_pid();');
ask($session, "BEGIN; SELECT ingestion_active FROM scout.control_ingestion('pause', 'dying');");
is($node->safe_psql($db, 'SET client_min_messages = error; SELECT events_processed FROM scout.load_silver_from_bronze(1)'),
    '0', 'an uncommitted pause stops loads');
my $restarts = restarts();
kill 'KILL', $pid;
leave($session);
wait_for_restart($restarts);
is($node->safe_psql($db, 'SELECT ingestion_active FROM scout.ingestion_status()'), 't', 'the crash of the pausing session un-pauses');

# Random kills of a loading backend. A loader that gets through before the kill is no harm.
sub restarts { return scalar(() = slurp_file($node->logfile) =~ /database system is ready to accept connections/g); }
# By the log: a connection may still be had before the postmaster has noticed, and a psql that is refused
# while the server recovers may be gone before it is told its query.
sub wait_for_restart {
    my ($before) = @_;
    for (1 .. 6000) {
        return if restarts() > $before;
        usleep(10_000);
    }
    die 'the server does not come back';
}
my ($done, $mid_batch, $unbalanced, $tries) = (0, 0, '', 0);
srand(20250824);
while ($done < $kills && $tries++ < $kills * 4) {
    my $loader = session($node, $db);
    my $victim = ask($loader, 'SELECT pg_backend_pid();');
    # New events in the same transaction stream, so that intake is killed as well as loading.
    my $first = 200_001 + 100 * $tries;
    # Half of them by each write path.
    tell($loader, 'SET scout_ir.write_path = ' . ($tries % 2 ? 'native;' : 'general;'));
    tell($loader, "BEGIN; INSERT INTO scout.bronze_events (event_id, source_system, event_data) SELECT event_id, 'killed', event_data FROM ("
        . event_sql($first, $first + 20, 'K') . ") e; SELECT events_processed FROM scout.load_silver_from_bronze("
        . (20 + int rand 150) . "); COMMIT;\n\\echo through");
    usleep(int rand 12_000);
    eval { $loader->{run}->pump_nb };
    $mid_batch++ if $loader->{out} !~ /through/;
    $restarts = restarts();
    my $killed = kill 'KILL', $victim;
    $done++ if $killed;
    leave($loader);
    wait_for_restart($restarts) if $killed;
    my $bad = broken($node, $db);
    $unbalanced .= "after kill $done: $bad\n" if $bad ne '';
}
is($done, $kills, "$kills loading backends killed");
note "$mid_batch of them before their commit was seen";
cmp_ok($mid_batch, '>', 0, 'some of them died at work');
is($unbalanced, '', 'reconcile balances after every restart');

load_all($node, $db);
is(broken($node, $db), '', 'reconcile balances at the end');
is($node->safe_psql($db, q{SELECT scout.backlog()}), '0', 'everything is loaded');
# Events of the killed sessions are there as a whole or not at all.
is($node->safe_psql($db, q{SELECT count(*) FROM (SELECT 1 FROM scout.bronze_events WHERE source_system = 'killed'
    GROUP BY (event_id - 1) / 100 HAVING count(*) <> 21) x}), '0', 'a killed transaction is in bronze wholly or not at all');
# The undisturbed run gets the same survivors.
my $survivors = $node->safe_psql($db, q{SELECT coalesce(string_agg(((event_id - 1) / 100)::text, ',' ORDER BY event_id), '')
    FROM scout.bronze_events WHERE source_system = 'killed' AND event_id % 100 = 1});
for my $hundred (split /,/, $survivors) {
    my $first = $hundred * 100 + 1;
    $node->safe_psql('quiet', "INSERT INTO scout.bronze_events (event_id, source_system, event_data)
        SELECT event_id, 'killed', event_data FROM (" . event_sql($first, $first + 20, 'K') . ') e');
}
load_all($node, 'quiet');
ok(silver($node, $db) eq silver($node, 'quiet'), 'silver equals the undisturbed run');
is(letters($node, $db), letters($node, 'quiet'), 'so do the dead letters');

$node->stop;
done_testing();
