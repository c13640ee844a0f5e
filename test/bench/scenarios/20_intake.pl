# Into bronze: COPY, arrays of 1,000, single INSERTs, each over the same without the extension's triggers.
use strict;
use warnings;
use Bench;
use Scenario;

scenario intake => sub {
    my $db = new_database('bench_intake');
    psql_file($db, 'rivals/plain_intake.sql');
    open my $file, '<', file('arrays.json') or die "arrays.json: $!\n";
    chomp(my @arrays = <$file>);
    s/\\\\/\\/g for @arrays;  # COPY's own escape
    my $ingest = sub {
        my ($dbh) = @_;
        my $call = $dbh->prepare('SELECT count(*) FROM scout.ingest_events(?::jsonb) WHERE accepted');
        for my $array (@arrays) { $dbh->selectrow_array($call, undef, $array); }
    };
    my $plain = sprintf q{COPY plain.bronze_events (source_system, event_data, event_ts, store_id, event_hash) FROM '%s'}, file('plain.tsv');
    my $ours = sprintf q{COPY scout.bronze_events (source_system, event_data) FROM '%s'}, file('events.tsv');
    my %s = rounds('intake', map { { %$_, db => $db, events => $size{events} } }
        { name => 'COPY', reset => sub { sql($db, 'CALL bench.empty_bronze()') }, run => sub { $_[0]->do($ours) } },
        { name => 'plain COPY', reset => sub { sql($db, 'TRUNCATE plain.bronze_events, plain.bronze_event_keys') }, run => sub { $_[0]->do($plain) } },
        { name => 'ingest_events', reset => sub { sql($db, 'CALL bench.empty_bronze()') }, run => $ingest });
    my $same = value($db, 'SELECT count(*) FROM scout.bronze_event_keys JOIN plain.bronze_event_keys USING (event_hash)');
    die "ours and plain differ: $same keys in both\n" if $same != $size{events};
    result('copy', $s{COPY}, $s{'plain COPY'});
    result('ingest', $s{ingest_events}, $s{'plain COPY'});
    table_of('Intake: what each took', ['', 'seconds', 'min', 'max', 'MB', 'WAL/event'], [map { summary($_, $s{$_}) } 'COPY', 'plain COPY', 'ingest_events']);
},
    copy => ['COPY into bronze over plain COPY with a key table', '<=', 1.3],
    ingest => ['ingest_events in arrays of 1,000 over that plain COPY', '<=', 2.0];

scenario inserts => sub {
    my $db = new_database('bench_inserts');
    psql_file($db, 'rivals/plain_intake.sql');
    my @kinds = ([ours => 'single_insert.pgbench'], [plain => 'rivals/single_insert.pgbench']);
    my %s = rounds('single INSERTs', map {
        my ($name, $script) = @$_;
        map { my ($suffix, $commit) = @$_;
            { name => "$name$suffix", db => $db, events => 4 * $size{inserts},
              reset => sub { sql($db, 'CALL bench.empty_bronze()', 'TRUNCATE plain.bronze_alone') },
              run => sub { \pgbench($db, $script, $size{inserts}, $commit) } } } ['', 'on'], [', commits not waited for', 'off'] } @kinds);
    result('single', $s{ours}, $s{plain});
    extra('single INSERTs the same with synchronous_commit = off', $s{'ours, commits not waited for'}, $s{'plain, commits not waited for'});
},
    single => ['single-event INSERTs by pgbench, 4 clients, over the same without triggers', '<=', 1.3];

1;
