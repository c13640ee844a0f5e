# The native and the general write path write the same rows (and `auto` too): every rule outcome, odd
# values, conflicts, re-deliveries, lines and rows that lay in silver before, repair of damage by hand.
#
# The general path is the yardstick: INSERT, UPDATE and upsert in plain SQL. What each part would catch
# is said where it stands. The comparison was seen to fail with a discount left out, a line_sequence
# counted from zero, an absent text written as '', a numeric of the wrong weight, a product_key not looked
# up, and extra lines not removed by a repair.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use File::Basename;
use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $source = $ENV{SCOUT_SRC} // dirname(__FILE__) . '/../..';
my $node = new_node('paths', "max_wal_size = 4GB\nshared_buffers = 256MB\nwal_level = minimal\nmax_wal_senders = 0\n"
    . "scout_ir.circuit_breaker = off\n");  # most of the odd events are to fail
sub sql { my ($db, $sql) = @_; return $node->safe_psql($db, "SET ROLE pipeline_owner; $sql") }

# All that loading writes, without the times of processing. Which letter names which winner, and how many
# attempts it took, depends on the order of the batches: `loose` leaves it out.
my @state = (
    q{SELECT 'transaction ' || (to_jsonb(t) - 'processed_at' - 'updated_at')::text FROM scout.silver_transactions t},
    q{SELECT 'line ' || (to_jsonb(l) - 'updated_at')::text FROM scout.silver_line_items l},
    q{SELECT 'letter ' || (to_jsonb(d) - 'dlq_id' - 'failed_at' - 'last_retry_at' - 'resolved_at' - 'original_payload' - %s)::text
      FROM scout.bronze_events_dlq d},
    q{SELECT 'warning ' || (to_jsonb(w) - 'raised_at')::text FROM scout.quality_warnings w});
sub state {
    my ($db, $loose) = @_;
    my $less = $loose ? q{'{error_message,error_details,last_error_message,last_error_details,attempts,error_code}'::text[]} : q{'none'};
    my $text = join ' UNION ALL ', map { s/%s/$less/r } @state;
    return [split /\n/, $node->safe_psql($db, "SELECT r FROM ($text) x(r) ORDER BY r COLLATE \"C\"")];
}

my $drain = sub { "DO \$\$ BEGIN WHILE (SELECT events_processed FROM scout.load_silver_from_bronze($_[0])) > 0 LOOP END LOOP; END \$\$;" };
my $wave = sub { "INSERT INTO scout.bronze_events (event_id, event_type, store_id, event_data) SELECT event_id, event_type, store, event_data FROM odd_events WHERE $_[0] ORDER BY event_id;" };

# What every database starts from: events pending, and a catalogue that knows some products.
$node->safe_psql('postgres', 'CREATE DATABASE base');
pipeline($node, 'base');
command_ok(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('base'), '-f', "$source/test/lib/odd_events.sql"], 'events are generated');
$node->safe_psql('base', 'GRANT SELECT ON odd_events TO pipeline_owner');
sql('base', q{INSERT INTO scout.dim_product (product_id, product_name) SELECT 'P' || n, 'Product ' || n FROM generate_series(1, 40) n WHERE n % 3 > 0});
sql('base', $wave->('event_id BETWEEN 5000 AND 5999'));  # in chunks of their own, loaded before the better ones
sql('base', $wave->('wave = 1 AND event_id < 5000'));
is(sql('base', 'SELECT scout.backlog()'), '1320', 'all of the first wave is pending');

