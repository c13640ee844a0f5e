# Memory of the loading backend: many events, and a big one.
use strict;
use warnings;
use Bench;
use Scenario;

scenario memory => sub {
    my $db = new_database('bench_memory');
    my ($few, $many) = @{ $size{memory} };
    for my $copy (1 .. $many / $size{events}) {
        sql($db, sprintf q{COPY scout.bronze_events (source_system, event_data) FROM PROGRAM 'sed "s/S...-2026/&-%d/" %s'}, $copy, file('events.tsv'));
    }
    sql($db, 'VACUUM ANALYZE');
    # One backend: its peak after the first events, and after all of them. Nothing here depends on the clock, so
    # two rounds do.
    my (@few, @many);
    for my $round (1, 2) {
        empty_silver($db, queue => 1) if $round > 1;
        my $dbh = connection($db);
        my $load = $dbh->prepare('SELECT events_processed FROM scout.load_silver_from_bronze(?)');
        my $some = sub { my ($n) = @_; return sample($dbh, $n, sub { $_[0]->selectrow_array($load, undef, $size{batch}) for 1 .. $n / $size{batch}; return; }); };
        push @few, $some->($few);
        push @many, $some->($many - $few);
        say_so(sprintf 'memory, round %d: %.1f MB, %.1f MB', $round, map { $_->{peak_kb} / 1024 } $few[-1], $many[-1]);
    }
    my $missing = value($db, 'SELECT count(*) FROM scout.bronze_events') - value($db, 'SELECT count(*) FROM scout.silver_transactions');
    die "$missing events are not loaded\n" if $missing;
    result('memory/many', \@many, \@few, rows => $size{silver_rows}, by => sub { $_[0]{peak_kb} });
},
    'memory/many' => ['peak memory of the loading backend: 1 million events over 100 thousand', '<=', 1.05];

# The body is text of about a megabyte: 10,000 items.
my $big = q{SELECT jsonb_build_object('transaction_id', 'BIG-%d', 'store_id', 'S001', 'ts', '2026-01-15T00:00:00Z', 'total_amount', 10000,
    'items', (SELECT jsonb_agg(jsonb_build_object('product_id', 'SKU-' || lpad(i::text, 6, '0'), 'product_name', 'Product ' || i,
              'qty', 1, 'unit_price', 1, 'line_amount', 1)) FROM generate_series(1, 10000) i))::text};

scenario big => sub {
    my $db = new_database('bench_big');
    my (@load, @insert, $bytes);
    for my $round (1 .. $size{rounds}) {
        my $body = value($db, sprintf $big, $round);
        $bytes = length $body;
        my $dbh = connection($db);
        # A small one first: what a backend needs for any event is not the big one's.
        my $insert = $dbh->prepare('INSERT INTO scout.bronze_events (event_data) VALUES (?::jsonb)');
        my $warm = qq({"transaction_id": "WARM-$round", "store_id": "S001", "ts": "2026-01-15T00:00:00Z", "total_amount": 1,
            "items": [{"product_id": "A", "qty": 1, "unit_price": 1, "line_amount": 1}]});
        $insert->execute($warm);
        load_all($dbh);
        $insert->execute($warm =~ s/WARM/WARMER/r);  # waits before the big one, for the loader
        push @insert, sample($dbh, 1, sub { $insert->execute($body); return; });
        # The load in a backend of its own, so that it does not find what the insert left to malloc().
        my $loader = connection($db);
        $loader->selectrow_array('SELECT * FROM scout.load_silver_from_bronze(1)');
        push @load, sample($loader, 1, sub { load_all($_[0]); return; });
    }
    my $lines = value($db, q{SELECT count(*) FROM scout.silver_line_items WHERE transaction_id LIKE 'BIG%'});
    die "$lines lines\n" if $lines != 10_000 * $size{rounds};
    my $times = sub { $_[0]{one} // ($_[0]{peak_kb} - $_[0]{base_kb}) * 1024 / $bytes };
    my @one = map { { one => 1 } } @load;
    result('memory/big', \@load, \@one, by => $times, note => sprintf '%d bytes, loaded in %.0f ms', $bytes, 1000 * median(seconds(\@load)));
    extra('the same, memory of its INSERT over its bytes', \@insert, \@one, by => $times);
},
    'memory/big' => ['memory for an event of 10,000 items over its bytes', '<=', 12];

1;
