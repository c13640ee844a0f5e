# Whoever stands lower cannot make whoever stands higher run code of his. Each role plants what it can wherever it
# can; everything public is called and explained by each role, planted schemas first in its search_path. What runs
# of it leaves a line in the server log: never with the rights of anybody but its author.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('planted', "log_statement = none\nlog_error_verbosity = terse\nlog_min_error_statement = panic\n");
my $lib = ($ENV{SCOUT_SRC} // "$FindBin::Bin/../..") . '/test/lib';
my ($db, $owner) = ('app', 'pipeline_owner');

sub as {
    my ($role, $sql) = @_;
    return $node->safe_psql($db, $sql, extra_params => ['-U', $role]);
}
my $read = 0;

# What has been planted and has run since the last look: "author current superuser", counted.
sub ran {
    my $log = slurp_file($node->logfile, $read);
    $read += length $log;
    my %ran;
    $ran{"$1 as $3" . ($4 eq 't' ? ', a superuser' : '')}++ while $log =~ /planted by (\S+): session (\S+), current (\S+), superuser ([tf])/g;
    return \%ran;
}

# Of those, what ran as anybody but its author.
sub strangers {
    my ($ran) = @_;
    return join '; ', sort grep { !/^(\S+) as \1$/ } keys %$ran;
}

# The cast of the play. Everybody may create schemas, and in public.
$node->safe_psql('postgres', "CREATE ROLE database_owner LOGIN; CREATE DATABASE $db OWNER database_owner");
$node->safe_psql($db, qq{
    CREATE ROLE reader LOGIN; CREATE ROLE operator LOGIN; CREATE ROLE admin LOGIN; CREATE ROLE stranger LOGIN;
    GRANT CREATE ON DATABASE $db TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC;
    CREATE EXTENSION pg_trgm;
    CREATE EXTENSION scout_ir});
as('database_owner', q{
    CREATE SCHEMA cron;
    CREATE FUNCTION cron.planted() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
        RAISE LOG 'planted by database_owner: session %, current %, superuser %', session_user, current_user,
            (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user); RETURN true; END$$;
    CREATE VIEW cron.job AS SELECT 1 AS jobid, 'scout_ir load' AS jobname, cron.planted() AS active, current_database() AS database;
    GRANT USAGE ON SCHEMA cron TO PUBLIC; GRANT SELECT ON cron.job TO PUBLIC});
$node->safe_psql($db, qq{
    SELECT scout.create_pipeline('$owner');
    SELECT scout.grant_access('reader', 'reader'); SELECT scout.grant_access('operator', 'operator'); SELECT scout.grant_access('admin', 'admin')});

# Planted beside the extension.
my %place = (reader => 'of_reader', operator => 'of_operator', admin => 'of_admin', $owner => 'of_owner', database_owner => 'of_database_owner', stranger => 'public');
for my $author (sort keys %place) {
    my $place = $place{$author};
    as($author, "CREATE SCHEMA $place; GRANT USAGE ON SCHEMA $place TO PUBLIC") if $place ne 'public';
    $node->command_ok(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', "place=$place", '-U', $author, '-d', $node->connstr($db), '-f', "$lib/planted_objects.sql"],
        "$author plants in $place");
    for my $schema ('scout', 'scout_internal') {
        for my $what ('FUNCTION %s.now() RETURNS int LANGUAGE sql RETURN 1', 'DOMAIN %s.text AS text', 'TYPE %s.planted AS ENUM ()', 'TABLE %s.planted ()',
            'OPERATOR %s.= (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text)', 'TYPE %s.planted AS RANGE (SUBTYPE = int8)', 'VIEW %s.planted AS SELECT 1') {
            my ($code, undef, $error) = $node->psql($db, 'CREATE ' . sprintf($what, $schema), extra_params => ['-U', $author]);
            like($error, qr/permission denied for schema $schema/, "$author cannot CREATE " . sprintf $what, $schema) if $code != 0 || fail("$author: $what");
        }
    }
}

# Planted on the tables, by their owner: what he may, and, as after a migration in which he might, indexes.
$node->safe_psql($db, "GRANT CREATE ON SCHEMA scout TO $owner");
as($owner, q{
    INSERT INTO scout.dim_product (product_id, product_name, brand_name, category) VALUES ('P1', 'cola', 'b', 'c'), ('P2', 'juice', 'b', 'c');
    INSERT INTO scout.dim_store (store_id) VALUES ('S1');
    CREATE FUNCTION of_owner.on_row() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM of_owner.planted('row'); RETURN NEW; END$$;
    DO $$
    DECLARE t record;
    BEGIN
        FOR t IN SELECT c.oid::regclass AS name, c.relkind, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT 1) AS first
                 FROM pg_class c WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind IN ('r', 'm') AND c.relowner = 'pipeline_owner'::regrole
        LOOP
            EXECUTE format('CREATE STATISTICS of_owner.%I ON (of_owner.planted(''folded'')::int + length(%I::text)), %2$I FROM %s', 'statistics of ' || t.name, t.first, t.name);
            EXECUTE format('CREATE INDEX ON %s (%I) WHERE of_owner.planted(''folded'')', t.name, t.first);
            EXECUTE format('CREATE INDEX ON %s ((of_owner.planted(''folded'')::int + length(%I::text)))', t.name, t.first);
            CONTINUE WHEN t.relkind = 'm';
            EXECUTE format('CREATE TRIGGER planted BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION of_owner.on_row()', t.name);
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT planted CHECK (of_owner.planted(''checked''))', t.name);
            EXECUTE format('CREATE POLICY planted ON %s USING (of_owner.planted(''policy''))', t.name);
        END LOOP;
    END$$;
    CREATE VIEW of_owner.looked_at AS SELECT now() AS at, of_owner.planted('viewed') AS ok FROM scout.silver_transactions;
    GRANT SELECT ON of_owner.looked_at TO PUBLIC;
    CREATE MATERIALIZED VIEW of_owner.gold AS SELECT store_id, of_owner.planted('gold'), count(*) FROM scout.silver_transactions GROUP BY 1;
    CREATE STATISTICS of_owner.of_gold ON (of_owner.planted('folded')::int + length(store_id)), store_id FROM of_owner.gold;
    SELECT scout.register_gold('of_owner.gold');
    SELECT scout.register_dataset('gold', 'of_owner.looked_at', 'at', '1 day', '2 days', name => 'viewed');
    SELECT scout.add_quality_rule('of_owner', relation => 'scout.silver_transactions', predicate => 'of_owner.planted(''rule'')')});