# Every error code as a dead letter and as a warning, as far as it can be one. `lax` also has things in silver
# that no load of ours left there.
my %kinds = (strict => '', lax => q{
    SELECT scout.set_rule(c, severity => 'warning') FROM unnest(ARRAY['NEGATIVE_TOTAL', 'EMPTY_ITEMS', 'INVALID_LINE_ITEM', 'LINE_TOTAL_MISMATCH']) c;
    SELECT scout.set_rule(c, severity => 'critical') FROM unnest(ARRAY['AMOUNT_ABOVE_LIMIT', 'FUTURE_TIMESTAMP']) c;
    -- Orphans: lines of G1 to G9 that lie in silver before their transaction, other content, one of them linked;
    -- COPY alone would fail on them for ever.
    INSERT INTO scout.silver_line_items
    SELECT 'G' || n, 1, 'P' || n, 'old', NULL, NULL, 9, 9, 9, 9, CASE WHEN n % 2 = 0 THEN 700 + n END, 'epoch', 'S0' FROM generate_series(1, 9) n;
    -- Without lineage: somebody's rows, which the first event of the transaction takes over.
    INSERT INTO scout.silver_transactions
    SELECT 'G' || n, 'S0', 'epoch', 19700101, 1, NULL, NULL, NULL, 1, 1, 'epoch', 'epoch', NULL FROM generate_series(11, 19) n;
    INSERT INTO scout.silver_line_items
    SELECT 'G' || n, s, 'P1', 'old', NULL, NULL, 1, 1, 1, 0, 800 + n, 'epoch', 'S0' FROM generate_series(11, 19) n, generate_series(1, 9) s;
});
my %expected = (
    strict => 'letter DUPLICATE_TRANSACTION,letter EMPTY_ITEMS,letter INVALID_LINE_ITEM,letter INVALID_TIMESTAMP,letter INVALID_TYPE,letter LINE_TOTAL_MISMATCH,'
            . 'letter MISSING_FIELD,letter NEGATIVE_TOTAL,letter OUT_OF_RANGE,letter UNKNOWN_EVENT_TYPE,warning AMOUNT_ABOVE_LIMIT,warning FUTURE_TIMESTAMP',
    lax => 'letter AMOUNT_ABOVE_LIMIT,letter DUPLICATE_TRANSACTION,letter FUTURE_TIMESTAMP,letter INVALID_TIMESTAMP,letter INVALID_TYPE,letter MISSING_FIELD,'
            . 'letter OUT_OF_RANGE,letter UNKNOWN_EVENT_TYPE,warning EMPTY_ITEMS,warning INVALID_LINE_ITEM,warning LINE_TOTAL_MISMATCH,warning NEGATIVE_TOTAL');
my $outcomes = q{SELECT string_agg(DISTINCT k, ',' ORDER BY k) FROM (SELECT 'letter ' || error_code AS k FROM scout.bronze_events_dlq
                 UNION ALL SELECT 'warning ' || code FROM scout.quality_warnings) x};
my $path_of_last = q{SELECT write_path FROM scout.etl_runs WHERE kind = 'load' AND transactions_created > 0 ORDER BY run_id DESC LIMIT 1};
# In a transaction: a worker would not know of this session's write path.
my $reprocess = sub { "BEGIN; SELECT events_reprocessed > 1000, status FROM scout.reprocess_bronze_window('-infinity', 'infinity', $_[0]); COMMIT" };

my $made = 0;
sub database {
    my ($template, $path, $winner) = @_;
    my $db = 'd' . ++$made . "_$path";
    $node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE $template;
        ALTER DATABASE $db SET scout_ir.write_path = $path; ALTER DATABASE $db SET scout_ir.duplicate_winner = $winner");
    return $db;
}

# An operator's bad day: each kind of damage to its own tenth of the transactions.
my $damage = q{
    UPDATE scout.silver_line_items SET product_key = 4711 WHERE product_id = 'P13';
    UPDATE scout.silver_transactions SET total_amount = 0, customer_id = 'x', net_amount = NULL WHERE transaction_id LIKE '%0';
    DELETE FROM scout.silver_line_items WHERE transaction_id LIKE '%1' AND line_sequence = 2;
    UPDATE scout.silver_line_items SET quantity = 5, brand_name = NULL, product_key = NULL WHERE transaction_id LIKE '%2';
    DELETE FROM scout.silver_transactions WHERE transaction_id LIKE '%3';
    INSERT INTO scout.silver_line_items SELECT transaction_id, line_sequence + 50, product_id, product_name, brand_name, category, quantity,
        unit_price, line_amount, discount_amount, product_key, updated_at, store_id FROM scout.silver_line_items WHERE transaction_id LIKE '%4' OR transaction_id LIKE '%3';
    DELETE FROM scout.silver_transactions WHERE transaction_id LIKE '%5';
    DELETE FROM scout.silver_line_items WHERE transaction_id LIKE '%5';
    UPDATE scout.silver_transactions SET source_event_id = NULL WHERE transaction_id LIKE '%6';
    UPDATE scout.silver_line_items SET product_id = 'other' WHERE transaction_id LIKE '%7';
    DELETE FROM scout.silver_transactions WHERE transaction_id LIKE '%8';
    DELETE FROM scout.silver_line_items WHERE transaction_id LIKE '%8' AND line_sequence = 1;
};

