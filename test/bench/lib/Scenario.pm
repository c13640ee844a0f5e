# Steps that several scenarios take.
package Scenario;
use strict;
use warnings;
use Exporter 'import';
use Bench;
our @EXPORT = qw(pgbench little_history fill_history copy_part copy_events empty_silver keep_finished_rows restore_silver run_rival summary);

# The generated events FIRST to LAST, of which this is the COPY.
sub copy_part {
    my ($first, $last, $source) = @_;
    my $relabel = $source ? " | sed s/^pos/$source/" : '';
    return sprintf q{COPY scout.bronze_events (source_system, event_data) FROM PROGRAM 'tail -n +%d %s | head -n %d%s'},
        $first, file('events.tsv'), $last - $first + 1, $relabel;
}

# Statements that bring the events into bronze, in two transactions: the first has those that are reprocessed
# and quarantined by their ingested_at.
sub copy_events {
    return (copy_part(1, $size{reprocessed}), copy_part($size{reprocessed} + 1, $size{events}));
}

# Nothing in silver; with queue => 1 all of bronze waits, otherwise nothing does.
sub empty_silver {
    my ($db, %o) = @_;
    sql($db, 'CALL bench.empty_silver()', ($o{queue} ? 'CALL bench.queue_all()' : ()),
        map { "VACUUM ANALYZE scout.$_" } qw(silver_transactions silver_line_items bronze_events_dlq bronze_pending));
    return;
}

sub keep_finished_rows {
    my ($db) = @_;
    my $write = sub { sprintf q{COPY (%s) TO '%s' (FORMAT binary)}, $_[0], file($_[1]) };
    sql($db, $write->('SELECT * FROM scout.silver_transactions', 'silver_transactions.heap'),
        $write->('SELECT * FROM scout.silver_transactions ORDER BY source_event_id', 'silver_transactions.event'),
        $write->('SELECT * FROM scout.silver_line_items', 'silver_line_items.heap'),
        $write->('SELECT l.* FROM scout.silver_line_items l JOIN scout.silver_transactions t USING (transaction_id)'
            . ' ORDER BY t.source_event_id, l.line_sequence', 'silver_line_items.event'));
    return;
}

# All events as loaded, nothing queued.
sub restore_silver {
    my ($db) = @_;
    empty_silver($db);
    run_rival(connection($db), 'floor', order => 'heap', files => $ENV{BENCH_FILES});
    sql($db, 'VACUUM ANALYZE scout.silver_transactions', 'VACUUM ANALYZE scout.silver_line_items');
    return;
}

# The statements of rivals/NAME.sql with :variables put in.
sub run_rival {
    my ($dbh, $name, %variables) = @_;
    open my $file, '<', "$FindBin::Bin/rivals/$name.sql" or die "$name: $!\n";
    my $text = join '', grep { !/^--/ } <$file>;
    for my $v (keys %variables) { $text =~ s/:$v\b/$variables{$v}/g; }
    $dbh->do($text);
    return;
}

# A database with the little history, ready to be copied.
my $little;
sub little_history {
    return $little if $little;
    $little = new_database('bench_little');
    psql_file($little, 'history.sql', files => $ENV{BENCH_FILES});
    fill_history($little, 1, $size{little_history});
    return $little;
}

sub fill_history {
    my ($db, $first, $last) = @_;
    say_so("$db: processed events $first to $last");
    sql($db, "CALL bench.fill_history($first, $last, $size{history})", 'VACUUM ANALYZE', 'CHECKPOINT');
    return;
}

# Seconds that pgbench took for 4 clients of N transactions each.
sub pgbench {
    my ($db, $script, $transactions, $synchronous_commit) = @_;
    local $ENV{PGOPTIONS} = "-c synchronous_commit=$synchronous_commit";
    my $report = `pgbench -n -M prepared -c 4 -j 2 -t $transactions -f '$FindBin::Bin/$script' $db 2>&1`;
    $report =~ /^tps = ([\d.]+)/m && $report =~ /failed transactions: 0 / or die "pgbench: $report\n";
    $report =~ /^tps = ([\d.]+)/m;
    return 4 * $transactions / $1;
}

sub summary {
    my ($name, $samples) = @_;
    my @t = sort { $a <=> $b } seconds($samples);
    return [$name, (map { sprintf '%.3f', $_ } median(@t), $t[0], $t[-1]), sprintf('%.1f', median(map { $_->{peak_kb} } @$samples) / 1024),
        sprintf('%.0f', median(map { $_->{wal} / $_->{events} } @$samples))];
}

1;
