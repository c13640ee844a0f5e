# Looking at the quality of the last hour behind a long history: the report over its checks as statements over the
# whole tables, and all shipped rules in one scan per relation over one scan per rule. The history is clean and the
# hour is not, so that both sides have to find the same rows.
use strict;
use warnings;
use Bench;
use Scenario;

# NAME => SQL of a file of rivals, in order.
sub rival_checks {
    my ($file, $kind) = @_;
    open my $in, '<', "$FindBin::Bin/rivals/$file.sql" or die "$file: $!\n";
    my $text = join '', <$in>;
    my @checks;
    while ($text =~ /^-- $kind (\w+)\n(.*?);$/msg) { push @checks, [$1, $2]; }
    return @checks;
}

# The last hour: events as they come, a few of them rejected, and damage in silver that its checks are to find.
sub dirty_hour {
    my ($db) = @_;
    sql($db, copy_part(1, $size{hour}),
        q{INSERT INTO scout.bronze_events (source_system, event_data)
          SELECT source_system, event_data || jsonb_build_object('transaction_id', 'bad ' || n, 'total_amount', -1) FROM bench.body WHERE n < 20},
        q{INSERT INTO scout.bronze_events (source_system, event_data)
          SELECT b.source_system, b.event_data || '{"metadata": {"again": true}, "payment_method": "other"}'
          FROM scout.bronze_events b ORDER BY b.event_id DESC OFFSET 100 LIMIT 10});
    load_all(connection($db));
    my $some = q{(SELECT transaction_id FROM scout.silver_transactions WHERE processed_at > now() - interval '1 hour' ORDER BY 1 OFFSET %d LIMIT %d)};
    my $damage = sub { my ($sql, $skip, $count) = @_; return "$sql WHERE transaction_id IN " . sprintf $some, $skip, $count; };
    sql($db, $damage->(q{UPDATE scout.silver_transactions SET total_amount = -1}, 0, 3),
        $damage->(q{UPDATE scout.silver_transactions SET total_amount = 20000}, 10, 4),
        $damage->(q{UPDATE scout.silver_transactions SET store_id = ''}, 20, 5),
        $damage->(q{UPDATE scout.silver_transactions SET ts = now() + interval '9 days'}, 30, 6),
        $damage->(q{UPDATE scout.silver_transactions SET item_count = 0}, 40, 2),
        $damage->(q{UPDATE scout.silver_line_items SET quantity = 0}, 50, 3),
        $damage->(q{UPDATE scout.silver_line_items SET product_key = NULL}, 60, 7),
        $damage->(q{DELETE FROM scout.silver_line_items}, 70, 8),
        'VACUUM ANALYZE', 'CHECKPOINT');
    return;
}

scenario quality => sub {
    my $db = new_database('bench_quality');
    psql_file($db, 'history.sql', files => $ENV{BENCH_FILES});
    my $history = $size{checked} - $size{hour};
    # In pieces: a transaction of a million rows of each table needs not be.
    for (my $from = 1; $from <= $history; $from += 250_000) {
        my $to = $from + 249_999 < $history ? $from + 249_999 : $history;
        sql($db, "CALL bench.fill_history($from, $to, $history)");
    }
    sql($db, q{UPDATE scout.silver_line_items l SET product_key = p.product_key FROM scout.dim_product p WHERE p.product_id = l.product_id}, 'VACUUM ANALYZE');
    dirty_hour($db);

    # The report.
    my @checks = rival_checks('quality_checks', 'check');
    my %report = map { $_->[0] => $_->[1] } @{ connection($db)->selectall_arrayref('SELECT check_name, failure_count FROM scout.data_quality_report(1)') };
    my $dbh = connection($db);
    for my $c (@checks) {
        my $found = value($dbh, $c->[1]);
        die "$c->[0]: the report says " . ($report{ $c->[0] } // 'nothing') . ", the statement $found\n" if ($report{ $c->[0] } // -1) != $found;
    }
    my %s = rounds('quality report', map { { %$_, db => $db, events => $size{checked} } }
        { name => 'report', run => sub { $_[0]->do('SELECT * FROM scout.data_quality_report(1)'); return; } },
        { name => 'separate statements', run => sub { my ($h) = @_; $h->do($_->[1]) for @checks; return; } });
    result('quality/report', $s{'separate statements'}, $s{report}, ours => 'b', note => sprintf '%.3f s and %.3f s', map { median(seconds($_)) } @s{ 'separate statements', 'report' });

    # The rules, on connections that stay open.
    my @rules = rival_checks('rules_one_by_one', 'rule');
    my $since = q{(now() - interval '1 hour')};
    $_->[1] =~ s/:since\b/$since/g for @rules;
    my %found = map { $_->[0] => "$_->[1] " . ($_->[2] // '') } @{ $dbh->selectall_arrayref('SELECT rule, failures, scanned FROM scout.run_quality_rules(1)') };
    my ($scans, $relations) = $dbh->selectrow_array(q{
        SELECT sum(1.0 / rules_in_scan), count(DISTINCT relation) FROM scout_internal.quality_results WHERE relation IS NOT NULL
        AND run_id = (SELECT max(run_id) FROM scout_internal.quality_results)});
    die "$scans scans of $relations relations\n" if abs($scans - $relations) > 0.01;
    for my $r (@rules) {
        my $counts = join ' ', map { $_ // '' } $dbh->selectrow_array($r->[1]);
        die "$r->[0]: the rules say $found{$r->[0]}, the statement $counts\n" if $counts ne $found{ $r->[0] };
    }
    die 'rules: ' . join(' ', sort keys %found) . "\n" if keys %found != @rules;
    my %run = (
        ours => sub { $_[0]->do('SELECT * FROM scout.run_quality_rules(1)'); return; },
        rival => sub { my ($h) = @_; $h->do($_->[1]) for @rules; return; });
    my %handle = map { $_ => connection($db) } keys %run;
    my %t;
    for my $i (0 .. $size{looks}) {
        for my $side ($i % 2 ? ('ours', 'rival') : ('rival', 'ours')) {
            my $one = sample($handle{$side}, $size{hour}, $run{$side});
            push @{ $t{$side} }, $one if $i;  # the first one warms the backend up
        }
    }
    result('quality/rules', $t{ours}, $t{rival}, note => sprintf '%d rules, %d scans; %.1f ms and %.1f ms', scalar @rules, $scans, map { 1000 * median(seconds($_)) } @t{qw(ours rival)});
    table_of('Quality of the last hour', ['', 'seconds', 'min', 'max', 'MB', 'WAL/event'],
        [(map { summary($_, $s{$_}) } sort keys %s), (map { summary("rules: $_", $t{$_}) } sort keys %t)]);
},
    'quality/report' => ["checks as separate statements over whole tables, 1 million transactions, over data_quality_report(1)", '>=', 5],
    'quality/rules' => ['all shipped rules over the last hour, one scan per relation, over one scan per rule', '<=', 1];

1;
