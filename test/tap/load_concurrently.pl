# Two sessions that load the same transactions at once, on either path: one transaction of each, no error, no
# lost line, reconcile() all ok. A third, general, loader among native ones: the paths meet each other too.
#
# Would catch: a unique violation that COPY raises and nobody handles, a batch that falls back and forgets
# what it had marked, lines written for a transaction that another session has, deadlocks of batches that
# insert in different orders.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('concurrent', "deadlock_timeout = 100ms\n");
my $db = 'postgres';
pipeline($node, $db);
$node->safe_psql($db, q{ALTER TABLE scout.bronze_events ALTER event_id RESTART WITH 1000000});

# Every transaction is wanted by two or three events of different sources, each with other lines; sources are
# queued in chunks of their own, so that the loaders take them apart.
my $rounds = $ENV{SCOUT_ROUNDS} // 10;
my $ids = 0;
sub feed {
    my ($round, $sources) = @_;
    for my $source (0 .. $sources - 1) {
        $node->safe_psql($db, qq{INSERT INTO scout.bronze_events (event_id, source_system, event_data)
            SELECT $ids + n * $sources + (n + $source) % $sources, 'source $source', jsonb_build_object('transaction_id', 'R$round-' || n, 'store_id', 'S$source',
                'ts', '2026-01-02T03:04:05Z', 'total_amount', sum(n + i), 'items', jsonb_agg(jsonb_build_object(
                    'product_id', 'P' || i || '-$source', 'qty', 1, 'unit_price', n + i, 'line_amount', n + i)))
            FROM generate_series(1, 120) n, generate_series(1, 1 + (n + $source * 2) % 5) i GROUP BY n});
    }
    $ids += 10_000;
    return;
}

# Silver says exactly what the winning events say, lines and all.
my $wrong = q{
    WITH best AS (SELECT DISTINCT ON (event_data ->> 'transaction_id') event_id, event_data FROM scout.bronze_events ORDER BY event_data ->> 'transaction_id', event_id),
    expected AS (SELECT event_id, event_data ->> 'transaction_id' AS id, event_data ->> 'store_id' AS store, l.n, l.item ->> 'product_id' AS product, (l.item ->> 'unit_price')::numeric AS price
                 FROM best, jsonb_array_elements(event_data -> 'items') WITH ORDINALITY l(item, n)),
    found AS (SELECT t.source_event_id, t.transaction_id, t.store_id, l.line_sequence, l.product_id, l.unit_price
              FROM scout.silver_transactions t FULL JOIN scout.silver_line_items l USING (transaction_id))
    SELECT (SELECT count(*) FROM (TABLE expected EXCEPT TABLE found) x) || ' missing, ' || (SELECT count(*) FROM (TABLE found EXCEPT TABLE expected) x) || ' surplus'};

for my $mix (['native', 'native'], ['general', 'general'], ['auto', 'general'], ['auto', 'auto', 'native']) {
    my ($name, @loaders) = ("@$mix", map { session($node, $db) } @$mix);
    ask($loaders[$_], "SET client_min_messages = warning; SET scout_ir.write_path = $mix->[$_];") for 0 .. $#loaders;
    my $errors = '';
    for my $round (1 .. $rounds) {
        feed("$name $round", $round % 2 ? 2 : 3);
        # Batches that do not fall together, so that one session meets the others in the middle of theirs.
        tell($loaders[$_], "DO \$\$ BEGIN FOR i IN 1 .. 8 LOOP PERFORM scout.load_silver_from_bronze(" . (40 + 23 * $_ + $round) . "); COMMIT; END LOOP; END \$\$;") for 0 .. $#loaders;
        ask($_, 'SELECT 1;') for @loaders;
    }
    $errors .= $_->{err} for @loaders;
    leave($_) for @loaders;
    is($errors, '', "$name: no error");
    load_all($node, $db);
    is($node->safe_psql($db, $wrong), '0 missing, 0 surplus', "$name: silver is what the winners say");
    is(broken($node, $db), '', "$name: reconcile balances");
}
is($node->safe_psql($db, q{SELECT count(*) = count(DISTINCT event_data ->> 'transaction_id') FROM scout.bronze_events WHERE event_id IN (SELECT source_event_id FROM scout.silver_transactions)}),
    't', 'one transaction of each');
cmp_ok($node->safe_psql($db, q{SELECT count(*) FROM scout.bronze_events_dlq WHERE error_code = 'DUPLICATE_TRANSACTION'}), '>', 1000, 'the others wait as duplicates');
is($node->safe_psql($db, q{SELECT count(*) FROM scout.bronze_events_dlq WHERE error_code = 'WRITE_FAILED'}), '0', 'and none of them failed');

# Two workers that reprocess everything: each has winners whose duplicates the other one has.
my $mark = -s $node->logfile;
is($node->safe_psql($db, qq{SELECT status FROM scout.reprocess_bronze_window('-infinity', 'infinity', batch_size => 150, workers => 2) -- $_}), 'succeeded', 'two workers reprocess')
    for 1 .. 3;
unlike(slurp_file($node->logfile, $mark), qr/deadlock detected/, 'and do not deadlock');
is($node->safe_psql($db, $wrong), '0 missing, 0 surplus', 'silver is what the winners say still');
is(broken($node, $db), '', 'reconcile balances still');

$node->stop;
done_testing();
