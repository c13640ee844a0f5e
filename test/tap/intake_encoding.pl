# The same event has the same hash in a database of any encoding, so that a dump may be restored into another.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

$ENV{PGCLIENTENCODING} = 'UTF8';
my $node = new_node('encoding');
my %made = (latin => 'LATIN1', euro => 'LATIN9', cyrillic => 'KOI8R', japan => 'EUC_JP', bytes => 'SQL_ASCII');
$node->safe_psql('postgres', "CREATE DATABASE $_ ENCODING '$made{$_}' LOCALE 'C' TEMPLATE template0") for sort keys %made;
$node->safe_psql('postgres', 'CREATE DATABASE utf');
$node->safe_psql($_, 'CREATE EXTENSION scout_ir') for 'utf', keys %made;

sub hash {
    my ($db, $document, $type) = @_;
    # Where the server knows no encoding, nor may the client.
    my $encoding = $db eq 'bytes' ? 'SQL_ASCII' : 'UTF8';
    return $node->safe_psql($db, "SET client_encoding = '$encoding'; SELECT scout.event_hash('$document', '$type')");
}

# Keys that sort by length and bytes in one order in UTF-8, and in another in the database's encoding.
my %documents = (
    latin => ['{"transaction_id": " É7 ", "ä": 1, "zz": 2, "é": {"ñ": "ß", "nn": "ÿ"}, "items": [{"product_id": "Ü", "ö": 1, "z": 2, "zz": 3}]}', 'vente.é'],
    euro => ['{"transaction_id": "€", "€€": 1, "zzzz": 2, "œ": "Ž", "zz": 4, "metadata": {"€": 1}}', '€'],
    cyrillic => ['{"transaction_id": "Ж7", "Я": 1, "А": 2, "б": [["ъ", null]], "zz": 4}', 'продажа.v1'],
    japan => ['{"transaction_id": "東京", "円": 100, "zzz": 2, "ｱ": 3, "zz": 1, "品": ["米", "茶"]}', '売上.v1'],
    bytes => ['{"transaction_id": "É7", "ä": 1, "zz": 2, "東": "京"}', 'vente.é'],
);
for my $db (sort keys %documents) {
    my ($document, $type) = @{ $documents{$db} };
    my $here = hash($db, $document, $type);
    like($here, qr/^\\x[0-9a-f]{32}$/, "$made{$db}: a hash of 16 bytes");
    is($here, hash('utf', $document, $type), "$made{$db}: the same as in UTF8");
    isnt($here, hash($db, $document, 'transaction.v1'), "$made{$db}: the event type counts");
}

# Out of LATIN1 into UTF8 by a dump: what is there is known, and a redelivery is refused.
pipeline($node, 'latin') if $node->safe_psql('latin', 'DROP EXTENSION scout_ir CASCADE; DROP SCHEMA scout CASCADE; SELECT true') eq 't';
my $events = q{INSERT INTO scout.bronze_events (event_data) SELECT jsonb_build_object('transaction_id', 'Nº' || n, 'store_id', 'São', 'é', n,
    'zz', n, 'ts', '2025-08-24T14:05:00Z', 'total_amount', 10, 'items', jsonb_build_array(jsonb_build_object('product_id', 'Ü' || n,
    'product_name', 'Crème', 'qty', 1, 'unit_price', 10, 'line_amount', 10))) FROM generate_series(1, 20) n};
$node->safe_psql('latin', $events);
load_all($node, 'latin');
is(broken($node, 'latin'), '', 'LATIN1: everything balances');
my $file = PostgreSQL::Test::Utils::tempdir() . '/latin.sql';
$node->command_ok(['pg_dump', '-f', $file, $node->connstr('latin')], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr('restored')], 'is restored into UTF8');
is($node->safe_psql('restored', q{SELECT count(*) FROM scout.bronze_events b JOIN scout.bronze_event_keys k USING (event_id)
    WHERE b.event_hash = scout.event_hash(b.event_data) AND k.event_hash = b.event_hash}), 20, 'each event has its hash and its key');
is($node->safe_psql('restored', "SET ROLE pipeline_owner; WITH i AS ($events RETURNING 1) SELECT count(*) FROM i"), 0, 'a redelivery is refused');
is(broken($node, 'restored'), '', 'everything balances');
$node->stop;
done_testing();
