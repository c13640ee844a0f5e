# What a session of ours waits for has a name in pg_stat_activity, from PostgreSQL 17 on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

$ENV{PGOPTIONS} = '-c statement_timeout=60s';
my $node = new_node('waits');
$node->safe_psql('postgres', 'CREATE DATABASE waits');
pipeline($node, 'waits');
$node->safe_psql('waits', 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(1, 100));
my $named = $node->safe_psql('waits', q{SELECT current_setting('server_version_num')::int >= 170000}) eq 't';

# Waits until a session waits as is said; gives back what it waits for.
sub waits_as {
    my ($query, $name, $what) = @_;
    my $wanted = $named ? $name : 'Extension';
    ok($node->poll_query_until('waits', qq{SELECT count(*) > 0 FROM pg_stat_activity
        WHERE query LIKE '%$query%' AND pid <> pg_backend_pid() AND wait_event_type = 'Extension' AND wait_event = '$wanted'}),
        "$what waits in $wanted");
    return;
}

my $flight = session($node, 'waits');
ask($flight, 'BEGIN; SELECT events_processed FROM scout.load_silver_from_bronze(10);');
my $pause = session($node, 'waits');
tell($pause, q{SELECT action FROM scout.control_ingestion('pause', 'a test', drain_timeout => '1 minute');});
waits_as('control_ingestion', 'ScoutIrDrain', 'a pause that drains');
ask($flight, 'COMMIT;');
like(ask($pause, 'SELECT 1;'), qr/pause/, 'the pause goes on when the batch has ended');
ask($pause, q{SELECT action FROM scout.control_ingestion('resume');});
leave($_) for $flight, $pause;

# A caller that waits for its job: the worker waits for the lock that this session holds.
my $holder = session($node, 'waits');
ask($holder, 'BEGIN; LOCK TABLE scout.silver_transactions IN ACCESS EXCLUSIVE MODE;');
my $caller = session($node, 'waits');
tell($caller, 'SELECT status FROM scout.load_backlog();');
waits_as('load_backlog', 'ScoutIrJobEnd', 'a caller of a job');
ask($holder, 'COMMIT;');
like(ask($caller, 'SELECT 1;'), qr/succeeded/, 'and gets its outcome');
leave($_) for $holder, $caller;
$node->stop;
done_testing();