for my $kind ('strict', 'lax') {
    my $winner = $kind eq 'strict' ? 'lowest' : 'highest';
    $node->safe_psql('postgres', "CREATE DATABASE $kind TEMPLATE base");
    sql($kind, $kinds{$kind}) if $kinds{$kind};
    my $loose;
    for my $size ($kind eq 'strict' ? (2000, 7, 1) : (2000, 7)) {
        my (%loaded, %corrected, %mended);
        for my $path ('general', 'native', 'auto') {
            next if $path eq 'auto' && $size < 2000;
            my ($db, $what) = (database($kind, $path, $winner), "$kind, batches of $size, $path");

            # Catches a wrong value, a lost or surplus row, a winner that depends on the path, a value whose
            # binary form is wrong (weights, signs, NULL against '', encodings).
            sql($db, $drain->($size));
            $loaded{$path} = state($db);
            same_rows($loaded{$path}, $loaded{general}, "$what: the same rows as by the general path") if $path ne 'general';
            my $now = state($db, 1);
            $loose //= $now;
            same_rows($now, $loose, "$what: whatever the size of the batches") if $path eq 'general';
            # All of it by COPY, where nothing was there before: otherwise the comparison would be of INSERT with INSERT.
            is($node->safe_psql($db, $path_of_last), $path eq 'general' ? 'general' : 'native', "$what: by the path that is meant") if "$kind $size" eq 'strict 2000';
            is($node->safe_psql($db, $outcomes), $expected{$kind}, "$what: every rule has spoken") if $path eq 'native';

            # Catches a redelivery that goes into silver twice, and a batch without conflicts that does not take
            # the path which the setting says.
            is(sql($db, $wave->('wave = 1') . 'SELECT scout.backlog()'), '0', "$what: nothing of a redelivery is pending");
            sql($db, q{INSERT INTO scout.bronze_events (event_id, event_data) SELECT event_id + 20000, event_data || jsonb_build_object('transaction_id', 'new ' || event_id)
                       FROM odd_events WHERE event_id BETWEEN 2001 AND 2040 AND event_id % 43 > 0;} . $drain->($size));
            is($node->safe_psql($db, $path_of_last), $path eq 'general' ? 'general' : 'native', "$what: etl_runs says which path wrote");

            # Catches lines of a displaced transaction that stay, and COPY over what is there.
            sql($db, $wave->('wave = 2') . $drain->($size));
            $corrected{$path} = state($db);
            same_rows($corrected{$path}, $corrected{general}, "$what: the same after corrections") if $path ne 'general';
            next if $size == 1;

            # Catches repairs that leave surplus lines, forget a product_key or lose a warning. What a person
            # linked by hand stays where the product is the same.
            sql($db, $reprocess->($size));
            my $whole = state($db, 1);
            $node->safe_psql($db, 'DELETE FROM scout_internal.quality_warnings');
            is(sql($db, "$damage SELECT count(*) > 0 FROM scout.reconcile() WHERE status <> 'ok'"), 't', "$what: silver is damaged");
            is(sql($db, $reprocess->($size)), 't|in_transaction', "$what: reprocessed");
            $mended{$path} = state($db);
            same_rows($mended{$path}, $mended{general}, "$what: the same after a repair") if $path ne 'general';
            my $linked = sub { [map { s/"product_key": (\d+|null)/"product_key": ?/r } @{$_[0]}] };
            same_rows($linked->(state($db, 1)), $linked->($whole), "$what: as it was before the damage");
            cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM scout.silver_line_items WHERE product_key = 4711'), '>', 10,
                "$what: a linked product_key stays");
            # Gone as a whole but for a line that its event has not: COPY meets no conflict, and the line must go.
            sql($db, q{DELETE FROM scout.silver_transactions WHERE transaction_id LIKE 'G%5'; DELETE FROM scout.silver_line_items WHERE transaction_id LIKE 'G%5' AND line_sequence > 1;
                       UPDATE scout.silver_line_items SET line_sequence = 60 WHERE transaction_id LIKE 'G%5';} . $reprocess->($size));
            same_rows($linked->(state($db, 1)), $linked->($whole), "$what: a surplus line of a transaction that was gone");
            is(broken($node, $db), '', "$what: reconcile balances");
        }
    }
}

