# schedule_jobs(): the standard jobs in pg_cron, the real one where it is installed, and a stand-in that
# knows seconds.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $db = 'postgres';
my $shared = `pg_config --sharedir`;
chomp $shared;
my $real = -e "$shared/extension/pg_cron.control";
my $node = new_node('schedule', $real ? "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\n"
    . "cron.use_background_workers = on\nmax_worker_processes = 20\n" : '');
pipeline($node, $db);
my ($load, $retention) = ('SELECT scout.load_backlog(workers => 1, wait => false, skip_if_running => true)', 'SELECT scout.apply_retention()');
my $alerts = 'SELECT scout.check_alerts(skip_if_running => true)';
my $said;

sub refused {
    my ($call, $state, $pattern, $what, $in) = @_;
    isnt($node->psql($in // $db, "\\set VERBOSITY verbose\nSELECT $call", stderr => \$said), 0, $what);
    like($said, qr/ERROR:  $state: .*$pattern/s, "$what: $state, and says why");
    like($said, qr/HINT:/, "$what: and what to do");
    return;
}

# Without pg_cron.
refused('scout.schedule_jobs()', '0A000', 'pg_cron', 'no pg_cron');
is($node->safe_psql($db, 'SET client_min_messages = warning; SELECT * FROM scout.unschedule_jobs()'), '', 'nothing is scheduled, nothing to remove');

SKIP: {
    skip 'pg_cron is not installed', 1 if !$real;
    $node->safe_psql($db, 'CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO pipeline_owner');
    my $seconds = $node->safe_psql($db, q{SELECT string_to_array(extversion, '.')::text >= '{1,5}' FROM pg_extension WHERE extname = 'pg_cron'}) eq 't';
    is($node->safe_psql($db, q{SET ROLE pipeline_owner; SELECT job_name, status FROM scout.schedule_jobs()}),
        "scout_ir load|scheduled\nscout_ir refresh|scheduled\nscout_ir alerts|scheduled\nscout_ir retention|scheduled", 'the standard jobs are registered');
    is($node->safe_psql($db, q{SELECT jobname, schedule, username, active FROM cron.job ORDER BY jobid}),
        'scout_ir load|' . ($seconds ? '30 seconds' : '* * * * *') . "|pipeline_owner|t\nscout_ir refresh|*/5 * * * *|pipeline_owner|t\nscout_ir alerts|* * * * *|pipeline_owner|t\nscout_ir retention|17 3 * * *|pipeline_owner|t",
        'in pg_cron, as the caller');
    is($node->safe_psql($db, q{SELECT command FROM cron.job ORDER BY jobid}), "$load\nSELECT scout.maybe_refresh_gold()\n$alerts\n$retention", 'with these commands');
    # Each command is one that works, also a second time.
    for my $command (split /\n/, $node->safe_psql($db, 'SELECT command FROM cron.job ORDER BY jobid')) {
        is($node->psql($db, "SET ROLE pipeline_owner; $command; $command"), 0, "runs: $command");
    }
    like($node->safe_psql($db, q{SET ROLE pipeline_owner; SELECT job_name, status FROM scout.schedule_jobs()}), qr/^(scout_ir \w+\|unchanged\n?){4}$/, 'again: nothing changes');
    is($node->safe_psql($db, q{SET ROLE pipeline_owner; SELECT schedule, command, status FROM scout.schedule_jobs('2 min', '1 hour', '0 4 * * 0', 2)
        WHERE job_name NOT IN ('scout_ir refresh', 'scout_ir alerts')}),
        "*/2 * * * *|SELECT scout.load_backlog(workers => 2, wait => false, skip_if_running => true)|changed\n0 4 * * 0|$retention|changed", 'other intervals change them');
    is($node->safe_psql($db, 'SELECT count(*) FROM cron.job'), 4, 'in place');
    isnt($node->psql($db, q{SELECT scout.schedule_jobs(retention_schedule => 'at night')}, stderr => \$said), 0, 'pg_cron itself judges retention_schedule');
    like($said, qr/invalid schedule/, 'and says so');
    is($node->safe_psql($db, 'SELECT count(*) FROM cron.job'), 4, 'an error leaves all as it was');
    # pg_cron runs what is due within the minute.
    $node->safe_psql($db, q{SET client_min_messages = warning; SET ROLE pipeline_owner; SELECT scout.schedule_jobs('1 min')});
    $node->safe_psql($db, 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(1, 50));
    ok($node->poll_query_until($db, 'SELECT scout.backlog() = 0'), 'pg_cron loads what has come');
    is($node->safe_psql($db, q{SET ROLE pipeline_owner; SELECT job_name, status FROM scout.unschedule_jobs()}),
        "scout_ir load|removed\nscout_ir refresh|removed\nscout_ir alerts|removed\nscout_ir retention|removed", 'they are removed');
    is($node->safe_psql($db, 'SELECT count(*) FROM cron.job'), 0, 'from pg_cron');
    is($node->safe_psql($db, 'SELECT * FROM scout.unschedule_jobs()'), '', 'again: nothing is left');
    is($node->safe_psql($db, q{SELECT string_agg(action || ' ' || actor || ' ' || outcome, ', ' ORDER BY entry_id) FROM scout.timeline
        WHERE action ~ 'schedule_jobs' AND outcome <> 'nothing was scheduled'}),
        join(', ', ('schedule_jobs ' . $node->safe_psql($db, 'SELECT current_user') . ' scheduled') x 4, 'unschedule_jobs ' . $node->safe_psql($db, 'SELECT current_user') . ' removed'),
        'all of it is in the timeline');
}

# A stand-in of pg_cron 1.6, in a database of its own.
$node->safe_psql($db, 'CREATE DATABASE stand_in');
pipeline($node, 'stand_in');
$node->safe_psql('stand_in', q{
    CREATE SCHEMA cron;
    CREATE TABLE cron.job (jobid bigint GENERATED ALWAYS AS IDENTITY, schedule text, command text, database text DEFAULT current_database(),
                           username text DEFAULT current_user, active boolean DEFAULT true, jobname text, UNIQUE (jobname, username));
    CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql AS
        'INSERT INTO cron.job (jobname, schedule, command) VALUES ($1, $2, $3) ON CONFLICT (jobname, username)
         DO UPDATE SET schedule = $2, command = $3, active = true RETURNING jobid';
    CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE sql AS 'DELETE FROM cron.job WHERE jobid = $1 RETURNING true';
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (99999, 'pg_cron', 10, 'cron'::regnamespace, false, '1.6');
    ALTER EXTENSION pg_cron ADD TABLE cron.job});
my $load_is = q{SELECT schedule FROM cron.job WHERE jobname = 'scout_ir load'};
for my $good (['30 seconds', '30 seconds'], ['1 second', '1 seconds'], ['59 s', '59 seconds'], ['60 s', '* * * * *'], ['30 min', '*/30 * * * *'],
              ['1 hour', '0 * * * *'], ['12 hours', '0 */12 * * *'], ['24 hours', '0 0 * * *'], ['1 day', '0 0 * * *']) {
    my ($interval, $schedule) = @$good;
    is($node->safe_psql('stand_in', "SELECT FROM scout.schedule_jobs('$interval'); $load_is") =~ s/^\s+//r, $schedule, "every $interval");
}
for my $bad (map { ["'$_'"] } '0', '-1 min', '90 s', '7 min', '45 min', '90 min', '5 hours', '25 hours', '2 days', '1 month', '1.5 s', '1 day -1 hour', '-1 day 25 hours', '170000000 years') {
    refused("scout.schedule_jobs($bad->[0])", '22023', 'load_interval', "every $bad->[0]", 'stand_in');
    refused("scout.schedule_jobs(refresh_interval => $bad->[0])", '22023', 'refresh_interval', "refresh every $bad->[0]", 'stand_in');
}
refused('scout.schedule_jobs(NULL)', '22004', 'load_interval', 'no interval', 'stand_in');
refused('scout.schedule_jobs(retention_schedule => NULL)', '22004', 'retention_schedule', 'no schedule', 'stand_in');
refused(q{scout.schedule_jobs(retention_schedule => ' ')}, '22023', 'retention_schedule', 'a blank schedule', 'stand_in');
refused("scout.schedule_jobs(load_workers => $_->[0])", $_->[1], 'load_workers', "load_workers $_->[0]", 'stand_in')
    for ['0', '22023'], ['5', '22023'], ['-1', '22023'], ['NULL', '22004'];
is($node->safe_psql('stand_in', $load_is), '0 0 * * *', 'no bad argument has changed anything');
$node->safe_psql('stand_in', q{UPDATE cron.job SET active = false});
is($node->safe_psql('stand_in', q{SELECT status FROM scout.schedule_jobs('1 day') WHERE job_name = 'scout_ir load'}), 'changed', 'what was switched off is switched on');
$node->safe_psql('stand_in', q{UPDATE pg_extension SET extversion = '1.4-1' WHERE extname = 'pg_cron'});
is($node->psql('stand_in', q{SELECT schedule FROM scout.schedule_jobs('30 s') WHERE job_name = 'scout_ir load'}, stderr => \$said, stdout => \my $rounded), 0, 'before 1.5');
is($rounded, '* * * * *', 'seconds become a minute');
like($said, qr/NOTICE:.*every minute instead of every 30 seconds/, 'which is said');
$node->safe_psql($db, 'CREATE ROLE oncall; GRANT CREATE ON DATABASE stand_in TO oncall');
$node->safe_psql('stand_in', q{SELECT scout.grant_access('operator', 'oncall')});
isnt($node->psql('stand_in', "SET ROLE oncall; SELECT scout.$_()", stderr => \$said), 0, "$_() is for admins") for qw(schedule_jobs unschedule_jobs);
$node->stop;
done_testing();
