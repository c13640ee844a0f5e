# The gate and the verification as scripts: their exit statuses, red in an incident and green after it, and no
# trace of the smoke test in any table.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;
use File::Basename;

my $scripts = ($ENV{SCOUT_SRC} // dirname(__FILE__) . '/../..') . '/scripts';
my ($gate, $verify) = ("$scripts/ci/accept_streaming_gate.sh", "$scripts/verify_recovery.sh");
my $node = new_node('verification');
pipeline($node, 'postgres');
$node->safe_psql('postgres', q{
    CREATE ROLE oncall LOGIN;
    CREATE ROLE watcher LOGIN;
    SELECT scout.grant_access('operator', 'oncall'), scout.grant_access('reader', 'watcher');
    INSERT INTO scout.dim_product (product_id) VALUES ('p');
});
sub value { return $node->safe_psql('postgres', $_[0]) }
sub uri { my ($role, $db) = @_; return sprintf 'postgresql:///%s?user=%s&host=%s&port=%s', $db // 'postgres', $role, $node->host, $node->port; }
$ENV{PGURI} = uri('oncall');
sub exits { my ($status, $script, @arguments) = @_; my $name = pop @arguments;
    my $result = run_log([$script, @arguments]); is($? >> 8, $status, $name); return; }
sub sell { my ($from, $to, $total) = @_;
    value(qq{SELECT count(*) FROM scout.ingest_events((SELECT jsonb_agg(jsonb_build_object('transaction_id', 't' || n, 'store_id', 's',
        'ts', '2026-03-01T09:00:00Z', 'total_amount', $total, 'items', jsonb_build_array(jsonb_build_object('product_id', 'p', 'qty', 1,
        'unit_price', 5, 'line_amount', $total)))) FROM generate_series($from, $to) n))}); return; }

# A day in order.
sell(1, 20, 5);
value('SELECT count(*) FROM scout.load_silver_from_bronze()');
value('SELECT count(*) FROM scout.refresh_gold_platinum()');
exits(0, $verify, 'all is well');
exits(0, $verify, '--lost', 'and nothing is lost');
exits(0, $gate, 'the gate accepts it, without a schedule too');
{
    local $ENV{STRICT} = 1;
    exits(1, $gate, 'but not where warnings count');
    exits(0, $verify, 'the verification has none');
}
value(q{ALTER DATABASE postgres SET scout_ir.load_interval = '10s'});
is(value(q{SELECT status FROM scout.accept_gate() WHERE check_name = 'schedule_present'}), 'warning', 'an interval alone loads nothing');

# No trace: every table of both schemas, row by row, and what the queue holds in memory at commit.
my $fingerprint = q{
    SELECT c.oid::regclass, (xpath('/row/h/text()', query_to_xml(format('SELECT count(*) || '' '' || coalesce(sum(hashtextextended(x::text, 0)), 0) AS h FROM %s x', c.oid::regclass), false, true, '')))[1]
    FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('scout', 'scout_internal') AND c.relkind IN ('r', 'p', 'm') ORDER BY c.oid::regclass::text};
my $before = value($fingerprint);
like($before, qr/silver_line_items\|20 .*\n(?s:.*)timeline\|/, 'the fingerprint covers the tables of pipeline and extension');
$node->safe_psql('postgres', 'SELECT * FROM scout.smoke_test(); SELECT * FROM scout.accept_gate(); SELECT * FROM scout.verify_recovery()', extra_params => ['-U', 'oncall']);
$node->safe_psql('postgres', 'BEGIN; SELECT * FROM scout.smoke_test(); SAVEPOINT s; SELECT * FROM scout.accept_gate(); RELEASE s; COMMIT', extra_params => ['-U', 'oncall']);
exits(0, $gate, 'the script');
is(value($fingerprint), $before, 'smoke test and gate leave no trace in any table');
is(value('SELECT count(*) FROM scout.locks()'), '0', 'and no lock');
# The same in a transaction that has events of its own in memory, and a duplicate that counts.
value(q{BEGIN; INSERT INTO scout.bronze_events (event_data) SELECT event_data || '{"transaction_id": "mine"}' FROM scout.bronze_events LIMIT 1;
    INSERT INTO scout.bronze_events (event_data) SELECT event_data FROM scout.bronze_events LIMIT 1;
    SELECT * FROM scout.smoke_test(); COMMIT});
is(value('SELECT scout.backlog()'), '1', 'an event of the same transaction is queued as ever');
is(value(q{SELECT sum(duplicates_skipped) FROM scout.etl_runs WHERE kind = 'intake'}), '1', 'a duplicate of the same transaction counts, that of the smoke test does not');
value('SELECT count(*) FROM scout.load_silver_from_bronze()');
value('SELECT count(*) FROM scout.refresh_gold_platinum()');

# An incident: bad amounts, contained by hand, loading stopped.
value(q{SELECT scout.set_rule('NEGATIVE_TOTAL', severity => 'warning')});
sell(21, 30, -5);
value('SELECT count(*) FROM scout.load_silver_from_bronze()');
value(q{SELECT count(*) FROM scout.control_ingestion('pause', 'bad amounts', expires_after => '1 hour')});
value(q{SELECT count(*) FROM scout.quarantine_failures('NEGATIVE_TOTAL')});
exits(1, $verify, 'red in an incident');
command_checks_all([$verify], 1, [qr/^critical\s+critical_alerts\s+10 .*\n\s+-> .*dlq_resolve/m, qr/^warning\s+ingestion_active/m], [qr/NOT recovered: critical_alerts/], 'it says what, and what to do');
exits(0, $gate, 'the pipeline itself works: the gate accepts it while loading is paused');
value(q{SELECT count(*) FROM scout.dlq_resolve('wrong sign, sent again', error_code => 'QUARANTINE')});
value(q{SELECT count(*) FROM scout.control_ingestion('resume')});
exits(0, $verify, '--lost', 'green after it');

# A gate that must not be passed.
value('ALTER TABLE scout.silver_transactions ADD CONSTRAINT closed CHECK (total_amount < 0) NOT VALID');
command_checks_all([$gate], 1, [qr/^critical\s+event_in_silver .*WRITE_FAILED/m], [qr/Gate FAILED: event_in_silver line_fidelity/], 'nothing gets into silver');
value('ALTER TABLE scout.silver_transactions DROP CONSTRAINT closed');

# A lock in the way: unknown, not for ever.
my $blocker = $node->background_psql('postgres');
$blocker->query_safe('BEGIN; LOCK TABLE scout.silver_line_items');
is(value(q{SELECT string_agg(check_name, ', ') FROM scout.verify_recovery() WHERE status = 'unknown'}), 'product_linking', 'a check that cannot read its table is unknown');
like(value(q{SELECT status || ' ' || details FROM scout.smoke_test() WHERE check_name = 'event_in_silver'}), qr/^unknown .*55P03/, 'so is a smoke test that cannot write');
$blocker->query_safe('ROLLBACK');
$blocker->quit;

# Wrong use, and nobody there.
exits(2, $gate, 'what?', 'the gate takes no argument');
exits(2, $verify, '--what', 'the verification no other');
{
    local $ENV{PGURI} = uri('watcher');
    exits(0, $verify, 'a reader may verify');
    exits(3, $gate, 'but not try the gate');
}
{
    local $ENV{PGURI} = uri('oncall', 'nosuch');
    exits(3, $_, "$_ that cannot connect") for $gate, $verify;
}
delete $ENV{PGURI};
exits(2, $_, "$_ without PGURI") for $gate, $verify;

$node->stop;

# Preloaded, with an interval, something loads. With an installation in a directory of its own, only $libdir leads there.
my $staged = $ENV{TEMP_CONFIG} && slurp_file($ENV{TEMP_CONFIG}) =~ /extension_destdir/;
$node->append_conf('postgresql.conf', "shared_preload_libraries = '" . ($staged ? '$libdir/scout_ir' : 'scout_ir') . "'\n");
$node->start;
is(value(q{SELECT status || CASE WHEN status <> 'ok' THEN details::text ELSE '' END FROM scout.accept_gate() WHERE check_name = 'schedule_present'}), 'ok', 'the supervisor is a schedule');
$node->stop;
done_testing();
