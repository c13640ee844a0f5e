# The runbook's three pre-built scripts, in their corrected form.
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
my $node = new_node('scripts');
pipeline($node, 'postgres');
$node->safe_psql('postgres', q{
    CREATE ROLE oncall LOGIN;
    SELECT scout.grant_access('operator', 'oncall');
    SELECT scout.set_rule('NEGATIVE_TOTAL', severity => 'warning');
    SELECT count(*) FROM scout.ingest_events((SELECT jsonb_agg(jsonb_build_object(
        'transaction_id', 't' || n, 'store_id', 's', 'ts', '2026-03-01T09:00:00Z',
        'total_amount', CASE WHEN n <= 3 THEN -5 ELSE 5 END,
        'items', jsonb_build_array(jsonb_build_object('product_id', 'p', 'qty', 1, 'unit_price', 5,
                                                      'line_amount', CASE WHEN n <= 3 THEN -5 ELSE 5 END))))
        FROM generate_series(1, 20) n));
});
$ENV{PGURI} = 'postgresql:///postgres?user=oncall&host=' . $node->host . '&port=' . $node->port;
sub value { $node->safe_psql('postgres', $_[0]) }

command_fails_like(["$scripts/emergency_pipeline_reset.sh"], qr/did not go well/, 'a reset that may not see who is stuck fails');
is(value('SELECT ingestion_active FROM scout.ingestion_status()'), 'f', 'and loading stays paused');
$node->safe_psql('postgres', 'GRANT pg_read_all_stats TO oncall');
{
    local $ENV{DRY_RUN} = 1;
    command_ok(["$scripts/emergency_pipeline_reset.sh"], 'a dry run of the reset');
    is(value('SELECT ingestion_active FROM scout.ingestion_status()'), 'f', 'changes nothing');
}
command_ok(["$scripts/emergency_pipeline_reset.sh"], 'the reset runs as an operator');
is(value('SELECT count(*) FROM scout.silver_transactions'), '20', 'its probe batch has loaded');
is(value('SELECT ingestion_active FROM scout.ingestion_status()'), 't', 'and ingestion is active again');

{
    local $ENV{DRY_RUN} = 1;
    command_like(["$scripts/data_quality_cleanup.sh"], qr/\b3 \|\s+3 \|\s+3\b/, 'the cleanup counts in a dry run');
}
is(value('SELECT count(*) FROM scout.silver_transactions'), '20', 'which removes nothing');
command_ok(["$scripts/data_quality_cleanup.sh", 'NEGATIVE_TOTAL', '1'], 'the cleanup');
is(value('SELECT count(*) FROM scout.silver_transactions WHERE total_amount < 0'), '0', 'negative totals have left silver');
is(value(q{SELECT count(*) FROM scout.bronze_events_dlq WHERE status = 'open'}), '3', 'and are in the dead-letter queue');
command_fails(["$scripts/data_quality_cleanup.sh", 'NO_SUCH_RULE'], 'an unknown rule fails');
like(slurp_file($node->logfile), qr/LOG:\s+scout_ir action: \{"action": "quarantine_failures", "outcome": "failed", "sqlstate": "22023"/,
    'and leaves a structured line in the server log');

value(q{UPDATE scout.silver_transactions SET total_amount = 1});
command_fails_like(["$scripts/recover_time_window.sh", '2026-01-01 00:00', '2026-01-02 00:00'], qr/no time zone/,
    'a timestamp without a zone is refused');
command_ok(["$scripts/recover_time_window.sh"], 'the window recovery, last hour by default');
is(value('SELECT count(*) FROM scout.silver_transactions WHERE total_amount = 5'), '17', 'restores silver');
is(value(q{SELECT count(*) FROM scout.reconcile() WHERE status <> 'ok'}), '0', 'reconcile balances');

{
    local $ENV{PGURI} = 'postgresql:///nosuch?host=' . $node->host . '&port=' . $node->port;
    command_fails(["$scripts/emergency_pipeline_reset.sh"], 'a reset that cannot connect fails');
}
delete $ENV{PGURI};
command_fails_like(["$scripts/emergency_pipeline_reset.sh"], qr/set PGURI/, 'without PGURI it says what it needs');

command_fails_like(["$scripts/check", '--pg', '16'], qr/--pg takes 15, 17 or 18/, 'a version that no Debian has is refused');
command_fails_like(["$scripts/check", '--pg'], qr/--pg takes 15, 17 or 18/, 'so is none');

$node->stop;
done_testing();