$node->safe_psql($db, "REVOKE CREATE ON SCHEMA scout FROM $owner");
as('admin', q{
    CREATE TABLE of_admin.mine AS SELECT now() AS at, 'a' AS source;
    GRANT SELECT ON of_admin.mine TO PUBLIC;
    SELECT scout.register_dataset('bronze', 'of_admin.mine', 'at', '1 day', '2 days', filter => 'of_admin.planted(source)', name => 'filtered');
    SELECT scout.add_quality_rule('of_admin', relation => 'of_admin.mine', predicate => 'of_admin.planted(''rule'')')});

# Events in every state, so that there is work for each call.
sub events {
    my ($from, $to) = @_;
    return "INSERT INTO scout.bronze_events (source_system, event_data) SELECT 'pos', e.event_data FROM (" . event_sql($from, $to) . ') e';
}
as($owner, events(1, 90) . '; SELECT scout.load_silver_from_bronze(60); ANALYZE');
as($owner, q{SELECT scout.silence(source => 'job', duration => '1 hour', reason => 'r')});
as('operator', 'SELECT scout.load_backlog(max_events => 10, wait => false)');
$node->poll_query_until($db, q{SELECT state = 'succeeded' FROM scout.job(1)}) or die 'no worker did job 1';

# Calls. What must be called is the catalogue's matter: a public function without arguments here fails the test.
my $window = "start_ts => '2020-01-01', end_ts => '2100-01-01'";
my %calls = (
    accept_gate => [''], acknowledge_alerts => ["source => 'job'"], alert_list => [''], apply_retention => [''], backlog => ['', "'pos'"], built_in_rules => [''],
    add_quality_rule => ["'new', relation => 'scout.silver_transactions', predicate => 'item_count < 0'", "'new', query => 'SELECT 1 FROM scout.silver_transactions'"],
    cancel_job => ['1'], check_alerts => [''], clear_backlog => ["older_than => '0'"], clear_stuck_locks => [''], create_pipeline => [''],
    compare_layers => ["'scout.bronze_events', 'scout.silver_transactions', '{event_id}', target_key => '{source_event_id}', dead_letters => 'scout.bronze_events_dlq', dead_letter_key => '{event_id}'",
        "'of_owner.looked_at', 'of_owner.looked_at', '{at}'"],
    control_ingestion => ["'status'", "'pause'", "'resume', all_holders => true"], data_quality_report => ['24'],
    dependency_chain => ["'scout.gold_daily_metrics'", "'scout.bronze_events'", "'of_owner.gold'"], dlq_purge => ["older_than => '0'"],
    dlq_redrive => ['', 'dry_run => true'], dlq_resolve => ["'r', failed_before => '2100-01-01'"], dlq_summary => [''], drop_quality_rule => ["'of_admin'"],
    emergency_reset => ["drain_timeout => '1 s'"], etl_performance => [''], event_hash => [q{'{"a": 1}'}], freshness => [''], gold_freshness => [''],
    grant_access => ["'reader', 'stranger'"], ingest_event => [q{'{"transaction_id": "new"}'}], ingest_events => [q{'[{"transaction_id": "new"}]'}],
    ingest_freshness => [''], ingest_latency => ['24'], ingestion_status => [''], job => ['1'], link_products_to_catalog => [''], load_backlog => [''],
    load_silver_from_bronze => [''], locks => [''], maintain => ["'scout.silver_transactions', 'analyze'"], maybe_refresh_gold => [''], pipeline_throughput => ['24'],
    product_linking_stats => [''], protect_sessions => ["'stranger', reason => 'r'"], quality_alerts => [''], quality_history => ["'negative_total'"],
    quarantine_events => ["'{1}', 'r'"], quarantine_failures => ["'negative_total'"], quarantine_window => ["$window, reason => 'r'"],
    reconcile => ['', $window], refresh_gold_platinum => ['', 'force => true'],
    register_dataset => ["'silver', 'scout.silver_transactions', 'processed_at', '1 day', '2 days', filter => 'item_count > 0', name => 'new'"],
    register_gold => ["'of_owner.gold'"], reprocess_bronze_window => [$window, "$window, dry_run => true"], resume_job => ['1'], revoke_access => ["'reader', 'stranger'"],
    run_quality_rules => ['24'], schedule_jobs => [''], set_quality_rule => ["'of_admin', enabled => true"], set_rule => ["'NEGATIVE_TOTAL', true"],
    set_verification_threshold => ["'stuck_locks', 1, 2"], silence => ["source => 'job', duration => '1 hour', reason => 'r'"], smoke_test => [''], supervise => [''],
    unmatched_products => [''], unprotect_sessions => ["'stranger'"], unregister_dataset => ["'filtered'"], unregister_gold => ["'of_owner.gold'"], unschedule_jobs => [''],
    unsilence => ['1'], verify_recovery => [''], volume => [''], wait_for_job => ["1, '1 ms'"]);
