# The real, dirty point-of-sale file, where it is there (SCOUT_DATA): every counted fact about its quality is
# found by a rule, with exactly that count; rules survive dump and restore.
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

my $node = new_node('rules', "max_wal_size = 4GB\nshared_buffers = 128MB\nautovacuum = on\n");
sub sql { $node->safe_psql('postgres', "SET ROLE pipeline_owner; $_[0]") }
pipeline($node, 'postgres');
$node->safe_psql('postgres', q{
    CREATE SCHEMA raw AUTHORIZATION pipeline_owner;
    SET ROLE pipeline_owner;
    CREATE TABLE raw.lines (
        invoice text, stock_code text, description text, quantity numeric, invoice_date timestamp,
        unit_price numeric, customer_id text, country text, line bigint GENERATED ALWAYS AS IDENTITY);
});

my $folder = PostgreSQL::Test::Utils::tempdir;
my ($csv, $tsv) = ("$folder/lines.csv", "$folder/events.tsv");
run(['gzip', '-dc', $file], '>', $csv) or die "cannot unpack $file";
sql("\\copy raw.lines (invoice, stock_code, description, quantity, invoice_date, unit_price, customer_id, country) FROM '$csv' CSV HEADER");

# What the file's description counts, each as a rule of at most five lines.
my %predicates = (
    quantity_not_positive => ['quantity <= 0', 6772],
    price_not_positive    => ['unit_price <= 0', 1799],
    price_negative        => ['unit_price < 0', 2],
    no_customer           => ['customer_id IS NULL', 88652],
    no_description        => ['description IS NULL', 1161],
    exact_duplicate       => [
        'row_number() OVER (PARTITION BY invoice, stock_code, description, quantity, invoice_date,
         unit_price, customer_id, country) > 1', 2483],
);
my $per_invoice = 'SELECT invoice FROM raw.lines GROUP BY invoice HAVING';
my %queries = (
    all_lines             => ['SELECT line FROM raw.lines', 320705],
    all_invoices          => ['SELECT DISTINCT invoice FROM raw.lines', 16459],
    total_negative        => ["$per_invoice sum(quantity * unit_price) < 0", 2556],
    total_zero            => ["$per_invoice sum(quantity * unit_price) = 0", 1408],
    total_above_limit     => ["$per_invoice sum(quantity * unit_price) > 10000", 38],
    several_dates         => ["$per_invoice count(DISTINCT invoice_date) > 1", 38],
    as_long_as_the_longest => ["$per_invoice count(*) >= 705", 1],
    longer_than_the_longest => ["$per_invoice count(*) > 705", 0],
    countries             => ['SELECT DISTINCT country FROM raw.lines', 37],
);
sql("SELECT scout.add_quality_rule('$_', relation => 'raw.lines', predicate => '$predicates{$_}[0]')") for sort keys %predicates;
sql("SELECT scout.add_quality_rule('$_', query => '$queries{$_}[0]')") for sort keys %queries;
sql("SELECT scout.set_quality_rule('countries', error_if => '!= 37')");

my %expected = map { $_ => ($predicates{$_} // $queries{$_})->[1] } keys %predicates, keys %queries;
my $names = join ',', sort keys %expected;
my %found = map { split /\|/ } split /\n/,
    sql("SELECT rule, coalesce(failures::text, message) FROM scout.run_quality_rules(names => '{$names}', timeout => '10 minutes')");
is_deeply(\%found, \%expected, 'every counted fact is found by a rule, with exactly that count');
is(sql(q{SELECT DISTINCT rules_in_scan FROM scout_internal.quality_results WHERE relation = 'raw.lines'}), keys %predicates,
   'all predicates in one scan');
is(sql(q{SELECT string_agg(rule, ',' ORDER BY rule) FROM scout_internal.quality_results WHERE status = 'pass'}),
   'countries,longer_than_the_longest', 'what is as it should be passes');

# Through the pipeline: what the contract lets in, the shipped rules look at.
command_ok(['psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-v', "csv=$csv", '-v', "out=$tsv",
            '-f', "$source/test/lib/online_retail.sql"], 'events are built from the file');
sql("\\copy scout.bronze_events (event_type, source_system, event_data) FROM '$tsv'");
1 while sql('SELECT events_processed FROM scout.load_silver_from_bronze(2000)') > 0;
my $shipped = q{(SELECT array_agg(name) FROM scout.quality_rules WHERE built_in)};
is(sql("SELECT string_agg(rule || '=' || coalesce(failures::text, message), ' ' ORDER BY rule) FROM scout.run_quality_rules(24, $shipped, timeout => '10 minutes') WHERE status <> 'pass'"),
   'impossible_amount=38 product_linking=313931', 'large totals are found, and that no product is linked yet');
is(sql(q{SELECT sum(scanned) FROM scout_internal.quality_results WHERE rule IN ('empty_items', 'invalid_line_item')}), 12978 + 313931,
   'all transactions and all lines were looked at');

# An added rule finds again what the contract has put aside.
sql(q{SELECT scout.add_quality_rule('rejected_totals', window_column => 'failed_at', relation => 'scout.bronze_events_dlq',
        predicate => 'status = ''open'' AND error_code = ''NEGATIVE_TOTAL''')});
is(sql(q{SELECT failures FROM scout.run_quality_rules(24, '{rejected_totals}')}), '2556', 'the negative totals are dead letters');

# Rules, overrides and history are carried by a dump, the next result gets the next number.
my $rules = 'SELECT md5(string_agg(r::text, E\'\n\' ORDER BY r.name)) FROM scout.quality_rules r';
my $results = 'SELECT count(*), max(result_id) FROM scout_internal.quality_results';
sql("SELECT scout.set_quality_rule('future_timestamp', enabled => false)");
command_ok(['pg_dump', '-Fc', '-f', "$folder/dump", '--exclude-table-data=scout.silver_*', '--exclude-table-data=scout.bronze_*',
            '--exclude-table-data=raw.*', '-d', $node->connstr('postgres')], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE there');
command_ok(['pg_restore', '--exit-on-error', '-d', $node->connstr('there'), "$folder/dump"], 'pg_restore');
is($node->safe_psql('there', $rules), $node->safe_psql('postgres', $rules), 'the same rules');
is($node->safe_psql('there', $results), $node->safe_psql('postgres', $results), 'the same results');
is($node->safe_psql('there', q{SELECT status FROM scout.run_quality_rules(names => '{no_customer}')}), 'pass', 'and they run, as their owner');

$node->stop;
done_testing();
