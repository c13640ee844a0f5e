# Dump and restore carry the pipeline; DROP EXTENSION leaves it, and it goes on after both.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('dump');
my $folder = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', 'CREATE DATABASE here');
pipeline($node, 'here');
my @tables = qw(bronze_events bronze_event_keys bronze_pending bronze_deletions pipeline_pauses bronze_events_dlq
    silver_transactions silver_line_items dim_store dim_product bronze_ingestion_batches
    etl_runs timeline rule_overrides quality_warnings gold_refreshes registered_gold job_records job_workers job_chunks protected_sessions gold_daily_metrics gold_region_choropleth
    alerts silences alert_checks);

sub insert { 'INSERT INTO scout.bronze_events (event_data) SELECT event_data FROM (' . event_sql(@_) . ') e' }
sub sql { $node->safe_psql($_[0], "SET client_min_messages = error; $_[1]") }

# Something of everything.
sql('here', q{
    CREATE ROLE looker; CREATE ROLE oncall;
    SELECT scout.grant_access('reader', 'looker'); SELECT scout.grant_access('operator', 'oncall');
    GRANT SELECT ON scout.dim_store TO looker WITH GRANT OPTION;
    SELECT scout.set_rule('AMOUNT_ABOVE_LIMIT', threshold => 25);
    SELECT scout.protect_sessions('oncall', 'payroll', 'pays people');
    SELECT scout.register_gold('scout.gold_daily_metrics', '1 hour', '2 hours');
    INSERT INTO scout.dim_store VALUES ('S1', 'First', 'North');
    INSERT INTO scout.dim_product (product_id) VALUES ('P1');
    INSERT INTO scout.bronze_ingestion_batches (payload) VALUES ('{}');});
sql('here', insert(1, 1500));
sql('here', 'SELECT scout.load_silver_from_bronze(1000)');
sql('here', q{SELECT scout.quarantine_events(ARRAY[3, 4, 5], 'looked odd');
    SELECT scout.dlq_resolve('never mind', dlq_ids => (SELECT array_agg(dlq_id) FROM scout.bronze_events_dlq WHERE event_id = 5));
    DELETE FROM scout.bronze_events WHERE event_id = 7;
    SELECT scout.refresh_gold_platinum();
    SELECT scout.control_ingestion('pause', 'night', holder => 'ada');
    SELECT scout.control_ingestion('pause', 'till 4 is off', 'till', expires_after => '2 days', holder => 'bob');});

# A job that had not come to its end when the dump was made.
sql('here', q{SELECT scout.reprocess_bronze_window('-infinity', 'infinity'); SELECT scout.refresh_gold_platinum()});
sql('here', q{UPDATE scout_internal.job_records SET state = 'queued', finished_at = NULL WHERE kind = 'reprocess_bronze_window';
    INSERT INTO scout_internal.job_chunks (job_id, chunk_no, first_id, last_id)
        SELECT job_id, 1, 1, 1500 FROM scout_internal.job_records WHERE kind = 'reprocess_bronze_window'});
sql('here', q{SELECT scout.check_alerts(); SELECT scout.silence(everything => true, duration => '1 day', reason => 'dump')});
my $job = sql('here', q{SELECT job_id FROM scout_internal.job_records WHERE kind = 'reprocess_bronze_window'});