my @public = split /\n/, $node->safe_psql($db, q{SELECT DISTINCT p.proname FROM pg_proc p WHERE p.pronamespace = 'scout'::regnamespace ORDER BY 1});
is_deeply([sort keys %calls], \@public, 'every public function is called');
my @views = split /\n/, $node->safe_psql($db, q{SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind = 'v' ORDER BY 1});
cmp_ok(@views, '>', 15, 'so is every view');
my @looks = ((map { my $f = $_; map { "scout.$f($_)" } @{ $calls{$f} } } @public), map { "scout.$_" } @views);
my $of_ones_own = qr/^scout.(add_quality_rule|register_dataset)\(/;  # plans the caller's own SQL about a table

# The marks come: otherwise nothing below would mean anything.
is(strangers(ran()), '', 'nor did it in making and loading the pipeline, and in a worker');
as($owner, "EXPLAIN SELECT FROM scout.silver_transactions WHERE store_id = 'x'");
is_deeply([keys %{ ran() }], ["$owner as $owner"], 'planning a look at the table runs code of its owner');
$node->safe_psql($db, "EXPLAIN SELECT FROM scout.silver_transactions WHERE store_id = 'x'");
is_deeply([keys %{ ran() }], ["$owner as postgres, a superuser"], 'with the rights of whoever plans by hand');
$node->safe_psql($db, 'SET search_path = of_reader, pg_catalog; SELECT now()');
is_deeply([keys %{ ran() }], ['reader as postgres, a superuser'], 'and a statement by hand finds what is planted first in the search_path');

# Everything, by everybody, in a transaction of its own that is rolled back; errors are the callee's answer. All in one
# session, and with `anew` in a session each: plans and relations are looked at for the first time there.
for my $caller ('reader', 'operator', 'admin', $owner, 'postgres') {
    for my $author (sort keys %place) {
        my $path = $place{$author} eq 'public' ? 'public, pg_catalog' : "$place{$author}, public, pg_catalog";
        # In every form with the objects of the tables' owner, who can do most.
        my @forms = $author eq $owner ? ('SELECT * FROM %s', 'EXPLAIN (VERBOSE) SELECT * FROM %s', 'SELECT %s') : ('SELECT * FROM %s');
        my $script = "SET search_path = $path;\n";
        for my $look (grep { $caller ne 'admin' || !/$of_ones_own/ } @looks) {
            $script .= sprintf("BEGIN; $_; ROLLBACK;\n", $look) for @forms;
        }
        $script =~ s/SELECT (scout\.\w+);/SELECT FROM $1;/g;
        my $said = '';
        $node->psql($db, $script, extra_params => ['-U', $caller], on_error_stop => 0, stderr => \$said);
        my $ran = ran();
        is(strangers($ran), '', "$caller calls everything, $author\'s objects first: nothing runs as anybody but its author");
        cmp_ok($ran->{"$owner as $owner"} // 0, '>', 20, 'and the looks were looks at the tables');
        is(join("\n", grep { /ERROR/ && !/pg_cron|job 1 has/ } split /\n/, $said), '', 'all calls did what they are for') if $caller eq 'postgres';
    }
}
for my $caller ('reader', 'postgres') {
    for my $look (@looks) {
        $node->psql($db, "BEGIN; SELECT * FROM $look; ROLLBACK", extra_params => ['-U', $caller], on_error_stop => 0);
    }
    is(strangers(ran()), '', "$caller, a session to each call");
}

# What a caller has planted in his own session.
for my $caller ('reader', 'operator', 'admin') {
    my $script = "\\set place pg_temp\n\\i $lib/planted_objects.sql\n" . join '', map { "BEGIN; SELECT * FROM $_; ROLLBACK;\n" } grep { !/$of_ones_own/ } @looks;
    $node->psql($db, $script, extra_params => ['-U', $caller], on_error_stop => 0);
    is(strangers(ran()), '', "$caller\'s temporary objects");
}

# What it has left behind for the commit, where the caller is himself again.
as($owner, q{
    CREATE FUNCTION of_owner.at_commit() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM of_owner.planted('left behind'); RETURN NULL; END$$;
    CREATE FUNCTION of_owner.leave_behind() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
        CREATE TEMPORARY TABLE IF NOT EXISTS left_behind (a int);
        CREATE CONSTRAINT TRIGGER left_behind AFTER INSERT ON pg_temp.left_behind DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION of_owner.at_commit();
        INSERT INTO pg_temp.left_behind VALUES (1);
        RETURN true;
    EXCEPTION WHEN OTHERS THEN RETURN false; END$$;
    CREATE FUNCTION of_owner.folded() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN of_owner.leave_behind(); END$$;
    CREATE STATISTICS of_owner.leave_by_silver ON (of_owner.folded()::int + length(store_id)), store_id FROM scout.silver_transactions;
    CREATE STATISTICS of_owner.leave_by_gold ON (of_owner.folded()::int + length(store_id)), store_id FROM of_owner.gold});
ran();
$node->psql($db, 'SELECT count(*) FROM of_owner.gold');
is(strangers(ran()), "$owner as postgres, a superuser", 'a statement by hand runs at its commit what its planning has left behind');
for my $caller ('operator', 'postgres') {
    $node->psql($db, "BEGIN; SELECT * FROM $_; COMMIT", extra_params => ['-U', $caller])
        for 'scout.refresh_gold_platinum(true)', 'scout.reconcile()', 'scout.load_backlog()', 'scout.smoke_test()', 'scout.freshness()', 'scout.run_quality_rules(24)',
            'scout.link_products_to_catalog()', "scout.reprocess_bronze_window($window)", 'scout.emergency_reset()';
    is(strangers(ran()), '', "$caller commits, and nothing was left behind");
}

# Maintenance, which a worker commits: with the rights of the tables' owner or, for a new index, of the extension's,
# over statistics, partial and expression indexes that call what is planted.
my @tables = split /\n/, $node->safe_psql($db, q{
    SELECT format('%s|{%s}', c.oid::regclass, (SELECT string_agg(quote_ident(a.attname), ',' ORDER BY a.attnum DESC) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum IN (1, 2, 3)))
    FROM pg_class c WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind IN ('r', 'm') AND c.relowner = 'pipeline_owner'::regrole ORDER BY 1});
cmp_ok(@tables, '>', 5, 'there are tables to maintain');
for my $table (@tables) {
    my ($name, $columns) = split /\|/, $table;
    for my $action ("'index', '$columns'", "'reindex'", "'vacuum analyze'") {
        ran();
        my $job = as('operator', "SELECT job_id FROM scout.maintain('$name', $action)");
        $node->poll_query_until($db, "SELECT state IN ('succeeded', 'failed') FROM scout.job($job)") or die "job $job does not end";
        is($node->safe_psql($db, "SELECT concat_ws(' ', state, error_message) FROM scout.job($job)"), 'succeeded', "maintain($name, $action)");
        is_deeply([keys %{ ran() }], ["$owner as $owner"], "runs the owner's code as the owner, and no other");
    }
}

# SQL of an admin's about a table of the owner's is the admin's: it runs as he, whoever starts it, and so does what
# stands on the table. Neither gets the caller's rights.
as('admin', q{
    SELECT scout.register_dataset('silver', 'scout.silver_transactions', 'processed_at', '1 day', '2 days', filter => 'of_admin.planted(store_id)', name => 'filtered silver');
    SELECT scout.add_quality_rule('of_admin_silver', relation => 'scout.silver_transactions', predicate => 'of_admin.planted(''rule'')')});
is(strangers(ran()), "$owner as admin", 'an admin plans his own SQL');
for my $caller ('reader', 'operator', $owner, 'postgres') {
    $node->psql($db, "BEGIN; SELECT * FROM scout.$_; ROLLBACK", extra_params => ['-U', $caller])
        for 'freshness()', 'volume()', 'run_quality_rules(24)', 'check_alerts()';
    my $ran = ran();
    is(strangers($ran), "$owner as admin", "and $caller runs it with the admin's rights");
    ok($ran->{'admin as admin'}, 'it did run');
}

# The catalogue after all that.
is($node->safe_psql($db, q{
    SELECT pg_describe_object(o.classid, o.objid, 0) FROM (
        SELECT 'pg_proc'::regclass AS classid, oid AS objid, pronamespace AS schema FROM pg_proc UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace FROM pg_operator
        UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace FROM pg_opclass UNION ALL SELECT 'pg_collation'::regclass, oid, collnamespace FROM pg_collation
        UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace FROM pg_conversion
        UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typnamespace FROM pg_type t LEFT JOIN pg_type e ON e.typarray = t.oid
                  LEFT JOIN pg_class c ON c.oid = coalesce(e.typrelid, t.typrelid) WHERE c.relkind IS NULL OR c.relkind = 'c') o
    WHERE o.schema::regnamespace::text IN ('scout', 'scout_internal')
      AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'scout_ir'
                      WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid = o.classid AND d.objid = o.objid)}),
    '', 'no function, operator or type in our schemas that is not the extension\'s');
is($node->safe_psql($db, q{
    SELECT n.nspname || ' ' || a.grantee::regrole FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
    WHERE n.nspname IN ('scout', 'scout_internal') AND a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner}), '', 'and nobody may create there but its owner');

$node->stop;
done_testing();
