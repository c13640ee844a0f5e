# However an event gets into bronze, it is in the queue exactly once and loads.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('intake');
my $db = 'postgres';
pipeline($node, $db);
sub sql { $node->safe_psql($db, "SET client_min_messages = error; $_[0]") }
sub insert { 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(@_) . ';' }
# Ids in the queue, each as often as it stands there.
sub queued { sql(q{SELECT coalesce(string_agg(i::text, ' ' ORDER BY i), '') FROM scout.bronze_pending p, unnest(p.events) r,
    generate_series(lower(r), upper(r) - 1) i}) }
sub ids { join ' ', map { my ($from, $to) = @$_; $from .. $to } @_ }
sub loads {
    my ($name, @ranges) = @_;
    my $n = split / /, ids(@ranges);
    is(queued(), ids(@ranges), "$name: queued exactly once");
    is(sql('SELECT sum(event_count) FROM scout.bronze_pending'), $n, "$name: and counted");
    is(broken($node, $db), '', "$name: balances before the load");
    is(sql('SELECT events_processed FROM scout.load_silver_from_bronze(100000)'), $n, "$name: loads");
    is(sql('SELECT scout.backlog()') . queued(), '0', "$name: nothing is left");
    is(broken($node, $db), '', "$name: balances after the load");
    return;
}

# Savepoints, nested, with flushes inside and outside of what is rolled back.
sql('BEGIN;' . insert(1, 10) . 'SAVEPOINT a;' . insert(11, 20) . 'SAVEPOINT b;' . insert(21, 30)
    . 'SELECT scout.load_silver_from_bronze(5); ROLLBACK TO b;' . insert(31, 40) . 'ROLLBACK TO a;' . insert(41, 45) . 'COMMIT;');
loads('flush in a rolled back savepoint', [1, 10], [41, 45]);
sql('BEGIN;' . insert(101, 110) . 'SAVEPOINT a; SAVEPOINT b;' . insert(111, 115) . q{SELECT count(*) FROM scout.quarantine_events(ARRAY[]::bigint[], 'x');}
    . 'RELEASE b; ROLLBACK TO a;' . insert(116, 120) . 'COMMIT;');
loads('flush in a released savepoint of a rolled back one', [101, 110], [116, 120]);
sql('BEGIN; SAVEPOINT a;' . insert(201, 210) . 'RELEASE a; SAVEPOINT b;' . insert(211, 220) . 'SELECT scout.load_silver_from_bronze(3); RELEASE b;'
    . 'SAVEPOINT c;' . insert(221, 221) . 'ROLLBACK TO c; COMMIT;');
is(sql('SELECT events_processed FROM scout.load_silver_from_bronze(1000)'), '17', 'released savepoints: the rest loads');
is(broken($node, $db), '', 'released savepoints: balances');
# A buffer holds 10,000.
sql('BEGIN; SAVEPOINT a;' . insert(20_001, 32_000) . 'SAVEPOINT b;' . insert(32_001, 44_000) . 'ROLLBACK TO b;' . insert(44_001, 44_010) . 'COMMIT;');
loads('full buffers', [20_001, 32_000], [44_001, 44_010]);
sql('BEGIN;' . insert(5001, 5990) . 'SAVEPOINT b;' . insert(5991, 6100) . 'SELECT scout.load_silver_from_bronze(1); ROLLBACK TO b; COMMIT;');
loads('outer events flushed inside', [5001, 5990]);
# The content of a rolled back event may come again, in the same transaction and in the next.
sql('BEGIN; SAVEPOINT a;' . insert(7001, 7003) . 'SELECT scout.load_silver_from_bronze(1); ROLLBACK TO a;' . insert(7001, 7002) . 'COMMIT;');
sql(insert(7003, 7003));
loads('rolled back content again', [7001, 7003]);
# plpgsql exception blocks are subtransactions.
sql('DO $$ BEGIN FOR i IN 0 .. 9 LOOP BEGIN INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql('8001 + i * 10', '8005 + i * 10')
    . '; IF i % 2 = 1 THEN RAISE EXCEPTION \'no\'; END IF; EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END $$;');
