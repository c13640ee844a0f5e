# What the tests of jobs share: brakes, at which a worker stops for certain until the test lets it go.
package JobsTest;
use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use ScoutTest;
our @EXPORT_OK = qw(job_ended job_stuck);
our @EXPORT = qw(job_base fresh brake release stopped state hear job_log $events $workers);

our $events = 3000;
our $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'scout_ir job'};

# A template database. Advisory locks 77 and 79 stop whoever writes T1501 and T2503, 78 everybody.
sub job_base {
    my ($node) = @_;
    $node->safe_psql('postgres', 'CREATE DATABASE base');
    pipeline($node, 'base');
    $node->safe_psql('base', q{
        CREATE FUNCTION public.brake() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(tg_argv[0]::int);
            RETURN new;
        END $$;
        CREATE TRIGGER brake77 BEFORE INSERT OR UPDATE ON scout.silver_transactions FOR EACH ROW
            WHEN (new.transaction_id = 'T1501') EXECUTE FUNCTION public.brake(77);
        CREATE TRIGGER brake78 BEFORE INSERT OR UPDATE ON scout.silver_transactions FOR EACH ROW EXECUTE FUNCTION public.brake(78);
        CREATE TRIGGER brake79 BEFORE INSERT OR UPDATE ON scout.silver_transactions FOR EACH ROW
            WHEN (new.transaction_id = 'T2503') EXECUTE FUNCTION public.brake(79);
    });
    $node->safe_psql('base', 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(1, $events));
    return;
}

# STRATEGY: the default copies a sequence's page with numbers that it takes for logged; a crash soon after
# would give them out again.
sub fresh {
    my ($node, $db) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE base STRATEGY file_copy");
    return $db;
}

# A session that holds brakes.
sub brake {
    my ($node, $db, @keys) = @_;
    my $s = session($node, $db);
    ask($s, "SELECT pg_advisory_lock($_);") for @keys;
    return $s;
}

sub release {
    my ($s, $key) = @_;
    ask($s, "SELECT pg_advisory_unlock($key);");
    return;
}

# Waits until so many workers stand at a brake.
sub stopped {
    my ($node, $db, $key, $count) = @_;
    $count //= 1;
    $node->poll_query_until($db, "SELECT count(*) = $count FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = '$db' AND l.locktype = 'advisory' AND l.objid = $key AND l.objsubid = 1 AND NOT l.granted")
        or die "no worker has come to brake $key";
    return;
}

sub state {
    my ($node, $db, $job) = @_;
    return $node->safe_psql($db, "SELECT state FROM scout.jobs WHERE job_id = $job");
}

# Waits for the end of a job: its state.
sub job_ended {
    my ($node, $db, $job) = @_;
    $node->poll_query_until($db, "SELECT state IN ('succeeded', 'failed', 'cancelled') FROM scout.job($job)") or die "job $job does not end";
    return $node->safe_psql($db, "SELECT state FROM scout.job($job)");
}

# Waits until the worker of a job waits for a lock.
sub job_stuck {
    my ($node, $db, $job) = @_;
    return $node->poll_query_until($db, qq{SELECT count(*) > 0 FROM scout_internal.job_workers w JOIN pg_stat_activity a USING (pid)
        WHERE w.job_id = $job AND a.wait_event_type = 'Lock'}) || die "job $job does not wait";
}

# Lets a session's psql talk until what it says fits.
sub hear {
    my ($s, $stream, $pattern) = @_;
    $s->{run}->pump until $s->{$stream} =~ $pattern;
    return;
}

# Lines of the server log about a job.
sub job_log {
    my ($node, $pattern) = @_;
    return scalar grep { /$pattern/ } split /\n/, slurp_file($node->logfile);
}

1;
