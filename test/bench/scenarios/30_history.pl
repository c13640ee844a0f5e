# What must not grow with history, with a snapshot held open, or with a paused source.
use strict;
use warnings;
use Bench;
use Scenario;

# Batches in two databases, one after the other, order swapped each time. Returns both lists of samples.
sub batches {
    my ($count, @dbs) = @_;
    my @handles = map { connection($_) } @dbs;
    my @samples = ([], []);
    for my $i (0 .. $count) {
        for my $side ($i % 2 ? (0, 1) : (1, 0)) {
            my $s = batch($handles[$side]);
            push @{ $samples[$side] }, $s if $i;  # the first one warms the backend up
        }
    }
    return @samples;
}

sub batch {
    my ($dbh) = @_;
    my $load = $dbh->prepare_cached('SELECT events_processed FROM scout.load_silver_from_bronze(?)');
    my $loaded;
    my $s = sample($dbh, $size{batch}, sub { ($loaded) = $_[0]->selectrow_array($load, undef, $size{batch}); return; });
    die "a batch of $loaded events\n" if $loaded != $size{batch};
    return $s;
}

# Server time of a query without client or network.
sub explain {
    my ($dbh, $query) = @_;
    my $plan = join "\n", map { $_->[0] } @{ $dbh->selectall_arrayref("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) $query") };
    my ($planning) = $plan =~ /Planning Time: ([\d.]+)/;
    my ($execution) = $plan =~ /Execution Time: ([\d.]+)/;
    return { seconds => ($planning + $execution) / 1000 };
}