sub content {
    my ($db) = @_;
    my %rows;
    for (@tables) {
        my $from = $node->safe_psql($db, qq{SELECT coalesce(to_regclass('scout_internal.$_'), to_regclass('scout.$_'))});
        $rows{$_} = $node->safe_psql($db, qq{SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM $from t});
    }
    return \%rows;
}
# The functions' and relations' privileges, owners, triggers, sequences: what the catalogue says.
my %catalogue = (
    'privileges' => q{SELECT string_agg(x, E'\n' ORDER BY x) FROM (
        SELECT p.oid::regprocedure || ' ' || a::text AS x FROM pg_proc p, unnest(p.proacl) a WHERE p.pronamespace = 'scout'::regnamespace
        UNION ALL SELECT c.relname || ' ' || a::text FROM pg_class c, unnest(c.relacl) a WHERE c.relnamespace = 'scout'::regnamespace
        UNION ALL SELECT n.nspname || ' ' || a::text FROM pg_namespace n, unnest(n.nspacl) a WHERE n.nspname = 'scout') y},
    'owners' => q{SELECT string_agg(relname || ' ' || relowner::regrole, E'\n' ORDER BY relname) FROM pg_class
        WHERE relnamespace = 'scout'::regnamespace},
    'triggers' => q{SELECT string_agg(tgname || ' ' || tgenabled::text || ' ' || (SELECT count(*) FROM pg_depend d WHERE d.objid = t.oid
        AND d.deptype = 'x'), E'\n' ORDER BY tgname) FROM pg_trigger t WHERE tgname LIKE 'zz_scout%'},
    'sequences' => q{SELECT string_agg(sequencename || ' ' || coalesce(last_value::text, '-'), E'\n' ORDER BY sequencename)
        FROM pg_sequences WHERE schemaname = 'scout'},
    'members' => q{SELECT string_agg(pg_describe_object(classid, objid, 0), E'\n' ORDER BY 1) FROM (SELECT classid, objid FROM pg_depend
        WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'scout_ir')) d});
$catalogue{members} =~ s/ORDER BY 1/ORDER BY pg_describe_object(classid, objid, 0)/;

# Custom format into a new database.
command_ok(['pg_dump', '-Fc', '-f', "$folder/all", '-d', $node->connstr('here')], 'pg_dump');
sql('postgres', 'CREATE DATABASE there');
command_ok(['pg_restore', '--exit-on-error', '-d', $node->connstr('there'), "$folder/all"], 'pg_restore into a new database');
is_deeply(content('there'), content('here'), 'every table has the same rows');
is(sql('there', $catalogue{$_}), sql('here', $catalogue{$_}), "the same $_") for sort keys %catalogue;
is(sql('there', $count_states), sql('here', $count_states), 'the same states');
is(broken($node, 'there'), broken($node, 'here'), 'reconcile says the same');
is(sql('there', 'SELECT events_processed FROM scout.load_silver_from_bronze()'), '0', 'the restored database is paused');
is(sql('there', q{SELECT string_agg(paused_by, ' ' ORDER BY paused_by) FROM scout.ingestion_status()}), 'ada bob', 'by the same people');
is(sql('there', 'SELECT count(*) > 0 AND bool_and(silenced) FROM scout.v_alerts'), 't', 'alerts are there, and silenced as before');
is(sql('here', "SELECT state FROM scout.job($job)"), 'queued', 'a job waits in the original');
is(sql('there', "SELECT state FROM scout.job($job)"), 'interrupted', 'the copy of the job does not start by itself');
sql('there', "SELECT scout.resume_job($job)");
is(sql('there', "SELECT state FROM scout.wait_for_job($job)"), 'succeeded', 'but somebody may have it go on there');
sql('here', "SELECT scout.resume_job($job)");
is(sql('here', "SELECT state FROM scout.wait_for_job($job)"), 'succeeded', 'as in the original');
is(sql('there', q{SELECT threshold FROM scout.built_in_rules() WHERE code = 'AMOUNT_ABOVE_LIMIT'}), '25.0000', 'with the same rule');

is(sql('there', q{SELECT string_agg(DISTINCT state || '|' || warn_after, ' ' ORDER BY state || '|' || warn_after) FROM scout.gold_freshness() WHERE last_refresh IS NOT NULL}),
    'stale|00:10:00 stale|01:00:00', 'what restored gold was built from is not known');

sub go_on {
    my ($db) = @_;
    sql($db, q{SELECT scout.control_ingestion('resume', all_holders => true)});
    sql($db, insert(1400, 1700));
    load_all($node, $db);
    return;
}
go_on($_) for 'here', 'there';
ok(silver($node, 'there') eq silver($node, 'here'), 'loading goes on as in the original');
is(letters($node, 'there'), letters($node, 'here'), 'with the same dead letters');
is(sql('there', 'SELECT count(*) FROM scout.bronze_events'), '1699', 'events known before the dump are refused');
is(sql('there', 'SET ROLE oncall; SELECT events_processed FROM scout.load_silver_from_bronze()'), '0', 'the operator still may');
like(($node->psql('there', 'SET ROLE looker; SELECT * FROM scout.load_silver_from_bronze()'))[2], qr/permission denied/, 'the reader still may not');

