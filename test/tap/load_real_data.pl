# The real, dirty point-of-sale file, where it is there (SCOUT_DATA): counted facts, loading twice,
# reprocessing, repair of damage by hand. Says so and skips where the file is not.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;
use File::Basename;
use IPC::Run qw(run);

my $source = $ENV{SCOUT_SRC} // dirname(__FILE__) . '/../..';
my ($file) = glob(($ENV{SCOUT_DATA} // "$source/../shared/data") . '/online_retail_*.csv.gz');
plan skip_all => 'the real data file is not here' unless defined $file && -r $file;

my $node = new_node('real', "max_wal_size = 4GB\nshared_buffers = 128MB\nautovacuum = on\n");
pipeline($node, 'postgres');

my $folder = PostgreSQL::Test::Utils::tempdir;
my ($csv, $tsv) = ("$folder/lines.csv", "$folder/events.tsv");
run(['gzip', '-dc', $file], '>', $csv) or die "cannot unpack $file";
command_ok(['psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-v', "csv=$csv", '-v', "out=$tsv",
            '-f', "$source/test/lib/online_retail.sql"], 'events are built from the file');

my $copy = "\\copy scout.bronze_events (event_type, source_system, event_data) FROM '$tsv'";
sub sql { $node->safe_psql('postgres', "SET ROLE pipeline_owner; $_[0]") }

# Everything but processing timestamps.
my $state = q{
    SELECT md5(string_agg(r, '|' ORDER BY r)) FROM (
        SELECT (transaction_id, store_id, ts, date_key, total_amount, net_amount, customer_id, payment_method,
                item_count, unique_products, source_event_id)::text AS r FROM scout.silver_transactions
        UNION ALL
        SELECT (transaction_id, line_sequence, product_id, product_name, brand_name, category, quantity, unit_price,
                line_amount, discount_amount, product_key, store_id)::text FROM scout.silver_line_items
        UNION ALL
        SELECT (dlq_id, event_id, error_code, error_message, error_details, transaction_id, failed_at, attempts, status,
                last_error_code)::text FROM scout.bronze_events_dlq) x};
my $broken = q{SELECT coalesce(string_agg(check_name || '=' || value, ','), '')
               FROM scout.reconcile() WHERE status <> 'ok'};

sql($copy);
is(sql('SELECT scout.backlog()'), '16459', 'every invoice is an event, and all are pending');
is(sql($broken), '', 'reconcile balances before the load');
1 while sql('SELECT events_processed FROM scout.load_silver_from_bronze(2000)') > 0;
is(sql($broken), '', 'reconcile balances after the load');
is(sql(q{SELECT string_agg(error_code || '=' || n, ' ' ORDER BY error_code)
         FROM (SELECT error_code, count(*) n FROM scout.bronze_events_dlq WHERE status = 'open' GROUP BY 1) x}),
   'INVALID_LINE_ITEM=925 NEGATIVE_TOTAL=2556', 'the dead letters are exactly what the rules reject');
is(sql(q{SELECT count(*) FROM scout.bronze_events_dlq d
         WHERE error_code = 'NEGATIVE_TOTAL' AND (original_payload ->> 'total_amount')::numeric >= 0}), '0',
   'no dead letter of NEGATIVE_TOTAL has another total');
is(sql(q{SELECT count(*) FROM scout.bronze_events_dlq d WHERE error_code = 'INVALID_LINE_ITEM'
         AND ((original_payload ->> 'total_amount')::numeric <> 0
              OR (original_payload #>> ARRAY['items', substring(error_details ->> 'path' FROM '\[(\d+)\]'), 'qty'])::numeric > 0)}),
   '0', 'every INVALID_LINE_ITEM is a write-off: total zero, and the path names a quantity below zero');
is(sql('SELECT count(*), sum(item_count) FROM scout.silver_transactions'), '12978|313931', 'the rest is in silver');
is(sql('SELECT count(*) FROM scout.silver_line_items'), '313931', 'with all of its lines');
is(sql('SELECT count(*) FROM scout.silver_transactions WHERE total_amount = 0'), '483',
   'of 1,408 zero totals those without a write-off are sales of free items');
is(sql(q{SELECT count(*) FROM scout.quality_warnings WHERE code = 'AMOUNT_ABOVE_LIMIT'}), '38', '38 totals above 10,000 warn');

my $loaded = sql($state);
sql($copy);
is(sql('SELECT scout.backlog()'), '0', 'the same file again: nothing is pending');
is(sql('SELECT duplicates_skipped FROM scout.etl_runs ORDER BY run_id DESC LIMIT 1'), '16459', 'the duplicates are counted');
is(sql('SELECT events_processed FROM scout.load_silver_from_bronze(2000)'), '0', 'nothing to load');
is(sql($state), $loaded, 'no row has changed');

my $reprocess = q{SELECT events_reprocessed, transactions_created, transactions_removed
                  FROM scout.reprocess_bronze_window('-infinity', 'infinity', 2000)};
my $before = sql('SELECT max(processed_at) FROM scout.silver_transactions');
is(sql($reprocess), '16459|0|0', 'the whole period is reprocessed');
is(sql($state), $loaded, 'no row has changed but timestamps');
is(sql("SELECT count(*) FROM scout.silver_transactions WHERE processed_at <= '$before'"), '0', 'every processed_at is new');

sql(q{
    DELETE FROM scout.silver_line_items WHERE line_sequence = 3;
    UPDATE scout.silver_line_items SET quantity = quantity + 1 WHERE transaction_id LIKE '%4';
    UPDATE scout.silver_transactions SET total_amount = 0, customer_id = 'x' WHERE transaction_id LIKE '%5';
    DELETE FROM scout.silver_transactions WHERE transaction_id LIKE '%77';
    INSERT INTO scout.silver_line_items
    SELECT transaction_id, line_sequence + 1000, product_id, product_name, brand_name, category, quantity, unit_price,
           line_amount, discount_amount, product_key, updated_at, store_id
    FROM scout.silver_line_items WHERE transaction_id LIKE '%1';
});
isnt(sql($state), $loaded, 'silver is damaged by hand');
isnt(sql($broken), '', 'reconcile sees it');
sql($reprocess);
is(sql($state), $loaded, 'reprocessing restores it exactly');
is(sql($broken), '', 'and reconcile balances again');

is(sql(q{SELECT events_quarantined, transactions_removed, line_items_removed
         FROM scout.quarantine_window('-infinity', 'infinity', 'drill', dry_run => true)}), '16459|12978|313931',
   'a dry run of a quarantine counts');
is(sql($state), $loaded, 'and changes nothing');

$node->stop;
done_testing();
