# The circuit breaker where several sessions load: workers of a job, an operator's own role, prepared
# transactions, and a crash before and after the commit.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('circuit_breaker');
$node->safe_psql('postgres', 'CREATE ROLE ada LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE base');
pipeline($node, 'base');
# 3000 events of web as they are, 3000 of pos without a readable time, one chunk of each in turn.
$node->safe_psql('base', q{SELECT scout.grant_access('operator', 'ada')});
for my $part (0 .. 5) {
    my ($first, $last) = ($part * 500 + 1, $part * 500 + 500);
    $node->safe_psql('base', q{INSERT INTO scout.bronze_events (source_system, event_id, event_data)
        SELECT 'pos', e.event_id + 100000, e.event_data || '{"ts": "yesterday"}' FROM (} . event_sql($first, $last, 'P') . ') e');
    $node->safe_psql('base', q{INSERT INTO scout.bronze_events (source_system, event_id, event_data) SELECT 'web', e.* FROM (}
        . event_sql($first, $last) . ') e');
}

sub fresh { $node->safe_psql('postgres', "CREATE DATABASE $_[0] TEMPLATE base STRATEGY file_copy"); return $_[0] }
sub value { return $node->safe_psql(@_) }
my $pauses = q{SELECT source_system, holder FROM scout.pipeline_pauses};
my $alerts = q{SELECT dedup_key, state, count FROM scout_internal.alerts};
my $entries = q{SELECT count(*) FROM scout.timeline WHERE action = 'circuit_breaker'};
my $letters = q{SELECT count(*) FROM scout.bronze_events_dlq WHERE source_system = 'pos'};
my $reason = 'circuit breaker: 200 of 200 events (100 %) of source "pos" failed: INVALID_TIMESTAMP 200';

# A job drains what can be loaded, and says what remains.
for my $workers (1, 3) {
    my $db = fresh("job$workers");
    my ($code, $out, $err) = $node->psql($db, "SELECT events_processed, backlog, status FROM scout.load_backlog(200, workers => $workers)");
    is($out, '3000|3000|succeeded', "$workers workers: the other source is drained, the failing one waits");
    like($err, qr/WARNING:  Loading of source "pos" is paused by circuit breaker .*\Q$reason\E/, 'the caller is told');
    is(value($db, $pauses), 'pos|circuit breaker', 'one pause');
    is(value($db, $alerts), 'circuit_breaker:pos|firing|1', 'one alert');
    is(value($db, $entries), '1', 'one entry in the timeline');
    is(value($db, $letters), '0', 'no dead letter of the source');
    is(broken($node, $db), '', 'every event is in one state');
}
like(slurp_file($node->logfile), qr/WARNING:  circuit breaker: loading of source "pos" is paused/, 'the log has it');

# Batches smaller than the minimum: what was committed before it was reached is dead-lettered, and no more.
my $db = fresh('small');
is(value($db, 'SELECT events_processed + backlog, status FROM scout.load_backlog(30, workers => 3)'), '6000|succeeded', 'small batches by 3 workers');
is(value($db, $pauses), 'pos|circuit breaker', 'are enough together');
my $few = value($db, $letters);
ok($few > 0 && $few < 800, "few events became dead letters ($few)");
is(value($db, q{SELECT count(*) FROM scout.bronze_events b WHERE source_system = 'web' AND NOT EXISTS
    (SELECT FROM scout.silver_transactions s WHERE s.source_event_id = b.event_id) AND NOT EXISTS
    (SELECT FROM scout.bronze_events_dlq d WHERE d.event_id = b.event_id)}), '0', 'the other source is drained');
is(broken($node, $db), '', 'every event is in one state');

# An operator who owns nothing.
$db = fresh('operator');
sub ada { return $node->safe_psql($_[0], $_[1], extra_params => ['-U', 'ada']) }
is(ada($db, 'SELECT events_processed, backlog FROM scout.load_silver_from_bronze(200)'), '200|5800', 'an operator loads');
is(value($db, $pauses . q{ WHERE paused_at > now() - interval '1 hour'}), 'pos|circuit breaker', 'and the breaker opens');
is(value($db, q{SELECT actor, acting_role FROM scout.timeline WHERE action = 'circuit_breaker'}), 'ada|pipeline_owner', 'by whose load');
is(ada($db, q{SELECT ingestion_active FROM scout.control_ingestion('resume', source_system => 'pos')}), 't', 'an operator closes it');
is(value($db, $pauses), '', 'it is closed');
is(value($db, 'SELECT ended_at IS NOT NULL FROM scout_internal.alerts'), 't', 'the alert has ended');

# A prepared transaction.
$db = fresh('prepared');
value($db, q{BEGIN; SELECT scout.load_silver_from_bronze(200); PREPARE TRANSACTION 'breaker'});
is(value($db, $pauses), '', 'a pause that is prepared is not in force');
my ($code, $out, $err) = $node->psql($db, 'SELECT events_processed, backlog > 5000 FROM scout.load_silver_from_bronze(200)');
is($out, '200|t', 'others leave the source out');
like($err, qr/source "pos" is left out: another session pauses it/, 'and say so');
value($db, q{COMMIT PREPARED 'breaker'});
is(value($db, $pauses), 'pos|circuit breaker', 'it is, once it is committed');

# A crash before the commit, and after it.
my $open = fresh('crash');
my $s = session($node, $open);
is(ask($s, 'BEGIN; SELECT events_processed FROM scout.load_silver_from_bronze(200);'), '200', 'open in a transaction');
value($db, 'CHECKPOINT');
$node->stop('immediate');
leave($s);
$node->start;
is(value($db, $pauses), 'pos|circuit breaker', 'a crash later it is open still');
is(value($db, $alerts), 'circuit_breaker:pos|firing|1', 'and its alert fires');
is(value($db, 'SELECT events_processed FROM scout.load_silver_from_bronze(200)'), '200', 'the other source loads');
is(broken($node, $db), '', 'every event is in one state');
is(value($open, $pauses) . value($open, $alerts) . value($open, 'SELECT scout.backlog()'), '6000', 'what was not committed never was');
is(value($open, 'SELECT events_processed, events_dead_lettered < 20 FROM scout.load_silver_from_bronze(200)'), '200|t', 'the next load finds out');
is(value($open, $pauses), 'pos|circuit breaker', 'for itself');
is(broken($node, $open), '', 'every event is in one state');

# Turned off for a database.
$db = fresh('off');
value($db, 'ALTER DATABASE off SET scout_ir.circuit_breaker = off');
is(value($db, 'SELECT events_processed, backlog, status FROM scout.load_backlog(200, workers => 2)'), '6000|0|succeeded', 'off: everything is loaded');
is(value($db, $letters), '3000', 'and is a dead letter');
is(value($db, $pauses) . value($db, $alerts), '', 'nothing is paused');
$node->stop;
done_testing();
