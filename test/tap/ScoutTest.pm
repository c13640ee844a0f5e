# What the crash, dump and intake tests share.
package ScoutTest;
use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use Test::More ();
our @EXPORT = qw(new_node pipeline create_pipeline event_sql silver letters broken load_all session ask tell leave same_rows $count_states);

our $count_states = q{SELECT string_agg(check_name || '=' || value, ' ' ORDER BY ordinality) FROM scout.reconcile()
    WITH ORDINALITY WHERE check_name IN ('bronze_events', 'pending', 'processed', 'dead_lettered', 'discarded')};

sub new_node {
    my ($name, $conf) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    # Whatever the environment says: where it says nothing, initdb would make an SQL_ASCII cluster.
    $node->init(allows_streaming => 'logical', extra => ['--encoding=UTF8', '--locale=C']);
    $node->append_conf('postgresql.conf', "fsync = off\nshared_buffers = 16MB\nmax_prepared_transactions = 10\n"
        . "timezone = 'UTC'\nautovacuum = off\nscout_ir.alert_interval = 0\n" . ($conf // ''));
    $node->start;
    $node->safe_psql('postgres', 'CREATE ROLE pipeline_owner LOGIN');
    return $node;
}

# The extension and a pipeline that an ordinary role owns. `before` is SQL of a superuser: tables that are adopted.
sub pipeline {
    my ($node, $db, $before) = @_;
    $node->safe_psql($db, "CREATE EXTENSION scout_ir");
    $node->safe_psql($db, $before) if defined $before;
    create_pipeline($node, $db);
    return;
}

# create_pipeline(), also of what is there: it is adopted, and what has no state is queued. `columns` is what to
# tell of it.
sub create_pipeline {
    my ($node, $db, $columns) = @_;
    $columns //= 'count(*)';
    return $node->safe_psql($db, "SELECT $columns FROM scout.create_pipeline('pipeline_owner')");
}

# SELECT of event_id, event_data for ids from..to: with duplicates of a transaction_id, and bad events.
sub event_sql {
    my ($from, $to, $prefix) = @_;
    $prefix //= 'T';
    return qq{SELECT n AS event_id, jsonb_build_object(
        'transaction_id', '$prefix' || CASE WHEN n % 50 = 0 THEN n - 7 ELSE n END, 'store_id', 'S' || n % 7,
        'ts', '2025-08-24T14:05:00Z', 'total_amount', CASE WHEN n % 41 = 0 THEN -1 ELSE 20 + n % 9 END, 'customer_id', 'C' || n,
        'items', jsonb_build_array(
            jsonb_build_object('product_id', 'P' || n % 13, 'qty', 1, 'unit_price', 20, 'line_amount', 20),
            jsonb_build_object('product_id', 'Q' || n % 5, 'qty', 1, 'unit_price', n % 9, 'line_amount', n % 9))) AS event_data
        FROM generate_series($from, $to) n};
}

# Silver without processing timestamps.
sub silver {
    my ($node, $db) = @_;
    return $node->safe_psql($db, q{
        SELECT to_jsonb(t) - 'processed_at' - 'updated_at' FROM scout.silver_transactions t ORDER BY transaction_id COLLATE "C";
        SELECT to_jsonb(l) - 'updated_at' FROM scout.silver_line_items l ORDER BY transaction_id COLLATE "C", line_sequence});
}

sub letters {
    my ($node, $db) = @_;
    return $node->safe_psql($db, q{SELECT event_id, error_code, status FROM scout.bronze_events_dlq ORDER BY event_id});
}

# Checks of reconcile() that do not hold; empty if all is well.
sub broken {
    my ($node, $db) = @_;
    return $node->safe_psql($db,
        q{SELECT check_name, value, details FROM scout.reconcile() WHERE status <> 'ok' ORDER BY 1});
}

sub load_all {
    my ($node, $db, $size) = @_;
    $size //= 500;
    my $turns = 0;
    $turns++ while $turns < 1000
        && $node->safe_psql($db, "SELECT events_processed FROM scout.load_silver_from_bronze($size)") > 0;
    return;
}

# Compares two lists of rows, in any order, and names the first that only one side has.
sub same_rows {
    my ($mine, $theirs, $name) = @_;
    my %seen;
    $seen{$_}++ for @$mine;
    $seen{$_}-- for @$theirs;
    my @odd = grep { $seen{$_} } sort keys %seen;
    my @shown = map { ($seen{$_} > 0 ? 'only here:  ' : 'only there: ') . substr $_, 0, 400 } @odd[0 .. ($#odd < 7 ? $#odd : 7)];
    return Test::More::ok(@$mine > 0 && !@odd, $name) || Test::More::diag(join "\n", @shown);
}

# A psql in the background. ask() waits for what it sent to be through and returns its output;
# tell() does not wait; leave() ends it, also where its server is gone.
sub session {
    my ($node, $db, @options) = @_;
    my %s = (in => '', out => '', err => '', turn => 0, timer => IPC::Run::timeout(180));
    my @command = ('psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($db), @options, '-f', '-');
    $s{run} = IPC::Run::start(\@command, '<', \$s{in}, '>', \$s{out}, '2>', \$s{err}, $s{timer});
    return \%s;
}

sub tell {
    my ($s, $sql) = @_;
    $s->{in} .= "$sql\n";
    $s->{run}->pump_nb;
    return;
}

sub ask {
    my ($s, $sql) = @_;
    my $mark = 'turn ' . ++$s->{turn} . ' done';
    $s->{out} = '';
    $s->{in} .= "$sql\n\\echo $mark\n";
    $s->{run}->pump until $s->{out} =~ /\Q$mark\E\n/;
    $s->{out} =~ s/\Q$mark\E\n//;
    chomp(my $answer = $s->{out});
    return $answer;
}

sub leave {
    my ($s) = @_;
    eval { $s->{in} .= "\\q\n"; $s->{run}->finish; };
    return;
}

1;
