# First load of the events, against the floor, set-based SQL and the procedure.
use strict;
use warnings;
use Bench;
use Scenario;

scenario load => sub {
    my $db = new_database('bench_load');
    say_so('bronze');
    sql($db, copy_events(), 'VACUUM ANALYZE');
    psql_file($db, 'rivals/procedure.sql', target => 'scout');
    psql_file($db, 'rivals/heavy_schema.sql');
    psql_file($db, 'rivals/procedure.sql', target => 'heavy');

    # Once outside the clock: the rows of each must be the same.
    my $fresh = sub { empty_silver($db, queue => $_[0]); };
    $fresh->(1);
    load_all(connection($db));
    my $hash = value($db, q{SELECT bench.silver_hash('scout')});
    keep_finished_rows($db);
    my $check = sub {
        my ($name, $schema) = @_;
        my $got = value($db, "SELECT bench.silver_hash('$schema')");
        die "$name writes other rows than ours: $got, $hash\n" if $got ne $hash;
        say_so("$name writes the same rows");
    };
    # The floor is the fastest of three: files read by the server in one order or the other, or sent by psql.
    my %floor = (
        'heap order' => sub { run_rival($_[0], 'floor', order => 'heap', files => $ENV{BENCH_FILES}) },
        'event order' => sub { run_rival($_[0], 'floor', order => 'event', files => $ENV{BENCH_FILES}) },
        'heap order by \\copy' => sub {
            system('psql', '-Xq1d', $db, map { ('-c', "\\copy scout.$_ FROM '" . file("$_.heap") . q{' (FORMAT binary)}) } qw(silver_transactions silver_line_items)) == 0
                or die "\\copy failed\n";
        });
    my %seconds;
    for my $how (sort keys %floor) {
        $fresh->(0);
        sql($db, 'CHECKPOINT');
        $seconds{$how} = sample(connection($db), $size{events}, sub { $floor{$how}->(@_); return; })->{seconds};
        $check->(sprintf('floor in %s, %.3f s,', $how, $seconds{$how}), 'scout');
    }
    my ($fastest) = sort { $seconds{$a} <=> $seconds{$b} } keys %floor;
    my $heavy = sub {
        sql($db, 'TRUNCATE heavy.silver_transactions, heavy.silver_line_items, bench.processed_events',
            'VACUUM ANALYZE heavy.silver_transactions', 'VACUUM ANALYZE heavy.silver_line_items', 'VACUUM ANALYZE bench.processed_events');
    };

    my @contenders = (
        { name => 'ours', reset => sub { $fresh->(1) }, run => sub { load_all($_[0]) } },
        { name => 'floor', reset => sub { $fresh->(0) }, run => $floor{$fastest} },
        { name => 'set-based SQL', reset => sub { $fresh->(0) }, run => sub { run_rival($_[0], 'set_based') } },
        { name => 'procedure, our tables', reset => sub { $fresh->(0); $heavy->() }, run => sub { $_[0]->do("CALL bench.load_scout($size{batch})") } },
        { name => 'procedure, usual schema', reset => sub { $fresh->(0); $heavy->() }, run => sub { $_[0]->do("CALL bench.load_heavy($size{batch})") } },
        { name => 'ours, batch 10,000', reset => sub { $fresh->(1) }, run => sub { load_all($_[0], 10_000) } },
    );
    for my $c (@contenders[2 .. 4]) {
        $c->{reset}->();
        $c->{run}->(connection($db));
        $check->($c->{name}, $c->{name} =~ /usual/ ? 'heavy' : 'scout');
    }
    my %s = rounds('load', map { { %$_, db => $db, events => $size{events} } } @contenders);
    result('load/floor', $s{ours}, $s{floor}, rows => $size{silver_rows}, note => "floor in $fastest");
    result('load/set', $s{'set-based SQL'}, $s{ours}, rows => $size{silver_rows}, ours => 'b');
    result('load/heavy', $s{'procedure, usual schema'}, $s{ours}, rows => $size{silver_rows}, ours => 'b');
    result('load/procedure', $s{'procedure, our tables'}, $s{ours}, rows => $size{silver_rows}, ours => 'b');
    extra('load in batches of 10,000 over floor', $s{'ours, batch 10,000'}, $s{floor}, rows => $size{silver_rows});
    table_of('Load: what each took', ['', 'seconds', 'min', 'max', 'MB', 'WAL/event'], [map { summary($_, $s{$_}) } map { $_->{name} } @contenders]);
},
    'load/floor' => ['load: time over floor', '<=', 1.5],
    'load/set' => ["load: set-based SQL's time over ours", '>=', 2.0],
    'load/heavy' => ["load: procedure's time on the usual schema over ours", '>=', 8],
    'load/procedure' => ["load: procedure's time on our tables over ours", '>=', 4];

1;
