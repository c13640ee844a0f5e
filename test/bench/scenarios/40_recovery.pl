# Reprocess over first load, quarantine over set-based SQL.
use strict;
use warnings;
use Bench;
use Scenario;

my $db;
my ($from, $to);
sub prepared {
    return if $db;
    $db = new_database('bench_recovery');
    sql($db, copy_events(), 'VACUUM ANALYZE');
    load_all(connection($db));
    keep_finished_rows($db);
    ($from, $to) = map { value($db, "SELECT $_(ingested_at) FROM scout.bronze_events") } 'min', 'max';
    return;
}

scenario reprocess => sub {
    prepared();
    my $first_load = sub {
        my ($dbh) = @_;
        my $load = $dbh->prepare('SELECT events_processed FROM scout.load_silver_from_bronze(?)');
        $dbh->selectrow_array($load, undef, $size{batch}) for 1 .. $size{reprocessed} / $size{batch};
        return;
    };
    my $reprocess = sub {
        my ($dbh) = @_;
        my $before = value($dbh, 'SELECT clock_timestamp()');
        $dbh->begin_work;  # where it is measured: in this backend
        $dbh->selectrow_array("SELECT * FROM scout.reprocess_bronze_window('$from', '$to', $size{batch})");
        $dbh->commit;
        $dbh->{private_before} = $before;
        return;
    };
    my %s = rounds('reprocess', map { { %$_, db => $db, events => $size{reprocessed} } }
        { name => 'first load', reset => sub { empty_silver($db, queue => 1) }, run => $first_load },
        { name => 'reprocess', reset => sub { restore_silver($db) }, run => sub { $reprocess->($_[0]); } });
    # Outside the clock: it did what the bar says.
    restore_silver($db);
    my $dbh = connection($db);
    $reprocess->($dbh);
    my $renewed = value($dbh, "SELECT count(*) FROM scout.silver_transactions WHERE processed_at >= '$dbh->{private_before}'");
    die "reprocess renewed $renewed of $size{reprocessed}\n" if $renewed != $size{reprocessed};
    result('reprocess', $s{reprocess}, $s{'first load'}, rows => $size{silver_rows});
},
    reprocess => ['reprocess of 100,000 loaded events over their first load', '<=', 1.5];

scenario quarantine => sub {
    prepared();
    my $ours = sub { $_[0]->selectrow_array("SELECT * FROM scout.quarantine_window('$from', '$to', 'bench')"); return; };
    my $rival = sub { run_rival($_[0], 'quarantine', from => $from, to => $to); return; };
    my $reset = sub { restore_silver($db) };
    my $left = q{SELECT concat_ws(' ', bench.silver_hash('scout'), (SELECT count(*) || ' ' || sum(hashtextextended(original_payload::text, event_id))
        FROM scout.bronze_events_dlq WHERE status = 'open' AND error_code = 'QUARANTINE'))};
    my @left = map { $reset->(); $_->(connection($db)); value($db, $left) } $ours, $rival;
    die "quarantine and its rival leave different rows: @left\n" if $left[0] ne $left[1];
    my %s = rounds('quarantine', map { { %$_, db => $db, events => $size{reprocessed}, reset => $reset } }
        { name => 'ours', run => $ours }, { name => 'set-based SQL', run => $rival });
    result('quarantine', $s{'set-based SQL'}, $s{ours}, rows => 1 + $size{silver_rows}, ours => 'b');
},
    quarantine => ["quarantine of 100,000 events: set-based SQL's time over ours", '>=', 1.5];

1;
