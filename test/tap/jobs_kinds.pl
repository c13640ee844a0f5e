# Redrive and refresh of gold as jobs: by workers and in the caller's transaction, repeated, cancelled, and with the
# world changing between the asking and the doing.
#
# Would catch: a letter redriven that somebody resolved meanwhile, or two times by two workers; a failing view
# that stops the others or lets its dependents look fresh; two refreshes that deadlock.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use JobsTest qw(job_ended job_stuck);
use ScoutTest;
use Test::More;

my $node = new_node('kinds', "deadlock_timeout = 100ms\nscout_ir.max_workers = 4\nscout_ir.circuit_breaker = off\n");
my $db = 'postgres';
$node->safe_psql($db, 'CREATE ROLE op LOGIN;');
pipeline($node, $db);
$node->safe_psql($db, q{SELECT scout.grant_access('operator', 'op'); GRANT SELECT ON scout.jobs TO op});

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
# A waiting caller is cancelled in mid-work, and with it the job.
sub cancel_the_caller {
    my ($call, $lock, $kind) = @_;
    my $blocker = session($node, $db);
    ask($blocker, "BEGIN; LOCK TABLE $lock IN ACCESS EXCLUSIVE MODE;");
    my $before = last_job();
    my $caller = session($node, $db, @as_op);
    tell($caller, "SELECT * FROM $call;");
    $node->poll_query_until($db, "SELECT max(job_id) > $before FROM scout_internal.job_records") or die 'no job';
    my $job = last_job();
    stuck($job);
    root("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT * FROM $kind%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()");
    is(ended($job), 'cancelled', "$kind: a caller who is cancelled cancels the job");
    ask($caller, 'SELECT 1;');
    like($caller->{err}, qr/57014/, "$kind: and is told so");
    ask($blocker, 'ROLLBACK;');
    leave($_) for $blocker, $caller;
    return $job;
}

# Redrive.

root(q{INSERT INTO scout.bronze_events (event_id, event_data)
    SELECT n, jsonb_build_object('transaction_id', 'T' || n, 'store_id', 'S', 'ts', '2025-08-24T14:05:00Z', 'total_amount', -1,
        'items', jsonb_build_array(jsonb_build_object('product_id', 'P', 'qty', 1, 'unit_price', 20, 'line_amount', 20)))
    FROM generate_series(1, 9000) n});
load_all($node, $db, 5000);
my $open = q{SELECT count(*) FROM scout.bronze_events_dlq WHERE status = 'open'};
is(root($open), '9000', 'redrive: all events are dead letters');

is(op('SELECT events_redriven, events_loaded, events_failed_again, remaining, dry_run, job_id IS NULL, status FROM scout.dlq_redrive(max_events => 3000, dry_run => true)'),
    '3000|0|3000|9000|t|t|dry run', 'redrive: a dry run counts, in no job');
is(op('SELECT events_redriven, events_loaded, events_failed_again, remaining, dry_run, job_id IS NOT NULL, status FROM scout.dlq_redrive(max_events => 2500, workers => 2)'),
    '2500|0|2500|9000|f|t|succeeded', 'redrive: what fails again is counted, and stays');
is(root('SELECT min(dlq_id) = 1, max(dlq_id), count(*) FROM scout.bronze_events_dlq WHERE attempts > 1'), 't|2500|2500', 'redrive: the first letters, once each');
for my $bad (['workers => 0', '22023'], ['workers => 1000', '22023'], ['wait => NULL', '22004'], ['max_events => 0', '22023']) {
    like((op("SELECT scout.dlq_redrive($bad->[0])"))[1], qr/ERROR:  $bad->[1]:.*HINT:/s, "redrive: $bad->[0]");
}
root(q{SELECT scout.set_rule(c, enabled => false) FROM unnest('{NEGATIVE_TOTAL,LINE_TOTAL_MISMATCH}'::text[]) c});

my ($out, $err) = op(q{BEGIN; SELECT events_redriven, events_loaded, remaining, job_id IS NULL, status FROM scout.dlq_redrive('negative_total', max_events => 10); ROLLBACK});
is($out, '10|10|8990|t|in_transaction', 'redrive: in a transaction block it is done there');
like($err, qr/NOTICE:.*in this transaction/, 'redrive: and says so');
is(root($open), '9000', 'redrive: and goes with it');

