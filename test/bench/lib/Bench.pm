# What the scenarios share: sizes, databases, samples, rounds, results.
package Bench;
use strict;
use warnings;
use DBI;
use Exporter 'import';
use List::Util qw(max min);
use Socket;
use Time::HiRes qw(time);
our @EXPORT = qw(%size scenario say_so sql value psql_file new_database connection sample rounds result extra table_of
    median seconds load_all autovacuum file);

# Sizes of the issue's table; bench.pl replaces them for --quick.
our %size = (rounds => 5, events => 200_000, history => 5_000_000, little_history => 50_000,
    steps => [500_000, 1_000_000, 2_000_000, 5_000_000], batches => 15, singles => 500_000, phases => 10,
    waiting => 200_000, reprocessed => 100_000, memory => [100_000, 1_000_000], inserts => 5_000, looks => 50,
    physical => 100_000, checked => 1_000_000, hour => 20_000, batch => 2_000, silver_rows => 4.5);  # a transaction and 3.5 lines
our (@scenarios, %measure, @results, @extras, @tables, @series);

# scenario NAME, SUB, MEASURE => [TITLE, OPERATOR, BAR]...: what --list shows and --only chooses.
sub scenario {
    my ($name, $code, @measures) = @_;
    push @scenarios, { name => $name, code => $code, measures => [grep { !ref } @measures] };
    %measure = (%measure, @measures);
    return;
}

sub say_so { printf STDERR "%s  %s\n", join(':', map { sprintf '%02d', $_ } (localtime)[2, 1, 0]), "@_"; return; }
sub file { return "$ENV{BENCH_FILES}/$_[0]"; }

# --- databases ---------------------------------------------------------------------------------------------

sub connection {
    my ($db) = @_;
    # A forked child must not say goodbye on our connection.
    return DBI->connect("dbi:Pg:dbname=$db", '', '', { RaiseError => 1, PrintError => 0, PrintWarn => 0,
        AutoCommit => 1, AutoInactiveDestroy => 1 });
}

# Statements in a session of their own. Waits for nothing but them.
sub sql {
    my ($db, @statements) = @_;
    my $dbh = connection($db);
    $dbh->do('SET client_min_messages = error');
    $dbh->do($_) for @statements;
    $dbh->disconnect;
    return;
}

sub value {
    my ($db, $query) = @_;
    my $dbh = ref $db ? $db : connection($db);
    my ($value) = $dbh->selectrow_array($query);
    return $value;
}

sub psql_file {
    my ($db, $name, %variables) = @_;
    system('psql', '-Xqd', $db, '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', (map { ('-v', "$_=$variables{$_}") } sort keys %variables),
        '-f', "$FindBin::Bin/$name") == 0 or die "$name failed in $db\n";
    return;
}

