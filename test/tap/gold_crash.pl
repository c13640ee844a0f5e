# Gold across restarts, crashes and cancels: a view and what it was built from are published together, and what a
# crash has made uncertain is never called fresh.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

$ENV{PGOPTIONS} = '-c client_min_messages=error';
my $node = new_node('gold', "restart_after_crash = on\n");
my $db = 'gold';
$node->safe_psql('postgres', "CREATE DATABASE $db");
pipeline($node, $db);
sub one { return $node->safe_psql($_[1] // $db, $_[0]) }
sub states { return one(q{SELECT string_agg(materialized_view || ' ' || state, ', ' ORDER BY materialized_view) FROM scout.gold_freshness()}, @_) }
sub load { one("INSERT INTO scout.bronze_events (event_data) SELECT event_data FROM (" . event_sql(@_) . ') e'); load_all($node, $db); return }

# A view that waits in the middle of its refresh, while somebody holds a lock.
one(q{CREATE FUNCTION public.waits(n bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN n; END$$;
    CREATE MATERIALIZED VIEW scout.gold_top AS SELECT public.waits(count(*)) FROM scout.gold_region_choropleth;
    ALTER MATERIALIZED VIEW scout.gold_top OWNER TO pipeline_owner});
load(1, 100);
my $refresh = q{SELECT string_agg(substring(operation FROM '[^.]*$') || ' ' || status, ', ') FROM scout.refresh_gold_platinum()};
my $all = join ', ', map { "$_ refreshed" } qw(gold_daily_metrics gold_region_choropleth gold_top);
my $fresh = $all =~ s/refreshed/fresh/gr;
my $stale = $all =~ s/refreshed/stale/gr;
is(one($refresh), $all, 'refreshed by a worker');
is(states(), $fresh, 'fresh, as another session sees it');
$node->restart;
is(states(), $fresh, 'a restart in order changes nothing');
one("CREATE DATABASE copy TEMPLATE $db", 'postgres');
is(states('copy'), $stale, 'in a copy of the database nothing is certain');

# Cancelled half way: what is done stays done, and the rest is known to be lacking.
sub held_refresh {
    my $holder = session($node, $db);
    ask($holder, 'SELECT pg_advisory_lock(77);');
    load(@_);
    my $caller = session($node, $db);
    tell($caller, "$refresh;");
    $node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted}) or die 'nobody waits';
    return ($holder, $caller);
}
my ($holder, $caller) = held_refresh(101, 120);
is(one(q{SELECT string_agg(materialized_view, ', ' ORDER BY 1) FROM scout.gold_freshness() WHERE state IN ('fresh', 'unsure')}), 'gold_daily_metrics, gold_region_choropleth', 'views are published one by one');
one(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ 'string_agg.*refresh_gold_platinum' AND backend_type = 'client backend' AND pid <> pg_backend_pid()});
$node->poll_query_until($db, q{SELECT state = 'cancelled' FROM scout.jobs ORDER BY job_id DESC LIMIT 1}) or die 'not cancelled';
leave($_) for $holder, $caller;
is(one(q{SELECT string_agg(materialized_view, ', ') FROM scout.gold_freshness() WHERE state = 'stale'}), 'gold_top', 'cancelled: the view that was not done is stale');
is(one($refresh), 'gold_daily_metrics skipped: fresh, gold_region_choropleth skipped: fresh, gold_top refreshed', 'and the next refresh does that one');

# kill -9 of the worker in the middle of a refresh: the server starts again.
($holder, $caller) = held_refresh(121, 140);
my $worker = one(q{SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted});
my $log = -s $node->logfile;
kill 'KILL', $worker;
leave($_) for $holder, $caller;
$node->wait_for_log(qr/database system is ready to accept connections/, $log);
$node->poll_query_until($db, 'SELECT true') or die 'not back';
is(states(), $stale, 'after a crash nothing is called fresh');
is(one(q{SELECT bool_and(why ~ 'counts were lost') FROM scout.gold_freshness()}), 't', 'and it says why');
is(one($refresh), $all, 'all is refreshed');
is(states(), $fresh, 'and fresh again');
is(one('SELECT sum(tx_count) FROM scout.gold_daily_metrics'), one('SELECT count(*) FROM scout.silver_transactions'), 'with every row');
is(broken($node, $db), '', 'reconcile balances');

$node->stop('immediate');
$node->start;
is(states(), $stale, 'the same after an immediate shutdown');
$node->stop;
done_testing();
