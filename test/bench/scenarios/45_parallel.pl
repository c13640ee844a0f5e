# Two workers of a job over one, against two concurrent COPYs of the same rows over one. What two processors gain is
# theirs, not ours: the bar asks how much of it jobs pass on.
use strict;
use warnings;
use Bench;
use Scenario;

scenario parallel => sub {
    my $db = new_database('bench_parallel');
    sql($db, copy_events(), 'VACUUM ANALYZE');
    load_all(connection($db));
    my $hash = value($db, q{SELECT bench.silver_hash('scout')});
    # Shares as two workers take them: every other batch.
    my %share = (all => 'true', even => "source_event_id / $size{batch} % 2 = 0", odd => "source_event_id / $size{batch} % 2 = 1");
    for my $name (keys %share) {
        sql($db, sprintf(q{COPY (SELECT * FROM scout.silver_transactions WHERE %s ORDER BY source_event_id) TO '%s' (FORMAT binary)},
                $share{$name}, file("silver_transactions.$name")),
            sprintf(q{COPY (SELECT l.* FROM scout.silver_line_items l JOIN scout.silver_transactions t USING (transaction_id)
                WHERE %s ORDER BY t.source_event_id, l.line_sequence) TO '%s' (FORMAT binary)}, $share{$name}, file("silver_line_items.$name")));
    }
    my $copies = sub {
        my @sessions = map { my $share = $_; [map { ('-c', "COPY scout.$_ FROM '" . file("$_.$share") . q{' (FORMAT binary)}) } qw(silver_transactions silver_line_items)] } @_;
        return sub {
            my @children = map {
                my @commands = @$_;
                my $pid = fork // die "fork: $!\n";
                if (!$pid) { exec 'psql', '-Xq1d', $db, @commands or die "psql: $!\n"; }
                $pid;
            } @sessions;
            for my $pid (@children) { waitpid $pid, 0; die "COPY failed\n" if $?; }
            return;
        };
    };
    my $job = sub {
        my ($call) = @_;
        return sub { my ($done) = $_[0]->selectrow_array($call); die "a job did $done events\n" if $done != $size{events}; return; };
    };
    my $load = sub { $job->("SELECT events_processed FROM scout.load_backlog($size{batch}, workers => $_[0])") };
    my $reprocess = sub { $job->("SELECT events_reprocessed FROM scout.reprocess_bronze_window('-infinity', 'infinity', $size{batch}, workers => $_[0])") };
    my $queued = sub { empty_silver($db, queue => 1) };
    my $empty = sub { empty_silver($db) };
    my $full = sub { empty_silver($db); $copies->('all')->(); sql($db, 'VACUUM ANALYZE scout.silver_transactions', 'VACUUM ANALYZE scout.silver_line_items') };
    $queued->();
    $load->(2)->(connection($db));
    my $got = value($db, q{SELECT bench.silver_hash('scout')});
    die "two workers write other rows than one: $got, $hash\n" if $got ne $hash;

    my @contenders = (
        { name => 'load, 1 worker', reset => $queued, run => $load->(1) },
        { name => 'load, 2 workers', reset => $queued, run => $load->(2) },
        { name => 'COPY, 1 session', reset => $empty, run => $copies->('all') },
        { name => 'COPY, 2 sessions', reset => $empty, run => $copies->('even', 'odd') },
        { name => 'reprocess, 1 worker', reset => $full, run => $reprocess->(1) },
        { name => 'reprocess, 2 workers', reset => $full, run => $reprocess->(2) },
    );
    my %s = rounds('parallel', map { { %$_, db => $db, events => $size{events} } } @contenders);
    my $speed_up = sub {
        my ($one, $two) = map { [seconds($_)] } @s{@_};
        return [map { { seconds => $one->[$_] / $two->[$_] } } 0 .. $#$one];
    };
    my %gain = (load => $speed_up->('load, 1 worker', 'load, 2 workers'), copy => $speed_up->('COPY, 1 session', 'COPY, 2 sessions'),
        reprocess => $speed_up->('reprocess, 1 worker', 'reprocess, 2 workers'));
    my $said = sub { sprintf '%.2f times as fast with two, COPY %.2f times', map { median(map { $_->{seconds} } @{ $gain{$_} }) } $_[0], 'copy' };
    result('parallel/load', $gain{load}, $gain{copy}, note => $said->('load'));
    result('parallel/reprocess', $gain{reprocess}, $gain{copy}, note => $said->('reprocess'));
    table_of('Two workers: what each took', ['', 'seconds', 'min', 'max', 'MB', 'WAL/event'], [map { summary($_, $s{$_}) } map { $_->{name} } @contenders]);
},
    'parallel/load' => ["load_backlog: two workers' speed-up over that of two concurrent COPYs", '>=', 0.9],
    'parallel/reprocess' => ["reprocess: two workers' speed-up over that of two concurrent COPYs", '>=', 0.9];

1;