sub new_database {
    my ($db, $template) = @_;
    sql('postgres', "DROP DATABASE IF EXISTS $db WITH (FORCE)", "CREATE DATABASE $db TEMPLATE " . ($template // 'bench_empty'));
    return $db;
}

# Between scenarios: their databases are large. What several of them use stays.
sub drop_databases {
    my $gone = connection('postgres')->selectcol_arrayref(
        q{SELECT datname FROM pg_database WHERE datname LIKE 'bench\_%' AND datname NOT IN ('bench_empty', 'bench_little', 'bench_recovery')});
    sql('postgres', map { "DROP DATABASE $_ WITH (FORCE)" } @$gone);
    return;
}

# Autovacuum is off where it would run into one side of a pair, and each reset vacuums instead; it is on where
# what it does, or cannot do, is part of what is measured.
sub autovacuum {
    my ($state) = @_;
    sql('postgres', "ALTER SYSTEM SET autovacuum = $state", q{ALTER SYSTEM SET autovacuum_naptime = '10s'}, 'SELECT pg_reload_conf()');
    return;
}

# --- samples -----------------------------------------------------------------------------------------------

# The backend's own memory is RssAnon: VmHWM counts the pages of shared_buffers that it has touched, and
# pg_backend_memory_contexts shows one moment and not what malloc() holds on to. It is sampled by a process
# that lives as long as the bench; the kernel's count may lag by some 100 kB.
my $sampler;
sub start_sampler {
    socketpair($sampler, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    $_->autoflush(1) for $sampler, $there;
    my $child = fork() // die "fork: $!";
    return if $child;
    close $sampler;
    my ($pid, $peak) = (0, 0);
    while (1) {
        vec(my $ready = '', fileno($there), 1) = 1;
        if (select($ready, undef, undef, $pid ? 0.003 : undef)) {
            my $line = <$there>;
            POSIX::_exit(0) if !defined $line;
            chomp $line;
            if ($line) { ($pid, $peak) = ($line, 0); }
            $peak = max($peak, anonymous_kb($pid));
            print $there "$peak\n";
            $pid = 0 if !$line;
        }
        else { $peak = max($peak, anonymous_kb($pid)); }
    }
}
sub anonymous_kb {
    my ($pid) = @_;
    open my $status, '<', "/proc/$pid/status" or return 0;
    while (<$status>) { return $1 if /^RssAnon:\s+(\d+)/; }
    return 0;
}
sub ask_sampler { print $sampler "$_[0]\n"; chomp(my $kb = <$sampler>); return $kb; }

# sample HANDLE, EVENTS, CODE: seconds, WAL bytes, and memory of the backend before and at its peak. Code that
# takes its time elsewhere (pgbench) returns a reference to the seconds.
sub sample {
    my ($dbh, $events, $code) = @_;
    my $lsn = value($dbh, 'SELECT pg_current_wal_insert_lsn()');
    my $base = 0 + ask_sampler($dbh->{pg_pid});
    my $started = time;
    my $measured = $code->($dbh);
    my $seconds = ref $measured eq 'SCALAR' ? $$measured : time - $started;
    my $peak = 0 + ask_sampler(0);
    return { seconds => $seconds, events => $events, (ref $measured ? () : (base_kb => $base, peak_kb => $peak)),
        wal => 0 + value($dbh, "SELECT pg_current_wal_insert_lsn() - '$lsn'") };
}

# rounds LABEL, CONTENDER...: each round runs every contender once, every other round in reverse order. A
# contender has a name, db, events, run => sub(HANDLE), and maybe reset => sub(), which brings its
# database into the state from which all of them start. Each sample has a fresh backend, and a checkpoint before it.
sub rounds {
    my ($label, @contenders) = @_;
    my %samples;
    for my $round (1 .. $size{rounds}) {
        for my $c ($round % 2 ? @contenders : reverse @contenders) {
            $c->{reset}->() if $c->{reset};
            sql($c->{db}, 'CHECKPOINT');
            my $dbh = connection($c->{db});
            my $s = sample($dbh, $c->{events}, $c->{run});
            $dbh->disconnect;
            push @{ $samples{ $c->{name} } }, $s;
            say_so(sprintf '%s, round %d: %-22s %8.3f s', $label, $round, $c->{name}, $s->{seconds});
        }
    }
    return %samples;
}

sub load_all {
    my ($dbh, $batch) = @_;
    my $load = $dbh->prepare_cached('SELECT events_processed, backlog FROM scout.load_silver_from_bronze(?)');
    while (1) {
        my ($loaded, $backlog) = $dbh->selectrow_array($load, undef, $batch // $size{batch});
        last if $backlog == 0;
        die "the loader stands still\n" if $loaded == 0;
    }
    return;
}

# --- results -----------------------------------------------------------------------------------------------

sub median {
    my @v = sort { $a <=> $b } @_;
    return @v ? ($v[$#v / 2] + $v[@v / 2]) / 2 : undef;
}
sub seconds { return map { $_->{seconds} } @{ $_[0] }; }

# result MEASURE, SAMPLES OF A, SAMPLES OF B, OURS (which of them), NOTE: the ratio of medians of A over B,
# and the extremes of the pairs' ratios. `by` takes something else than the time out of a sample; `rows` is
# the number of rows that an event becomes, if it is not one.
sub result {
    my ($name, $a, $b, %o) = @_;
    my $by = $o{by} // sub { $_[0]{seconds} };
    my @a = map { $by->($_) } @$a;
    my @b = map { $by->($_) } @$b;
    my @pairs = map { $a[$_] / $b[$_] } 0 .. min($#a, $#b);
    _store($name, ratio => median(@a) / median(@b), min => min(@pairs), max => max(@pairs), a => $a, b => $b, %o, by => undef);
    return;
}

# extra TITLE, A, B: a comparison without a bar.
sub extra {
    my ($title, @rest) = @_;
    $measure{$title} //= [$title, '', undef];
    result($title, @rest);
    return;
}

sub _store {
    my ($name, %r) = @_;
    my ($title, $operator, $bar) = @{ $measure{$name} or die "no measure $name\n" };
    $r{verdict} = !defined $bar ? '' : ($operator eq '<=' ? $r{ratio} <= $bar : $r{ratio} >= $bar) ? 'passed' : 'missed';
    my $ours = $r{ours} && $r{ours} eq 'b' ? $r{b} : $r{a};
    if (my @timed = grep { $_->{events} } @$ours) {
        $r{events_per_s} = median(map { $_->{events} / $_->{seconds} } @timed);
        $r{rows_per_s} = $r{events_per_s} * ($r{rows} // 1);
        $r{wal_per_event} = median(map { $_->{wal} / $_->{events} } @timed);
    }
    my @peaks = grep { $_ } map { $_->{peak_kb} } @$ours;
    $r{peak_mb} = median(@peaks) / 1024 if @peaks;
    push @results, { name => $name, title => $title, operator => $operator, bar => $bar, %r };
    say_so(sprintf '%s: %.2f (%.2f to %.2f) %s %s %s', $title, $r{ratio}, $r{min}, $r{max}, $operator, $bar // '', $r{verdict});
    return;
}

# table_of TITLE, HEAD, ROWS: a table for people, printed after the bars and kept in the JSON.
sub table_of {
    my ($title, $head, $rows) = @_;
    push @tables, { title => $title, head => $head, rows => $rows };
    return;
}

1;
