# maintain(): VACUUM, ANALYZE, REINDEX CONCURRENTLY and CREATE INDEX CONCURRENTLY by a worker, for whom and on what, and
# with the world changing between the asking and the doing.
#
# Would catch: maintenance that waits for the transaction that asked for it, runs with rights that the caller has
# not, or on another relation than was meant; an invalid index that stays, or a valid one that goes; an index of
# anything but columns.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use JobsTest qw(job_ended job_stuck);
use ScoutTest;
use Test::More;

my $node = new_node('maintenance', "deadlock_timeout = 100ms\n");
my $db = 'postgres';
$node->safe_psql($db, 'CREATE ROLE op LOGIN; CREATE ROLE boss LOGIN; CREATE ROLE stranger LOGIN; CREATE SCHEMA AUTHORIZATION op; CREATE SCHEMA AUTHORIZATION stranger; GRANT USAGE ON SCHEMA stranger TO op');
pipeline($node, $db);
$node->safe_psql($db, q{SELECT scout.grant_access('operator', 'op'); SELECT scout.grant_access('admin', 'boss'); GRANT SELECT ON scout.jobs TO op});

my @as_op = ('-U', 'op');
# As the operator: result, and what the client was told.
sub op {
    my ($sql) = @_;
    my ($code, $out, $err) = $node->psql($db, $sql, extra_params => [@as_op, '-v', 'VERBOSITY=verbose']);
    return wantarray ? ($out, $err) : $out;
}
sub root { return $node->safe_psql($db, $_[0]); }
sub ended { return job_ended($node, $db, $_[0]); }
sub stuck { return job_stuck($node, $db, $_[0]); }
sub last_job { return root("SELECT max(job_id) FROM scout_internal.job_records"); }