cancel_the_caller('scout.dlq_redrive(max_events => 100)', 'scout.silver_transactions', 'scout.dlq_redrive');
is(root($open), '9000', 'redrive: what was cancelled is as before');

# What is resolved between the asking and the doing is passed over; what was not chosen stays.
my $s = session($node, $db, @as_op);
my $job = ask($s, q{BEGIN; SELECT job_id FROM scout.dlq_redrive(max_events => 8000, workers => 2, wait => false, idempotency_key => 'r1');});
is(op(q{SELECT letters_discarded FROM scout.dlq_resolve('given up', dlq_ids => ARRAY(SELECT generate_series(1, 100)))}), '100', 'redrive: others resolve letters meanwhile');
is(root("SELECT count(*) FROM scout_internal.job_records WHERE job_id = $job"), '0', 'redrive: nobody sees the job before its commit');
ask($s, 'COMMIT;');
is(ended($job), 'succeeded', 'redrive: two workers');
is(root("SELECT total, done, dead_letters_resolved, transactions_created FROM scout.job($job)"), '8000|7900|7900|7900', 'redrive: the resolved ones are passed over');
is(root($open), '1000', 'redrive: what was beyond max_events stays');
is(root('SELECT count(*) FROM scout.bronze_events_dlq WHERE dlq_id > 8000 AND attempts > 1'), '0', 'redrive: and was not tried');
is(op(q{SELECT job_id, events_redriven, status FROM scout.dlq_redrive(max_events => 8000, idempotency_key => 'r1')}), "$job|7900|succeeded", 'redrive: a repeated key is the first job');
like((op(q{SELECT scout.dlq_redrive(max_events => 7, idempotency_key => 'r1')}))[1], qr/ERROR:  23505:/, 'redrive: but not for another request');
is(op('SELECT events_redriven, events_loaded, remaining, status FROM scout.dlq_redrive(event_ids => ARRAY[8500, 8501, 1, NULL])'), '2|2|0|succeeded', 'redrive: chosen events');
is(op('SELECT events_redriven, events_loaded, remaining, status FROM scout.dlq_redrive()'), '998|998|0|succeeded', 'redrive: the rest');
is(op('SELECT events_redriven, remaining, status FROM scout.dlq_redrive()'), '0|0|succeeded', 'redrive: nothing is left');
is(broken($node, $db), '', 'redrive: reconcile balances');
is(root($count_states), 'bronze_events=9000 pending=0 processed=8900 dead_lettered=0 discarded=100', 'redrive: no event has been lost');

# Gold.

my $good = qr/^REFRESH MATERIALIZED VIEW (CONCURRENTLY )?scout\.gold_daily_metrics\|refreshed\|t\|t\nREFRESH.*choropleth\|refreshed\|t\|t$/s;
my $look = 'SELECT operation, status, rows_after IS NOT NULL, job_id IS NOT NULL FROM scout.refresh_gold_platinum';
like(op("$look()"), $good, 'gold: by a worker');
is(op(q{SELECT * FROM (SELECT (scout.refresh_gold_platinum(force => true, wait => false, idempotency_key => 'g1')).*) x}) =~ /^job\|\|queued\|\|\|(\d+)$/ && ended($1), 'succeeded', 'gold: asked for, not waited for');
is(root(qq{SELECT count(*) FROM scout.gold_refreshes WHERE job_id = $1 AND status = 'refreshed'}), '2', 'gold: its outcome is recorded');
like(op("$look(idempotency_key => 'g1')"), $good, 'gold: a repeated key shows what the first one did');
is(root("SELECT count(*) FROM scout.gold_refreshes"), '4', 'gold: and does nothing');
like((op('SELECT scout.refresh_gold_platinum(wait => NULL)'))[1], qr/ERROR:  22004:/, 'gold: wait must be said');

root(q{
    CREATE MATERIALIZED VIEW scout.gold_a AS SELECT 1 / (count(*) - count(*)) AS x FROM scout.silver_transactions WITH NO DATA;
    CREATE MATERIALIZED VIEW scout.gold_b AS SELECT * FROM scout.gold_a WITH NO DATA;
    CREATE VIEW scout.between AS SELECT * FROM scout.gold_b;
    CREATE MATERIALIZED VIEW scout.gold_c AS SELECT * FROM scout.between WITH NO DATA;
    CREATE MATERIALIZED VIEW scout.gold_d AS SELECT count(*) FROM scout.silver_transactions;
    ALTER VIEW scout.between OWNER TO pipeline_owner;
    DO $$ DECLARE v text; BEGIN FOREACH v IN ARRAY '{gold_a,gold_b,gold_c,gold_d}'::text[] LOOP
        EXECUTE format('ALTER MATERIALIZED VIEW scout.%I OWNER TO pipeline_owner', v);
    END LOOP; END $$;
    CREATE MATERIALIZED VIEW scout.gold_e AS SELECT 1 AS x;});