# A session whose encoding is not the database's: the binary format would carry its bytes, so that INSERT
# writes; and one whose search_path is full of traps, where an unqualified name finds somebody else's.
my $latin = database('strict', 'auto', 'lowest');
sql($latin, "SET client_encoding = 'LATIN1'; " . $drain->(2000));
my $first = state(database_loaded('strict', 'general'));
same_rows(state($latin), $first, 'LATIN1: the same rows');
is($node->safe_psql($latin, 'SELECT DISTINCT write_path FROM scout.etl_runs WHERE transactions_created > 0'), 'general', 'LATIN1: by INSERT');
my $refusal = '';
$node->psql($latin, "SET ROLE pipeline_owner; SET client_encoding = 'LATIN1'; SET scout_ir.write_path = native; "
    . $wave->('wave = 2') . 'SELECT scout.load_silver_from_bronze()', stderr => \$refusal);
like($refusal, qr/cannot be written by the native path: the client's encoding is not the database's/, 'LATIN1: native by force says why not');
my $trapped = database('strict', 'native', 'lowest');
$node->safe_psql($trapped, q{
    CREATE SCHEMA trap;
    GRANT ALL ON SCHEMA trap TO pipeline_owner;
    CREATE TABLE trap.silver_transactions (LIKE scout.silver_transactions);
    CREATE TABLE trap.silver_line_items (LIKE scout.silver_line_items);
    CREATE TABLE trap.dim_product (LIKE scout.dim_product);
    CREATE FUNCTION trap.wrong(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE OPERATOR trap.= (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = trap.wrong);
    CREATE FUNCTION trap.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
    CREATE DOMAIN trap.text AS pg_catalog.text CHECK (false)});
$node->safe_psql($trapped, 'SET ROLE pipeline_owner; SET search_path = trap, pg_catalog, public; DO $$ BEGIN PERFORM scout.load_silver_from_bronze(2000::pg_catalog.int4); END $$');
sql($trapped, $drain->(2000));
same_rows(state($trapped), $first, 'a search_path full of traps: the same rows');

sub database_loaded {
    my $db = database(@_, 'lowest');
    sql($db, $drain->(2000));
    return $db;
}

# The real, dirty file: catches what nobody thought of.
SKIP: {
    my ($file) = glob(($ENV{SCOUT_DATA} // "$source/../shared/data") . '/online_retail_*.csv.gz');
    skip 'the real data file is not here', 5 unless defined $file && -r $file;
    my $folder = PostgreSQL::Test::Utils::tempdir;
    my ($csv, $tsv) = ("$folder/lines.csv", "$folder/events.tsv");
    run(['gzip', '-dc', $file], '>', $csv) or die "cannot unpack $file";
    $node->safe_psql('postgres', 'CREATE DATABASE real');
    pipeline($node, 'real');
    command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('real'), '-v', "csv=$csv", '-v', "out=$tsv",
                '-f', "$source/test/lib/online_retail.sql", '-c', 'SET ROLE pipeline_owner',
                '-c', "\\copy scout.bronze_events (event_type, source_system, event_data) FROM '$tsv'"], 'the real file is in bronze');
    sql('real', q{INSERT INTO scout.dim_product (product_id) SELECT DISTINCT i ->> 'product_id' FROM scout.bronze_events, jsonb_array_elements(event_data -> 'items') i
                  WHERE event_id % 10 = 0});
    my $sums = q{SELECT count(*), md5(string_agg(r, '|' ORDER BY r COLLATE "C")) FROM (} . join(' UNION ALL ', map { s/%s/'none'/r } @state) . ') x(r)';
    my %sum;
    for my $path ('general', 'native') {
        my $db = database('real', $path, 'lowest');
        sql($db, $drain->(2000));
        $sum{$path} = $node->safe_psql($db, $sums);
        is($node->safe_psql($db, 'SELECT string_agg(DISTINCT write_path, $$,$$) FROM scout.etl_runs WHERE transactions_created > 0'), $path, "the real file: all of it by the $path path");
    }
    is($sum{native}, $sum{general}, 'the real file: the same rows by both paths');
    like($sum{native}, qr/^330428\|/, 'the real file: 12,978 transactions, 313,931 lines, 3,481 letters, their warnings');
}

$node->stop;
done_testing();
