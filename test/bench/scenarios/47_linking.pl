# Linking lines to a catalogue of 50,000 products: half of the lines have a known id, three in ten the name in
# another case, one in ten a typing error, one in ten nothing alike. 100,000 lines have 55,000 spellings, 200,000
# lines twice as many: no spelling is matched twice.
use strict;
use warnings;
use Bench;
use Scenario;

my $products = 50_000;
my $catalogue = qq{
    INSERT INTO scout.dim_product (product_id, product_name, brand_name)
    SELECT 'P' || k, w.name, 'Brand ' || k % 500
    FROM generate_series(1, $products) k,
    LATERAL (SELECT string_agg(translate(substr(md5(i || ' ' || (hashtext(k || ' ' || i) & 1023)), 1, 4 + (k + i) % 6), '0123456789', 'ghijklmnop'), ' ') AS name
             FROM generate_series(1, 4) i) w};

# Lines FIRST to LAST; the spelling of the ones with an error depends on the line, so that each is another one.
sub lines {
    my ($first, $last) = @_;
    return qq{
        INSERT INTO scout.silver_line_items (transaction_id, line_sequence, product_id, product_name, quantity, unit_price, line_amount,
            discount_amount, updated_at, store_id)
        SELECT 't' || n / 10, n % 10 + 1, CASE WHEN n % 10 < 5 THEN p.product_id ELSE 'X' || n / ($products * 2) || '-' || p.product_key END,
            CASE n % 10 WHEN 8 THEN overlay(p.product_name PLACING 'x' FROM 3 + n % 7 FOR 1) WHEN 9 THEN md5(p.product_key::text) ELSE upper(p.product_name) END,
            1, 1, 1, 0, now(), 's'
        FROM generate_series($first, $last) n JOIN scout.dim_product p ON p.product_key = (SELECT min(product_key) FROM scout.dim_product) + n * 7919::bigint % $products};
}

scenario linking => sub {
    my $db = new_database('bench_linking');
    sql($db, 'CREATE EXTENSION pg_trgm', 'DELETE FROM scout.dim_product', $catalogue, 'VACUUM ANALYZE scout.dim_product');
    my $contender = sub {
        my ($lines) = @_;
        return { name => "$lines lines", db => $db, events => $lines,
            reset => sub { sql($db, 'TRUNCATE scout.silver_line_items', 'DELETE FROM scout_internal.product_links', 'VACUUM scout.product_links', lines(1, $lines), 'VACUUM ANALYZE scout.silver_line_items') },
            run => sub {
                my @got = $_[0]->selectrow_array('SELECT lines_linked_exact, lines_linked_similar, lines_unmatched, remaining FROM scout.link_products_to_catalog()');
                die "linked @got of $lines lines\n" if $got[0] < 0.8 * $lines || $got[1] < 0.09 * $lines || $got[3];
                return;
            } };
    };
    my %s = rounds('linking', map { $contender->($_) } 100_000, 200_000);
    my ($one, $two) = @s{ '100000 lines', '200000 lines' };
    result('linking', $one, [map { { seconds => 10 } } @$one], note => sprintf '%.1f s', median(map { $_->{seconds} } @$one));
    result('linking/linear', $two, $one);
    table_of('Linking', ['', 'seconds', 'min', 'max', 'MB', 'WAL/line'], [map { summary($_, $s{$_}) } sort keys %s]);
},
    linking => ['linking 100,000 lines against 50,000 products, over 10 seconds', '<=', 1],
    'linking/linear' => ["linking 200,000 lines over 100,000", '<=', 2.2];

1;