my $mixed = join "\n", 'gold_a|failed: division by zero', 'gold_b|skipped: depends on scout.gold_a', 'gold_c|skipped: depends on scout.gold_a',
    'gold_d|refreshed', 'gold_daily_metrics|refreshed', 'gold_e|skipped: its owner is a superuser or may use the server\'s files or programs', 'gold_region_choropleth|refreshed';
my $short = q{SELECT substring(operation FROM '[^.]*$') COLLATE "C", status FROM scout.refresh_gold_platinum(force => true) ORDER BY 1};
($out, $err) = op($short);
is($out, $mixed, 'gold: a view fails, what reads from it is passed over, the others are refreshed');
is(() = $err =~ /WARNING/g, 1, 'gold: one warning');
like($err, qr/could not refresh scout\.gold_a: division by zero/, 'gold: that names the view');
is(root(q{SELECT string_agg(view_name || '|' || status, E'\n' ORDER BY view_name::text COLLATE "C") FROM scout.gold_refreshes WHERE job_id = (SELECT max(job_id) FROM scout_internal.job_records)}), $mixed, 'gold: all of it is recorded');
is(root(q{SELECT state FROM scout.gold_freshness() WHERE materialized_view = 'gold_d'}), 'fresh', 'gold: freshness follows');
($out, $err) = op("BEGIN; $short; ROLLBACK");
is($out, $mixed, 'gold: the same in a transaction block');
like($err, qr/NOTICE:.*in this transaction.*WARNING:.*22012.*division by zero/s, 'gold: which says so, and warns');
root('DROP MATERIALIZED VIEW scout.gold_a CASCADE; DROP MATERIALIZED VIEW scout.gold_e');

cancel_the_caller('scout.refresh_gold_platinum(force => true)', 'scout.silver_transactions', 'scout.refresh_gold_platinum');

# A view that is dropped between the asking and the doing.
$job = root(q{BEGIN; SELECT job_id FROM scout.refresh_gold_platinum(force => true, wait => false); DROP MATERIALIZED VIEW scout.gold_daily_metrics; COMMIT});
is(ended($job), 'succeeded', 'gold: a view was dropped meanwhile');
is(root("SELECT status FROM scout.gold_refreshes WHERE job_id = $job AND view_name = 'gold_daily_metrics'"), 'skipped: the view is gone', 'gold: which is recorded');

# Refresh against refresh: gold_d has no unique index, its refresh wants the view for itself.
my ($one, $two) = map { session($node, $db, @as_op) } 1 .. 2;
ask($_, 'SET client_min_messages = warning;') for $one, $two;
like(ask($one, 'BEGIN; SELECT status FROM scout.refresh_gold_platinum(force => true);'), qr/^refreshed/, 'gold: one in a transaction');
is(op('SELECT operation, status, job_id FROM scout.refresh_gold_platinum(skip_if_running => true)'), 'job|skipped|', 'gold: another is skipped, if it likes');
tell($two, 'BEGIN; SELECT status FROM scout.refresh_gold_platinum(force => true); COMMIT;');
$job = op('SELECT job_id FROM scout.refresh_gold_platinum(force => true, wait => false)');
stuck($job);
is(op('SELECT operation, status, job_id FROM scout.refresh_gold_platinum(wait => false, skip_if_running => true)'), "job|skipped|$job", 'gold: skipped for a job, too');
$node->poll_query_until($db, q{SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 21315 AND objid = 3 AND NOT granted}) or die 'nobody waits';
ask($one, 'COMMIT;');
is(ended($job), 'succeeded', 'gold: the others wait for the first');
is(ask($two, 'SELECT 1;'), "refreshed\nrefreshed\n1", 'gold: all of them');
is("$one->{err}$two->{err}", '', 'gold: and nobody deadlocks');
leave($_) for $one, $two;

is(broken($node, $db), '', 'reconcile balances');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
