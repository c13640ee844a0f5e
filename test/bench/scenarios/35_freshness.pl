# freshness() with many registered datasets, each with an index on its column: server time of a whole look.
use strict;
use warnings;
use Bench;
use Scenario;

scenario freshness => sub {
    my $db = new_database('bench_freshness');
    sql($db, sprintf(q{DO $$ BEGIN FOR i IN 1 .. %d LOOP
            EXECUTE format('CREATE TABLE public.dataset_%%s (id bigint, loaded_at timestamptz)', i);
            EXECUTE format('INSERT INTO public.dataset_%%s SELECT n, now() - n * interval ''1 second'' FROM generate_series(1, %d) n', i);
            EXECUTE format('CREATE INDEX ON public.dataset_%%s (loaded_at)', i);
            PERFORM scout.register_dataset('bronze', ('public.dataset_' || i)::regclass, 'loaded_at', '5 minutes', '15 minutes');
        END LOOP; END $$}, $size{datasets} // 200, $size{rounds} > 2 ? 10_000 : 1_000), 'VACUUM ANALYZE');
    my $look = sub {
        my ($dbh) = @_;
        my $plan = join "\n", map { $_->[0] } @{ $dbh->selectall_arrayref('EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) SELECT * FROM scout.freshness()') };
        my ($planning) = $plan =~ /Planning Time: ([\d.]+)/;
        my ($execution) = $plan =~ /Execution Time: ([\d.]+)/;
        return { seconds => ($planning + $execution) / 1000 };
    };
    my $dbh = connection($db);
    my $bad = value($dbh, q{SELECT count(*) FROM scout.freshness() WHERE dataset LIKE 'dataset%' AND status <> 'pass'});
    die "$bad datasets do not pass\n" if $bad;
    my @warm = map { $look->($dbh) } 1 .. $size{looks};
    result('freshness', \@warm, [map { { seconds => 0.001 } } @warm], note => 'ms of server time, plans kept');
    my @first = map { $look->(connection($db)) } 1 .. $size{rounds};
    extra('freshness() with 200 datasets, first call of a backend, ms', \@first, [map { { seconds => 0.001 } } @first]);
},
    freshness => ['freshness() with 200 registered datasets on indexed columns, ms', '<=', 20];

1;