scenario history => sub {
    my $little = little_history();
    my $old = new_database('bench_old', $little);
    my $young = 'bench_young';
    my ($filled, $used, $last, @samples) = ($size{little_history}, 0);
    for my $history ($size{little_history}, @{ $size{steps} }) {
        if ($history > $filled) {
            fill_history($old, $filled + 1, $history);
            $filled = $history;
        }
        new_database($young, $little);
        my $next = $used + ($size{batches} + 1) * $size{batch};
        for my $db ($old, $young) { sql($db, copy_part($used + 1, $next), 'VACUUM ANALYZE'); }
        sql($old, 'CHECKPOINT');
        @samples = batches($size{batches}, $old, $young);
        my ($ms, $control) = map { 1000 * median(seconds($_)) } @samples;
        push @Bench::series, { history => $history, ms => $ms, control_ms => $control };
        say_so(sprintf 'history of %d: %.1f ms a batch, control %.1f ms', $history, $ms, $control);
        quality($old, $young, $used, $history) if $history == ($size{steps}[1] // 0);
        $used = $next;
    }
    result('history/batch', @samples, rows => $size{silver_rows}, note => "$size{batches} batches");
    table_of('Batch time against history', ['processed events', 'ms', "ms at $size{little_history}"],
        [map { [$_->{history}, sprintf('%.1f', $_->{ms}), sprintf('%.1f', $_->{control_ms})] } @Bench::series]);

    my $scan = sub {
        my ($workers) = @_;
        return sub { $_[0]->do($_) for map({ "SET enable_$_ = off" } qw(indexscan indexonlyscan bitmapscan)),
            "SET max_parallel_workers_per_gather = $workers", 'SELECT sum(event_id) FROM scout.bronze_events'; return; };
    };
    my $bad = value($old, q{SELECT string_agg(check_name || '=' || value, ' ') FROM scout.reconcile() WHERE status <> 'ok'});
    die "the history does not balance: $bad\n" if $bad;
    my %s = rounds('reconcile', map { { %$_, db => $old } }
        { name => 'reconcile', run => sub { $_[0]->do('SELECT * FROM scout.reconcile()'); return; } },
        { name => 'scan', run => $scan->(0) }, { name => 'parallel scan', run => $scan->(2) });
    result('history/reconcile', $s{reconcile}, $s{scan}, note => sprintf '%.2f s over %.2f s', map { median(seconds($_)) } @s{qw(reconcile scan)});
    extra('reconcile() whole over a parallel scan of the ids', $s{reconcile}, $s{'parallel scan'});

    # Both with events that wait, as they do when somebody looks.
    sql($old, copy_part($used + 1, $used + 5 * $size{batch}), 'VACUUM ANALYZE');
    for (['history/freshness', 'SELECT * FROM scout.v_ingest_freshness'], ['history/status', q{SELECT * FROM scout.control_ingestion('status')}]) {
        my ($measure, $query) = @$_;
        my $dbh = connection($old);
        explain($dbh, $query);
        result($measure, [map { explain($dbh, $query) } 1 .. $size{looks}], [map { { seconds => 0.001 } } 1 .. $size{looks}], note => 'ms of server time');
    }
},
    'history/batch' => ['batch of 2,000 behind 5 million processed events over 50 thousand', '<=', 1.15],
    'history/reconcile' => ['reconcile() whole, 5 million events, over one sequential scan of their ids', '<=', 4],
    'history/quality' => ['data_quality_report(1) with 1 million transactions of history over 50 thousand', '<=', 1.3],
    'history/freshness' => ['v_ingest_freshness at 5 million events, ms', '<=', 1],
    'history/status' => ["control_ingestion('status') at 5 million events, ms", '<=', 1];

# The same last hour on both sides: what earlier steps loaded into the old one goes into the young one too.
sub quality {
    my ($old, $young, $used, $history) = @_;
    sql($young, copy_part(1, $used)) if $used;
    load_all(connection($young));
    sql($_, 'VACUUM ANALYZE') for $old, $young;
    my ($a, $b) = map { value($_, q{SELECT count(*) FROM scout.silver_transactions WHERE processed_at > now() - interval '1 hour'}) } $old, $young;
    die "the last hour differs: $a, $b\n" if $a != $b;
    my %s = rounds('quality report', map { my ($name, $db) = @$_;
        { name => $name, db => $db, run => sub { $_[0]->do('SELECT * FROM scout.data_quality_report(1)'); return; } } } [old => $old], [young => $young]);
    result('history/quality', $s{old}, $s{young}, note => "$history of history, $a in the last hour");
    return;
}

# Single INSERTs leave one chunk each in the queue. While somebody's snapshot is open, the rows of chunks that are
# done cannot be removed, and the next batch must not pay for them. Inserting and loading take turns, so
# that the batches do not compete with pgbench for the processors.
scenario snapshot => sub {
    my @dbs = map { new_database($_, little_history()) } 'bench_held', 'bench_free';
    sql($_, 'VACUUM ANALYZE') for @dbs;
    autovacuum('on');
    my $holder = connection($dbs[0]);
    $holder->do('BEGIN ISOLATION LEVEL REPEATABLE READ');
    $holder->selectrow_array('SELECT count(*) FROM scout.bronze_pending');
    my @handles = map { connection($_) } @dbs;
    my @phases = ([], []);
    for my $phase (1 .. $size{phases}) {
        for my $side ($phase % 2 ? (0, 1) : (1, 0)) {
            pgbench($dbs[$side], 'single_insert.pgbench', $size{singles} / $size{phases} / 4, 'off');
            my @s = map { batch($handles[$side]) } 1 .. $size{singles} / $size{phases} / $size{batch};
            push @{ $phases[$side] }, { %{ $s[0] }, seconds => median(map { $_->{seconds} } @s), batches => [seconds(\@s)] };
            say_so(sprintf 'phase %d, snapshot %s: %.1f ms a batch', $phase, $side ? 'not held' : 'held', 1000 * $phases[$side][-1]{seconds});
        }
    }
    $holder->do('ROLLBACK');
    autovacuum('off');
    my @second_half = map { [@$_[@$_ / 2 .. $#$_]] } @phases;
    result('snapshot', @second_half, note => 'second half of the run; samples are medians of a phase');
    extra('the same, whole run', @phases);
},
    snapshot => ['batch while another session holds a snapshot, after 500 thousand single INSERTs, over none held', '<=', 1.5];

scenario paused => sub {
    my @dbs = map { new_database($_, little_history()) } 'bench_paused', 'bench_unpaused';
    my $count = ($size{batches} + 1) * $size{batch};
    my $paused = connection($dbs[0]);
    # Received one by one: 200,000 chunks, the worst that a queue can look like.
    pgbench($dbs[0], 'single_insert.pgbench', $size{waiting} / 4, 'off');
    $paused->selectrow_array(q{SELECT action FROM scout.control_ingestion('pause', 'bench', 'pos')});
    for my $db (@dbs) { sql($db, copy_part(1, $count, 'web'), 'VACUUM ANALYZE', 'CHECKPOINT'); }
    my @samples = batches($size{batches}, @dbs);
    result('paused', @samples, rows => $size{silver_rows}, note => 'each event waits in a chunk of its own');
},
    paused => ['batch with one of two sources paused and 200 thousand of its events waiting, over none', '<=', 1.2];

1;
