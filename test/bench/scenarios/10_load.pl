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
    my %floor;
    for my $order ('heap', 'event') {
        $fresh->(0);
        sql($db, 'CHECKPOINT');
        $floor{$order} = sample(connection($db), $size{events}, sub { run_rival($_[0], 'floor', order => $order, files => $ENV{BENCH_FILES}) })->{seconds};
        $check->("floor ($order order)", 'scout');
    }
    my $order = $floor{heap} <= $floor{event} ? 'heap' : 'event';
    say_so(sprintf 'floor: heap order %.3f s, event order %.3f s: %s order it is', $floor{heap}, $floor{event}, $order);
    my $heavy = sub {
        sql($db, 'TRUNCATE heavy.silver_transactions, heavy.silver_line_items, bench.processed_events',
            'VACUUM ANALYZE heavy.silver_transactions', 'VACUUM ANALYZE heavy.silver_line_items', 'VACUUM ANALYZE bench.processed_events');
    };

    my @contenders = (
        { name => 'ours', reset => sub { $fresh->(1) }, run => sub { load_all($_[0]) } },
        { name => 'floor', reset => sub { $fresh->(0) }, run => sub { run_rival($_[0], 'floor', order => $order, files => $ENV{BENCH_FILES}) } },
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
    result('load/floor', $s{ours}, $s{floor}, note => "floor in $order order");
    result('load/set', $s{'set-based SQL'}, $s{ours}, ours => 'b');
    result('load/heavy', $s{'procedure, usual schema'}, $s{ours}, ours => 'b');
    result('load/procedure', $s{'procedure, our tables'}, $s{ours}, ours => 'b');
    extra('load in batches of 10,000 over floor', $s{'ours, batch 10,000'}, $s{floor});
    table_of('Load: what each took', ['', 'seconds', 'min', 'max', 'MB', 'WAL/event'], [map { summary($_, $s{$_}) } map { $_->{name} } @contenders]);
},
    'load/floor' => ['load: time over floor', '<=', 1.5],
    'load/set' => ["load: set-based SQL's time over ours", '>=', 2.0],
    'load/heavy' => ["load: procedure's time on the usual schema over ours", '>=', 8],
    'load/procedure' => ["load: procedure's time on our tables over ours", '>=', 4];

1;
