# A capability of another library, preloaded: the supervisor asks for its job, a worker does it, and its alert is
# raised by the check that the supervisor asks for.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

# With an installation in a directory of its own, only $libdir leads there.
my $staged = $ENV{TEMP_CONFIG} && slurp_file($ENV{TEMP_CONFIG}) =~ /extension_destdir/;
my $libraries = join ', ', map { ($staged ? '$libdir/' : '') . $_ } qw(scout_ir scout_ir_test);
my $node = new_node('registry', qq{
    shared_preload_libraries = '$libraries'
    scout_ir.supervisor_naptime = 1
    scout_ir_test.trial_interval = 1
});
my $db = 'postgres';
pipeline($node, $db, slurp_file("$FindBin::RealBin/../module/trial_capability.sql"));

ok($node->poll_query_until($db, q{SELECT count(*) >= 2 FROM scout.jobs WHERE kind = 'trial' AND state = 'succeeded'}),
    'the supervisor asks for the job, and asks again');
is($node->safe_psql($db, q{SELECT DISTINCT session_role, acting_role, done, scheduled FROM scout.jobs WHERE kind = 'trial' AND state = 'succeeded'}),
    'pipeline_owner|pipeline_owner|1|t', 'workers do it as the owner of the pipeline');
my $job = $node->safe_psql($db, q{SELECT max(job_id) FROM scout.jobs WHERE kind = 'trial' AND state = 'succeeded'});
like(slurp_file($node->logfile), qr/trial job $job was here/, 'in the library that it is of');

$node->safe_psql($db, q{INSERT INTO scout_internal.trial_log (at) VALUES (now())});
$node->safe_psql($db, q{ALTER SYSTEM SET scout_ir.alert_interval = 1});
$node->reload;
ok($node->poll_query_until($db, q{SELECT EXISTS (SELECT FROM scout.v_alerts WHERE source = 'trial' AND state = 'firing')}),
    'its alert is raised');
$node->safe_psql($db, q{DELETE FROM scout_internal.trial_log});
ok($node->poll_query_until($db, q{SELECT EXISTS (SELECT FROM scout.v_alerts WHERE source = 'trial' AND ended_at IS NOT NULL)}), 'and ends');

$node->safe_psql($db, q{INSERT INTO scout_internal.trial_log (at) SELECT now() - interval '92 days' FROM generate_series(1, 10)});
ok($node->poll_query_until($db, q{SELECT NOT EXISTS (SELECT FROM scout_internal.trial_log)}), 'its old rows are swept');

# A database without its part of the catalogue.
$node->safe_psql($db, 'CREATE DATABASE bare');
pipeline($node, 'bare');
is($node->safe_psql('bare', q{SELECT severity || ' ' || summary FROM scout.check_alerts() WHERE dedup_key = 'check:trial'}),
    'warning could not be checked (SQLSTATE 42883)', 'where its function is missing, that is said');
$node->stop;
done_testing();
