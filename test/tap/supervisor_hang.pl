# A tick that the owner's code holds up: it catches the cancel and goes on. It is terminated, its database left alone
# for a while, and the other databases of the cluster are looked at all the same.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;
use Time::HiRes qw(time usleep);

my $staged = $ENV{TEMP_CONFIG} && slurp_file($ENV{TEMP_CONFIG}) =~ /extension_destdir/;
my $node = new_node('held', "shared_preload_libraries = '" . ($staged ? '$libdir/scout_ir' : 'scout_ir')
    . "'\nscout_ir.supervisor_naptime = 1\nlog_min_messages = debug1\nmax_worker_processes = 16\n");
my ($db, $held) = ('postgres', 'held');
pipeline($node, $db);
$node->safe_psql($db, 'CREATE DATABASE held');
pipeline($node, $held);

sub ticks {
    my ($in) = @_;
    my $oid = $node->safe_psql($db, "SELECT oid FROM pg_database WHERE datname = '$in'");
    return scalar(() = slurp_file($node->logfile) =~ /starting background worker process "scout_ir tick of database $oid"/g);
}
sub wait_for {
    my ($done, $what) = @_;
    for (1 .. 3000) { return pass($what) if $done->(); usleep(20_000); }
    return fail($what);
}
sub says { my ($pattern) = @_; return sub { slurp_file($node->logfile) =~ $pattern }; }

$node->safe_psql($held, q{
    CREATE SCHEMA mine AUTHORIZATION pipeline_owner;
    SET ROLE pipeline_owner;
    CREATE FUNCTION mine.hold() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF (SELECT a.backend_type FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()) = 'client backend' THEN RETURN 1; END IF;
        RAISE LOG 'held up';
        LOOP
            BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN RAISE LOG 'caught the cancel'; END;
        END LOOP;
    END $$;
    DO $$
    DECLARE t record;
    BEGIN
        FOR t IN SELECT c.oid::regclass AS name, c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
                 WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind = 'r'
        LOOP
            EXECUTE format('CREATE STATISTICS mine.%I ON (mine.hold() + length(%I::text)), %2$I FROM %s', t.relname, t.attname, t.name);
        END LOOP;
    END $$;
    RESET ROLE;
    ALTER DATABASE held SET scout_ir.load_interval = '2s';
});
$node->reload;
wait_for(says(qr/held up/), 'a tick is held up by the code of the owner');
my $began = time;
wait_for(says(qr/caught the cancel/), 'its step is cancelled, which the code catches');
wait_for(says(qr/database "held": its worker was terminated, it took longer than 10 s/), 'the tick is terminated');
cmp_ok(time - $began, '<', 40, 'in seconds, not in a minute');
my ($ticks, $others) = (ticks($held), ticks($db));
wait_for(sub { ticks($db) >= $others + 5 }, 'the other database is looked at');
is(ticks($held), $ticks, 'and that one is left alone, from the first time');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