loads('exception blocks', map { [8001 + $_ * 20, 8005 + $_ * 20] } 0 .. 4);

# ON CONFLICT.
sql(insert(9001, 9003));
sql('INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(9003, 9006) . ' ON CONFLICT DO NOTHING');
sql("INSERT INTO scout.bronze_events (event_id, event_data) SELECT 9001, event_data FROM (" . event_sql(9011, 9011, 'X')
    . ') e ON CONFLICT (event_id) DO NOTHING');
# A row that ON CONFLICT drops leaves a hint and a key that hold nothing back: see below.
is(sql('SELECT events_processed FROM scout.load_silver_from_bronze(1000)'), '6', 'ON CONFLICT DO NOTHING: each event once');
is(sql('SELECT scout.backlog()'), '0', 'ON CONFLICT DO NOTHING: nothing is left');
is(sql('SELECT count(*) FROM scout.reconcile() WHERE status = \'critical\''), '0', 'ON CONFLICT DO NOTHING: balances');
is(sql("INSERT INTO scout.bronze_events (event_id, event_data) SELECT event_id, event_data FROM (" . event_sql(9011, 9011, 'X') . ') e RETURNING event_id'),
    '9011', 'content that ON CONFLICT dropped may come again');
is(($node->psql($db, 'INSERT INTO scout.bronze_events (event_id, event_data) SELECT 9011, event_data FROM (' . event_sql(9012, 9012, 'Y')
    . ") e ON CONFLICT (event_id) DO UPDATE SET event_data = excluded.event_data, source_system = 'again'"))[0], 0, 'ON CONFLICT DO UPDATE is taken');
is(sql('SELECT events_processed FROM scout.load_silver_from_bronze(1000)'), '1', 'ON CONFLICT DO UPDATE: loads');
is(sql(q{SELECT transaction_id FROM scout.silver_transactions WHERE source_event_id = 9011}), 'Y9012', 'ON CONFLICT DO UPDATE: what it became');
is(broken($node, $db), '', 'ON CONFLICT DO UPDATE: balances');

# COPY.
my $folder = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql($db, 'COPY (' . event_sql(10_001, 12_500) . ") TO '$folder/events'");
sql("COPY scout.bronze_events (event_id, event_data) FROM '$folder/events'");
is(($node->psql($db, "COPY scout.bronze_events (event_id, event_data) FROM '$folder/events'"))[0], 0,
    'COPY of rows that are there, ids and all, skips them');
$node->safe_psql($db, "COPY (SELECT event_data FROM (" . event_sql(10_001, 12_500) . ") e) TO '$folder/data'");
sql("COPY scout.bronze_events (event_data) FROM '$folder/data'");
loads('COPY, twice', [10_001, 12_500]);

# Prepared transactions.
sql('BEGIN;' . insert(13_001, 13_010) . "PREPARE TRANSACTION 'kept'");
sql('BEGIN;' . insert(13_011, 13_020) . "PREPARE TRANSACTION 'lost'");
is(queued(), '', 'a prepared transaction is not in the queue yet');
$node->stop('immediate');
$node->start;
sql("COMMIT PREPARED 'kept'");
sql("ROLLBACK PREPARED 'lost'");
loads('PREPARE TRANSACTION over a crash', [13_001, 13_010]);
sql(insert(13_011, 13_012));
loads('content of a rolled back prepared transaction', [13_011, 13_012]);

# As a replica.
sql('SET session_replication_role = replica;' . insert(14_001, 14_010));
loads('session_replication_role = replica', [14_001, 14_010]);

# Logical replication: initial copy, then changes, one transaction with a duplicate.
$node->safe_psql('postgres', 'CREATE DATABASE upstream');
$node->safe_psql('upstream', q{CREATE SCHEMA scout; CREATE TABLE scout.bronze_events (event_id bigint PRIMARY KEY, event_data jsonb);
    CREATE PUBLICATION events FOR TABLE scout.bronze_events; SELECT pg_create_logical_replication_slot('events', 'pgoutput')});
$node->safe_psql('upstream', insert(15_001, 15_010));
my $upstream = $node->connstr('upstream') =~ s/'/''/gr;
$node->safe_psql($db, "CREATE SUBSCRIPTION events CONNECTION '$upstream"
    . "' PUBLICATION events WITH (create_slot = false, slot_name = 'events')");
$node->wait_for_subscription_sync($node, 'events', $db);
loads('initial table synchronisation', [15_001, 15_010]);
$node->safe_psql('upstream', insert(15_011, 15_030));
$node->safe_psql('upstream', 'BEGIN;' . insert(15_031, 15_032) . 'INSERT INTO scout.bronze_events SELECT 15040, event_data FROM ('
    . event_sql(15_005, 15_005) . ') e; SAVEPOINT s;' . insert(15_050, 15_055) . 'ROLLBACK TO s; COMMIT');
$node->wait_for_catchup('events');
$node->poll_query_until($db, 'SELECT count(*) = 1 FROM scout.bronze_events WHERE event_id = 15032') or die 'not applied';
loads('logical replication', [15_011, 15_032]);
$node->safe_psql($db, 'DROP SUBSCRIPTION events');

# A partitioned bronze of the user's own.
$db = 'parts';
$node->safe_psql('postgres', 'CREATE DATABASE parts');
my $partitioned = q{CREATE TABLE scout.bronze_events (
        event_id bigint GENERATED BY DEFAULT AS IDENTITY, event_type text NOT NULL DEFAULT 'transaction.v1', event_ts timestamptz,
        source_system text NOT NULL DEFAULT 'unknown', store_id text NOT NULL DEFAULT '', event_data jsonb NOT NULL, event_hash bytea NOT NULL,
        ingested_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (event_id, ingested_at)) PARTITION BY RANGE (ingested_at);
    CREATE TABLE scout.bronze_old PARTITION OF scout.bronze_events FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
    CREATE TABLE scout.bronze_rest PARTITION OF scout.bronze_events DEFAULT;
    ALTER TABLE scout.bronze_events OWNER TO pipeline_owner; ALTER TABLE scout.bronze_old OWNER TO pipeline_owner;
    ALTER TABLE scout.bronze_rest OWNER TO pipeline_owner;};
pipeline($node, $db, $partitioned);
is(sql(q{SELECT string_agg(DISTINCT tgenabled::text, '') || count(*) FROM pg_trigger WHERE tgrelid = 'scout.bronze_old'::regclass}), 'A3',
    'the partitions have the row triggers and the one against TRUNCATE');
sql(insert(1, 10));
sql("INSERT INTO scout.bronze_events (event_id, event_data, ingested_at) SELECT event_id, event_data, '2024-05-05' FROM (" . event_sql(11, 20) . ') e');
loads('partitioned', [1, 20]);
sql("INSERT INTO scout.bronze_old (event_id, event_data, ingested_at) SELECT event_id, event_data, '2024-05-05' FROM (" . event_sql(21, 30) . ') e');
sql("INSERT INTO scout.bronze_old (event_id, event_data, ingested_at) SELECT event_id + 1000, event_data, '2024-05-05' FROM (" . event_sql(5, 15) . ') e');
loads('into the leaf', [21, 30]);
sql("SET session_replication_role = replica; INSERT INTO scout.bronze_rest (event_id, event_data, ingested_at) SELECT event_id, event_data, now() FROM ("
    . event_sql(31, 35) . ') e');
loads('into the leaf as a replica', [31, 35]);
sql(q{CREATE TABLE scout.bronze_2026 (LIKE scout.bronze_events INCLUDING DEFAULTS)});
sql("INSERT INTO scout.bronze_2026 (event_id, event_data, event_hash, ingested_at) SELECT event_id, event_data, scout.event_hash(event_data), '2024-06-06'
    FROM (" . event_sql(41, 50) . ') e');
sql(q{ALTER TABLE scout.bronze_2026 OWNER TO pipeline_owner;
    ALTER TABLE scout.bronze_events DETACH PARTITION scout.bronze_old;
    ALTER TABLE scout.bronze_events ATTACH PARTITION scout.bronze_2026 FOR VALUES FROM ('2024-06-01') TO ('2025-01-01');
    ALTER TABLE scout.bronze_events ATTACH PARTITION scout.bronze_old FOR VALUES FROM (MINVALUE) TO ('2024-06-01')});
create_pipeline($node, $db);
is(sql(q{SELECT string_agg(DISTINCT tgenabled::text, '') FROM pg_trigger WHERE tgname LIKE 'zz_scout%' AND NOT tgisinternal}), 'A',
    'an attached partition has the triggers, always');
loads('attached', [41, 50]);
sql("INSERT INTO scout.bronze_2026 (event_id, event_data, ingested_at) SELECT event_id, event_data, '2024-06-06' FROM (" . event_sql(51, 52) . ') e');
loads('into the attached leaf', [51, 52]);
# The queue says in which partitions to look. It is believed as long as the events are there.
sql("INSERT INTO scout.bronze_events (event_id, event_data, ingested_at) SELECT event_id, event_data, '2024-06-06' FROM (" . event_sql(53, 60) . ') e');
sql("UPDATE scout.bronze_pending SET min_ingested_at = '2020-01-01', max_ingested_at = '2020-01-02'");
loads('from another partition than the queue says', [53, 60]);
sql('DELETE FROM scout.bronze_old WHERE event_id = 21');
is(sql('SELECT event_id FROM scout.bronze_deletions'), '21', 'a delete from a leaf leaves a copy');
# No unique index holds the id across partitions: the intake has to. A bad event, so that its letter is unique per event.
sql('INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(82, 82));
sql("INSERT INTO scout.bronze_events (event_id, event_data, ingested_at) SELECT event_id, event_data, '2024-05-05' FROM (" . event_sql(82, 82) . ') e');
is(sql('SELECT count(*) FROM scout.bronze_events WHERE event_id = 82'), '1', 'a row that is there, id and all, is skipped in another partition too');
is(($node->psql($db, 'SELECT scout.load_silver_from_bronze()'))[0], 0, 'and does not stop the load');
my ($code) = $node->psql($db, 'TRUNCATE scout.bronze_events');
isnt($code, 0, 'TRUNCATE is refused');
($code) = $node->psql($db, 'TRUNCATE scout.bronze_old');
isnt($code, 0, 'TRUNCATE of a leaf is refused');

# What partitions cannot promise is refused.
my ($same_id, undef, $message) = $node->psql($db, q{INSERT INTO scout.bronze_events (event_id, event_data, ingested_at)
    VALUES (77001, '{"a": 1}', '2024-01-01'), (77001, '{"a": 2}', now())});
isnt($same_id, 0, 'two events of one id in two partitions are refused');
like($message, qr/event 77001 with another content/, 'with one clear error');
$node->safe_psql('postgres', 'CREATE DATABASE by_event_ts');
my $refused = !eval { pipeline($node, 'by_event_ts', q{
    CREATE TABLE scout.bronze_events (
        event_id bigint GENERATED BY DEFAULT AS IDENTITY, event_type text NOT NULL DEFAULT 'transaction.v1', event_ts timestamptz,
        source_system text NOT NULL DEFAULT 'unknown', store_id text NOT NULL DEFAULT '', event_data jsonb NOT NULL, event_hash bytea NOT NULL,
        ingested_at timestamptz NOT NULL DEFAULT now()) PARTITION BY RANGE (event_ts);
    ALTER TABLE scout.bronze_events OWNER TO pipeline_owner;}); 1 };
ok($refused, 'bronze partitioned by a column that the trigger fills is refused');
like($@, qr/partition it by ingested_at/, 'with the way out');

# A key table that holds no key of ours: PostgreSQL 18 knows columns that are not stored.
SKIP: {
    skip 'no virtual columns before PostgreSQL 18', 2 if $node->pg_version < 18;
    my ($virtual, undef, $refused) = $node->psql($db, q{BEGIN;
        ALTER TABLE scout.bronze_event_keys DROP event_id, ADD event_id bigint GENERATED ALWAYS AS (1) VIRTUAL;
        INSERT INTO scout.bronze_events (event_id, event_data) VALUES (77003, '{"a": 3}');
        COMMIT;});
    isnt($virtual, 0, 'keys are not written into a column that stores nothing');
    like($refused, qr/cannot insert a non-DEFAULT value into column "event_id"/, 'which the server says');
}

$node->stop;
done_testing();