# DROP EXTENSION and back.
sql('there', insert(2000, 2100));
my $user_rows = sub { my $c = content($_[0]); delete @$c{qw(etl_runs timeline rule_overrides quality_warnings gold_refreshes registered_gold job_records job_workers job_chunks protected_sessions
    alerts silences alert_checks)}; return $c };
my $kept = $user_rows->('there');
$kept->{silver} = silver($node, 'there');
sql('there', 'DROP EXTENSION scout_ir');
is(sql('there', q{SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zz_scout%'}), '0', 'the triggers go with the extension');
my ($code, undef, $error) = $node->psql('there', insert(3000, 3001));
isnt($code, 0, 'an insert without the extension fails');
like($error, qr/null value in column "event_hash"/, 'closed, by NOT NULL');
# Somebody brings a hash of his own: queued later.
sql('there', q{INSERT INTO scout.bronze_events (event_id, event_data, event_hash) SELECT 900001, event_data || '{"transaction_id": "hand"}',
    decode(md5('hand'), 'hex') FROM scout.bronze_events LIMIT 1});
sql('there', 'DELETE FROM scout.bronze_events WHERE event_id = 900001');
is(sql('there', 'SELECT count(*) > 0 FROM scout.silver_transactions JOIN scout.silver_line_items USING (transaction_id)'), 't',
    'the user reads silver without the extension');
sql('there', q{CREATE EXTENSION scout_ir; SELECT scout.grant_access('admin', 'pipeline_owner')});
is(create_pipeline($node, 'there', q{string_agg(DISTINCT status, ' ' ORDER BY status) FILTER (WHERE kind <> 'trigger')}),
    'adopted seeded', 'create_pipeline adopts everything');
my $now = $user_rows->('there');
$now->{silver} = silver($node, 'there');
is_deeply($now, $kept, 'every user row is where it was');
sql('there', insert(3000, 3100));
load_all($node, 'there');
is(sql('there', 'SELECT scout.backlog()'), '0', 'and loading goes on');
sql('here', insert(2000, 2100));
sql('here', insert(3000, 3100));
load_all($node, 'here');
ok(silver($node, 'there') =~ s/"source_event_id": \d+//gr eq silver($node, 'here') =~ s/"source_event_id": \d+//gr, 'as in the original');

# Rows only, into tables that are there: pg_dump --data-only, with and without the triggers.
command_ok(['pg_dump', '-Fc', '--data-only', '-n', 'scout', '-f', "$folder/data", '-d', $node->connstr('here')], 'pg_dump --data-only');
for my $how (['triggers disabled', '--disable-triggers'], ['triggers enabled']) {
    my ($name, @options) = @$how;
    my $db = $name =~ s/ /_/r;
    sql('postgres', "CREATE DATABASE $db");
    pipeline($node, $db);
    sql($db, 'TRUNCATE scout_internal.timeline');  # of making the pipeline here: the dump brings its own
    command_ok(['pg_restore', '--exit-on-error', '--single-transaction', @options, '-d', $node->connstr($db), "$folder/data"],
        "data-only restore, $name");
    create_pipeline($node, $db);
    is(sql($db, $count_states), sql('here', $count_states), "$name: the same states after create_pipeline");
    is(broken($node, $db), broken($node, 'here'), "$name: reconcile says the same");
    is(sql($db, q{SELECT string_agg(DISTINCT tgenabled::text, '') FROM pg_trigger WHERE tgname LIKE 'zz_scout%'}), 'A',
        "$name: the triggers fire always");
    ok(silver($node, $db) eq silver($node, 'here'), "$name: the same silver");
    sql($db, insert(4000, 4050));
    sql($db, insert(1, 50));
    is(sql($db, 'SELECT scout.backlog() >= 51'), 't', "$name: new events are queued");
    load_all($node, $db);
    is(sql($db, q{SELECT count(*) FROM scout.bronze_events WHERE event_data ->> 'customer_id' = 'C4001'}), '1', "$name: new events are in");
    is(broken($node, $db), broken($node, 'here'), "$name: and it goes on");
}

$node->stop;
done_testing();