root(q{SET ROLE op; CREATE TABLE op.mine (id int PRIMARY KEY, note text); INSERT INTO op.mine SELECT generate_series(1, 100);
    CREATE TABLE op.parted (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE op.part PARTITION OF op.parted DEFAULT;
    CREATE VIEW op.view AS SELECT * FROM op.mine; CREATE SEQUENCE op.seq; SET ROLE stranger; CREATE TABLE stranger.theirs (id int PRIMARY KEY);
    RESET ROLE; CREATE TABLE op.extra (id int); ALTER TABLE op.extra OWNER TO op; ALTER EXTENSION plpgsql ADD TABLE op.extra});
sub vacuums { return root("SELECT vacuum_count, analyze_count FROM pg_stat_user_tables WHERE relid = '$_[0]'::regclass"); }
for my $table ('scout.bronze_events', 'op.mine') {
    for my $action (['vacuum', 'VACUUM', '1|0'], ['analyze', 'ANALYZE', '1|1'], ['Vacuum Analyze', 'VACUUM (ANALYZE)', '2|2']) {
        my ($id, @said) = split /\|/, op("SELECT * FROM scout.maintain('$table', '$action->[0]')");
        is("@said", "queued $action->[1] $table", "$action->[0] $table is queued");
        is(ended($id), 'succeeded', 'and done');
        ok($node->poll_query_until($db, "SELECT vacuum_count || '|' || analyze_count = '$action->[2]' FROM pg_stat_user_tables WHERE relid = '$table'::regclass"), 'the server has counted it')
            or diag(vacuums($table));
    }
}
sub fails {
    my ($arguments, $state, $what) = @_;
    like((op("SELECT scout.maintain($arguments)"))[1], qr/ERROR:  $state:.*HINT:/s, "refused: $what");
    return;
}
my $jobs_before = last_job();
fails(q{'stranger.theirs', 'vacuum'}, '42501', q{somebody else's});
fails(q{'stranger.theirs_pkey', 'reindex'}, '42501', q{somebody else's index});
fails(q{'scout_internal.job_records', 'vacuum'}, '42501', q{the extension's own});
fails(q{'op.view', 'vacuum'}, '42809', 'a view');
fails(q{'op.seq', 'analyze'}, '42809', 'a sequence');
fails(q{'op.mine_pkey', 'vacuum'}, '42809', 'an index is not vacuumed');
fails(q{'op.extra', 'vacuum'}, '42809', q{another extension's});
fails(q{'pg_class', 'reindex'}, '42809', 'a catalog');
fails(q{'op.mine', NULL}, '22023', 'no action');
fails(q{'op.mine', 'vacuum full'}, '22023', 'an unknown action');
fails(q{'op.mine', ''}, '22023', 'an empty action');
fails(q{NULL, 'vacuum'}, '22004', 'no relation');
fails(q{1::oid::regclass, 'vacuum'}, '42P01', 'what is not there');
like((op(q{CREATE TEMP TABLE t (id int); SELECT scout.maintain('t', 'vacuum')}))[1], qr/ERROR:  0A000:.*HINT:/s, 'refused: a temporary table');
is(last_job(), $jobs_before, 'what is refused makes no job');
like(($node->psql($db, q{SELECT scout.maintain('stranger.theirs', 'vacuum')}, extra_params => ['-U', 'stranger']))[2], qr/permission denied/, 'not for everybody');

my $key = q{SELECT job_id FROM scout.maintain('op.mine', 'vacuum', idempotency_key => 'm1')};
my $job = op($key);
is(ended($job), 'succeeded', 'with a key');
is(op($key), $job, 'a repeated key is the first job');

# Between the asking and the doing.
for my $change (['DROP TABLE op.gone', 'dropped', '42P01'], ['ALTER TABLE op.gone RENAME TO went', 'renamed', '42P01'], ['ALTER TABLE op.gone OWNER TO stranger', 'given away', '42501']) {
    root("CREATE TABLE op.gone (id int); ALTER TABLE op.gone OWNER TO op");
    my $s = session($node, $db);
    $job = ask($s, "SET client_min_messages = warning; BEGIN; SET LOCAL ROLE op; SELECT job_id FROM scout.maintain('op.gone', 'vacuum'); RESET ROLE; $change->[0]; COMMIT;");
    is(ended($job), 'failed', "$change->[1] meanwhile");
    like(root("SELECT error_sqlstate || ' ' || error_message FROM scout.job($job)"), qr/^$change->[2] .*op\.gone/, 'which the job says');
    leave($s);
    root('DROP TABLE IF EXISTS op.gone, op.went');
}

# In an open transaction that writes the very table: the caller goes on, the job begins with its commit.
my $file = q{SELECT pg_relation_filenode('scout.bronze_events_pkey')};
my $file_before = root($file);
my $s = session($node, $db, @as_op);
is(ask($s, q{BEGIN; INSERT INTO scout.bronze_events (event_id, event_data) SELECT 9001, '{}'; SELECT status, operation FROM scout.maintain('scout.bronze_events', 'reindex');}),
    'queued|REINDEX TABLE CONCURRENTLY scout.bronze_events', 'asked for in an open transaction');
is(root($file), $file_before, 'nothing happens before the commit');
ask($s, 'COMMIT;');
is(ended(last_job()), 'succeeded', 'it begins with the commit');
isnt(root($file), $file_before, 'the index has been built anew');
for my $relation ('op.mine_pkey', 'op.parted', 'op.parted_pkey', 'scout.gold_daily_metrics') {
    is(ended(op("SELECT job_id FROM scout.maintain('$relation', 'reindex')")), 'succeeded', "reindex $relation") or diag(root('SELECT error_message FROM scout.job(' . last_job() . ')'));
}

$job = op(q{SELECT job_id FROM scout.maintain('op.mine_pkey', 'reindex', idempotency_key => 'm2')});
is(ended($job), 'succeeded', 'an index once more');
is(op(q{SELECT job_id FROM scout.maintain('op.mine_pkey', 'reindex', idempotency_key => 'm2')}), $job, 'it is the same index still');

# A session that has all names quoted means the same relations.
$job = op(q{SET quote_all_identifiers = on; SELECT job_id FROM scout.maintain('op.mine', 'analyze')});
is(ended($job), 'succeeded', 'quote_all_identifiers: the relation is found');

# Cancelled while it waits for an older transaction: what it leaves is cleared away by the next run, and only that.
root(q{CREATE INDEX keep_ccnew ON op.mine (id); CREATE INDEX broken ON op.mine (id);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'op.broken'::regclass});
my $indexes = q{SELECT string_agg(c.relname || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END, ', ' ORDER BY c.relname COLLATE "C")
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'op.mine'::regclass};
my $indexes_before = root($indexes);
my $old = session($node, $db);
ask($old, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM op.mine;');
$job = op(q{SELECT job_id FROM scout.maintain('op.mine', 'reindex')});
stuck($job);
$node->poll_query_until($db, "SELECT ($indexes) LIKE '%mine_pkey_ccnew invalid%'") or die 'no index is being built';
is(op("SELECT state FROM scout.cancel_job($job)"), 'cancelled', 'cancelled');
ok($node->poll_query_until($db, qq{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'scout_ir job'}), 'the worker lets go');
like(root($indexes), qr/mine_pkey_ccnew invalid/, 'it leaves an invalid index');
my $of_toast = q{SELECT count(*) FROM pg_index i JOIN pg_class t ON t.reltoastrelid = i.indrelid WHERE t.oid = 'op.mine'::regclass};
is(root($of_toast), '2', 'and one of the TOAST table');

# Waiting for it inside a SELECT would wait for oneself: refused, and the job goes on.
$job = op(q{SELECT job_id FROM scout.maintain('op.mine', 'reindex')});
stuck($job);
tell($s, "SELECT state FROM scout.wait_for_job($job);");
$node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT state FROM scout.wait_for_job%' AND state = 'active' AND pid <> pg_backend_pid()}) or die 'nobody waits for the job';
ask($old, 'COMMIT;');
ask($s, 'SELECT 1;');
is(ended($job), 'succeeded', 'reindexed once the old transaction has ended');
unlike($s->{err}, qr/ERROR:  (?!40P01)/, 'a wait inside a SELECT ends, or is refused');
is(root($indexes), $indexes_before, 'the leftovers are gone, and nothing else');
is(root($of_toast), '1', 'that of the TOAST table, too');
is(root("SELECT done >= 3 FROM scout.job($job)"), 't', 'by statements of their own');
leave($_) for $old, $s;

# New indexes.
sub indexes_of {
    return root(qq{SELECT string_agg(pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END, '; ' ORDER BY c.relname COLLATE "C")
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = '$_[0]'::regclass});
}
root(q{SET ROLE op; CREATE TABLE op.orders (id int PRIMARY KEY, "Shop" text, shop text, day date); INSERT INTO op.orders SELECT i, i % 7, 'x', '2026-01-01' FROM generate_series(1, 100) i});
my $key_index = 'CREATE UNIQUE INDEX orders_pkey ON op.orders USING btree (id)';
is(op(q{SELECT status, operation FROM scout.maintain('op.orders', 'Index', '{Shop,day}')}), 'queued|CREATE INDEX CONCURRENTLY "orders_Shop_day_idx" ON op.orders ("Shop", day)',
    'index: queued, and which it will be');
is(ended(last_job()), 'succeeded', 'index: built');
my $first = 'CREATE INDEX "orders_Shop_day_idx" ON op.orders USING btree ("Shop", day)';
is(indexes_of('op.orders'), "$first; $key_index", 'index: of these columns in this order');
is(ended(op(q{SELECT job_id FROM scout.maintain('op.orders', 'index', '{day,Shop}')})), 'succeeded', 'index: another order is another index');
is(ended(op(q{SELECT job_id FROM scout.maintain('op.orders', 'index', '{id,day}', true)})), 'succeeded', 'index: a unique one');
like((op(q{INSERT INTO op.orders SELECT 1000 + id, "Shop", shop, day FROM op.orders LIMIT 1; INSERT INTO op.orders SELECT id, "Shop", shop, day FROM op.orders WHERE id = 1}))[1],
    qr/ERROR:  23505:/, 'index: which refuses rows');
op(q{DELETE FROM op.orders WHERE id > 1000});
is(op(q{SELECT status, operation FROM scout.maintain('scout.silver_transactions', 'index', '{customer_id}')}),
    'queued|CREATE INDEX CONCURRENTLY silver_transactions_customer_id_idx ON scout.silver_transactions (customer_id)', q{index: of the pipeline's, by an operator});
is(ended(last_job()), 'succeeded', 'index: built in a schema where nobody else may create');
is(root(q{SELECT relowner::regrole FROM pg_class WHERE oid = 'scout.silver_transactions_customer_id_idx'::regclass}), 'pipeline_owner', q{index: it is the table's owner's});

$jobs_before = last_job();
fails(@$_) for [q{'op.orders', 'index'}, '22004', 'an index without columns'], [q{'op.orders', 'index', NULL}, '22004', 'NULL columns'],
    [q{'op.orders', 'index', '{Shop,NULL}'}, '22004', 'NULL among the columns'], [q{'op.orders', 'index', '{shop}', NULL}, '22004', 'a NULL is_unique'],
    [q{'op.orders', 'index', '{}'}, '22023', 'no column'], [q{'op.orders', 'index', array_fill('id'::text, ARRAY[17])}, '22023', 'too many columns'],
    [q{'op.orders', 'index', '{lower(shop)}'}, '42703', 'an expression'], [q{'op.orders', 'index', ARRAY['id) WHERE (true']}, '42703', 'a condition'],
    [q{'op.orders', 'index', '{SHOP}'}, '42703', 'an unknown column'], [q{'op.orders', 'index', '{""}'}, '42703', 'an empty name'],
    [q{'op.orders', 'index', '{ctid}'}, '42703', 'a system column'], [q{'op.orders', 'index', '{shop,day,shop}'}, '42701', 'a column twice'],
    [q{'op.orders', 'index', '{Shop,day}'}, '42710', 'an index that is there'], [q{'op.orders', 'index', '{id}'}, '42710', 'a unique one serves, too'],
    [q{'op.parted', 'index', '{id}'}, '0A000', 'an index of a partitioned table'], [q{'op.orders_pkey', 'index', '{id}'}, '42809', 'an index of an index'],
    [q{'scout.silver_transactions', 'index', '{customer_id,ts}', true}, '42501', q{a unique index of the pipeline's by an operator}],
    [q{'stranger.theirs', 'index', '{id}'}, '42501', q{an index of somebody else's}], [q{'scout_internal.job_records', 'index', '{kind}'}, '42501', q{an index of the extension's own}],
    [q{'op.orders', 'vacuum', '{id}'}, '22023', 'columns with another action'], [q{'op.orders', 'reindex', is_unique => true}, '22023', 'is_unique with another action'];
is(last_job(), $jobs_before, 'index: what is refused makes no job');
$job = $node->safe_psql($db, q{SELECT job_id FROM scout.maintain('scout.silver_transactions', 'index', '{customer_id,ts,transaction_id}', true)}, extra_params => ['-U', 'boss']);
is(ended($job), 'succeeded', q{index: a unique one of the pipeline's, by an admin});

my $keyed = q{SELECT job_id FROM scout.maintain('op.orders', 'index', '{shop}', idempotency_key => 'i1')};
$job = op($keyed);
is(op($keyed), $job, 'index: a repeated key is the first job');
is(ended($job), 'succeeded', 'index: which builds it');
is(op($keyed), $job, 'index: and is it still when the index is there');
like((op(q{SELECT scout.maintain('op.orders', 'index', '{shop,id}', idempotency_key => 'i1')}))[1], qr/ERROR:  23505:/, 'index: but not for other columns');

# A build that fails leaves an invalid index. What comes next drops it, and nothing else.
op(q{CREATE TABLE op.twice (id int, n int); INSERT INTO op.twice SELECT 1, i FROM generate_series(1, 2) i; CREATE INDEX other ON op.twice (n)});
my $other_index = 'CREATE INDEX other ON op.twice USING btree (n)';
my $twice = 'CREATE UNIQUE INDEX twice_id_idx ON op.twice USING btree (id)';
my $unique = q{SELECT job_id FROM scout.maintain('op.twice', 'index', '{id}', true)};
$job = op($unique);
is(ended($job), 'failed', 'index: rows stand against it');
is(root("SELECT error_sqlstate FROM scout.job($job)"), '23505', 'index: which the job says');
is(indexes_of('op.twice'), "$other_index; $twice invalid", 'index: an invalid one is left');
op("SELECT scout.resume_job($job)");
is(ended($job), 'failed', 'index: the rows are still there');
is(indexes_of('op.twice'), "$other_index; $twice invalid", 'index: a second attempt leaves no second one');
op('UPDATE op.twice SET id = n');
op("SELECT scout.resume_job($job)");
is(ended($job), 'succeeded', 'index: without them it is built');
is(indexes_of('op.twice'), "$other_index; $twice", 'index: in the place of what was left');
op('DROP INDEX op.twice_id_idx; UPDATE op.twice SET id = 1');
is(ended(op($unique)), 'failed', 'index: once more');
op('UPDATE op.twice SET id = n');
is(ended(op($unique)), 'succeeded', 'index: asked for anew');
is(indexes_of('op.twice'), "$other_index; $twice", 'index: nothing is left of the job before');

is(broken($node, $db), '', 'reconcile balances');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
