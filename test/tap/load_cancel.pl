# Cancelled, timed out or terminated in mid-batch: all of the batch is undone, and it loads the next time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('cancel');
my $db = 'postgres';
pipeline($node, $db);
$node->safe_psql($db, 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(1, 300));
$node->safe_psql($db, 'SELECT scout.load_silver_from_bronze(100)');
# Silver's trigger stops at one transaction until the test lets it go: the batch is then halfway, for certain.
$node->safe_psql($db, q{
    CREATE TABLE scout.brake (id text);
    ALTER TABLE scout.brake OWNER TO pipeline_owner;
    INSERT INTO scout.brake VALUES ('T180');
    CREATE FUNCTION scout.brake() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF new.transaction_id = 'T180' AND EXISTS (SELECT FROM scout.brake) THEN
            PERFORM pg_sleep(600);
        END IF;
        RETURN new;
    END $$;
    CREATE TRIGGER brake BEFORE INSERT ON scout.silver_line_items FOR EACH ROW EXECUTE FUNCTION scout.brake();
});
sub state {
    return join "\n", silver($node, $db), letters($node, $db), $node->safe_psql($db, qq{$count_states;
        SELECT events, event_count FROM scout.bronze_pending ORDER BY chunk_id;
        SELECT count(*) FROM scout.etl_runs; SELECT count(*) FROM scout.timeline});
}
my $before = state();
my $flying = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%load_silver_from_bronze%'
    AND pid <> pg_backend_pid()};
my $idle = q{SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'};

for my $end (['pg_cancel_backend', 'canceling statement due to user request', ''],
             ['pg_terminate_backend', 'terminating connection due to administrator command', ''],
             ['statement_timeout', 'canceling statement due to statement timeout', "SET statement_timeout = '700ms';"]) {
    my ($name, $message, $settings) = @$end;
    for my $kind ('load_silver_from_bronze(200) /* native */', 'load_silver_from_bronze(200) /* general, in a block */',
                  $settings eq '' ? ('load_silver_from_bronze(200) /* general */', 'load_silver_from_bronze(200) /* native, in a block */') : ()) {
        my ($path) = $kind =~ /(native|general)/;
        my $session = session($node, $db);
        my $pid = ask($session, 'SELECT pg_backend_pid();');
        ask($session, "SET scout_ir.write_path = $path;");
        tell($session, ($kind =~ /block/ ? 'BEGIN;' : '') . "$settings SELECT * FROM scout.$kind;");
        if ($settings eq '') {
            $node->poll_query_until($db, $flying) or die 'the load has not reached the brake';
            isnt($node->safe_psql($db, $idle), 't', "$name: the batch is in flight");
            is($node->safe_psql($db, "SELECT $name($pid)"), 't', "$name: sent");
        }
        if ($name eq 'pg_terminate_backend') {
            eval { $session->{run}->pump } while $session->{run}->pumpable && $session->{err} !~ /terminating/;
        } else {
            ask($session, 'SELECT 1;');
        }
        like($session->{err}, qr/\Q$message\E/, "$name: says so");
        if ($kind =~ /block/ && $name ne 'pg_terminate_backend') {
            like(ask($session, 'SELECT 1;') . $session->{err}, qr/25P02/, "$name: the block is aborted");
            ask($session, 'ROLLBACK;');
        }
        $node->poll_query_until($db, $idle) or die 'FLIGHT is held after the end';
        is(state(), $before, "$name, $kind: nothing of the batch is left");
        leave($session);
    }
}

# In a savepoint: the rest of the transaction goes on, FLIGHT is free again.
my $session = session($node, $db);
ask($session, "BEGIN; INSERT INTO scout.bronze_events (event_id, event_data) " . event_sql(400, 401)
    . "; SAVEPOINT s; SET LOCAL statement_timeout = '700ms'; SELECT * FROM scout.load_silver_from_bronze(1000); ROLLBACK TO s;");
is($node->safe_psql($db, $idle), 't', 'savepoint: FLIGHT went with it');
ask($session, 'COMMIT;');
leave($session);
is(broken($node, $db), '', 'savepoint: balances');
is($node->safe_psql($db, 'SELECT scout.backlog()'), '202', 'savepoint: the events before it are queued');

# The brake off: the same batch loads as if nothing had been.
$node->safe_psql($db, 'TRUNCATE scout.brake');
is($node->safe_psql($db, 'SELECT events_processed, backlog FROM scout.load_silver_from_bronze(1000)'), '202|0', 'the batch loads afterwards');
is(broken($node, $db), '', 'and balances');

# A pause that waits for a load in flight can be cancelled, and then has not been.
my $loader = session($node, $db);
ask($loader, 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(500, 510) . ';');
ask($loader, 'BEGIN; SELECT events_processed FROM scout.load_silver_from_bronze(5);');
my $pauser = session($node, $db);
my $pid = ask($pauser, 'SELECT pg_backend_pid();');
tell($pauser, q{SELECT ingestion_active FROM scout.control_ingestion('pause', 'waits', drain_timeout => '10 minutes');});
$node->poll_query_until($db, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND objsubid = 21315 AND mode = 'ExclusiveLock' AND pid = $pid")
    or die 'the pause has not taken its gate';
is($node->safe_psql($db, 'SET client_min_messages = error; SELECT events_processed FROM scout.load_silver_from_bronze(1)'), '0', 'nothing starts while a pause drains');
is($node->safe_psql($db, "SELECT pg_cancel_backend($pid)"), 't', 'the draining pause is cancelled');
ask($pauser, 'SELECT 1;');
like($pauser->{err}, qr/canceling statement due to user request/, 'it says so');
is($node->safe_psql($db, 'SELECT ingestion_active FROM scout.ingestion_status()'), 't', 'and has not paused');
is($node->safe_psql($db, 'SELECT count(*) FROM scout.pipeline_pauses'), '0', 'nor left a row');
# The drain ends when the load commits, not before.
tell($pauser, q{SELECT 'drained ' || active_workers FROM scout.control_ingestion('pause', 'waits', drain_timeout => '10 minutes');});
$node->poll_query_until($db, "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND objsubid = 21315 AND mode = 'ExclusiveLock' AND pid = $pid")
    or die 'the pause has not taken its gate';
is($node->safe_psql($db, 'SELECT count(*) FROM scout.pipeline_pauses'), '0', 'the pause waits for the load in flight');
ask($loader, 'COMMIT;');
like(ask($pauser, 'SELECT 1;'), qr/drained 0/, 'and returns when it has ended');
is($node->safe_psql($db, 'SELECT ingestion_active FROM scout.ingestion_status()'), 'f', 'paused');
leave($_) for $loader, $pauser;
is(broken($node, $db), '', 'balances at the end');

$node->stop;
done_testing();
