# With whose rights jobs run: nothing runs, or is planned, as a superuser for somebody else; who may start what;
# what is seen where a job cannot start.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use JobsTest;
use ScoutTest;
use Test::More;
use Time::HiRes ();

# With an installation in a directory of its own, only $libdir leads there.
my $staged = $ENV{TEMP_CONFIG} && slurp_file($ENV{TEMP_CONFIG}) =~ /extension_destdir/;
my $preload = "shared_preload_libraries = '" . ($staged ? '$libdir/scout_ir' : 'scout_ir') . "'\n";
my $db = 'postgres';

my $node = new_node('job_roles', $preload . "scout_ir.supervisor_naptime = 1\nlog_min_messages = debug1\nmax_worker_processes = 16\n"
    . "log_line_prefix = '%m [%p] <%b> '\n");
my $superuser = $node->safe_psql($db, 'SELECT current_user');
my $postgres = $node->safe_psql($db, "SELECT oid FROM pg_database WHERE datname = '$db'");
my $passes_nologin = $node->safe_psql($db, q{SELECT current_setting('server_version_num')::int >= 170000}) eq 't';
pipeline($node, $db);
$node->reload;  # the supervisor looks at all databases at once

sub one { my ($sql, $in) = @_; return $node->safe_psql($in // $db, "SET client_min_messages = error; $sql"); }
sub error_of { my ($sql) = @_; my ($rc, $out, $err) = $node->psql($db, "\\set VERBOSITY verbose\n$sql"); return $err; }
sub until_true { my ($sql, $what) = @_; return ok($node->poll_query_until($db, $sql), $what); }
sub arrive { my ($from, $to) = @_; return one('INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql($from, $to)); }
sub ticks { return scalar(() = slurp_file($node->logfile) =~ /starting background worker process "scout_ir tick of database $postgres"/g); }
sub rounds {  # waits until the database was looked at so often again
    my $wanted = ticks() + shift;
    for (1 .. 3000) { return if ticks() >= $wanted; Time::HiRes::usleep(20_000); }
    die 'the supervisor does not look';
}
sub quiet { until_true('SELECT bool_and(finished_at IS NOT NULL) FROM scout_internal.job_records', 'nothing is at work'); return; }
sub job { my ($job, $what) = @_; return one("SELECT $what FROM scout.job($job)"); }

subtest 'what the owner plants is never run as a superuser' => sub {
    # A function that looks who it is and tries to become a superuser, in the log of the server, which no rollback
    # takes back. Planning runs it: it is in the statistics and in the condition of an index of every table.
    one(q{
        CREATE SCHEMA plant AUTHORIZATION pipeline_owner;
        SET ROLE pipeline_owner;
        CREATE FUNCTION plant.look(place text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
        DECLARE
            god text := (SELECT a.rolname FROM pg_roles a WHERE a.oid = 10);
            escaped text := '';
            way text;
        BEGIN
            FOREACH way IN ARRAY ARRAY['session_authorization', 'role'] LOOP
                BEGIN
                    PERFORM set_config(way, god, false);
                    escaped := escaped || way;
                EXCEPTION WHEN OTHERS THEN NULL;
                END;
            END LOOP;
            RAISE LOG 'planted in %: current % superuser % session % escaped "%".', place, current_user,
                (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user), session_user, escaped;
            RETURN place;
        END $$;
        RESET ROLE;
        DO $$
        DECLARE
            t record;
        BEGIN
            FOR t IN SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
                     WHERE n.nspname = 'scout' AND c.relkind IN ('r', 'm') AND c.relowner = 'pipeline_owner'::regrole LOOP
                EXECUTE format('CREATE STATISTICS plant.%I ON (CASE WHEN %I IS NULL THEN plant.look(%L) ELSE %L END) FROM scout.%I',
                               'of_' || t.relname, t.attname, t.relname, 'x', t.relname);
                EXECUTE format('CREATE INDEX ON scout.%I (%I) WHERE plant.look(%L) IS NOT NULL', t.relname, t.attname, t.relname);
            END LOOP;
        END $$});
    one('ALTER ROLE pipeline_owner NOLOGIN') if $passes_nologin;
    my $from = -s $node->logfile;
    my $planted = sub { my ($who) = @_; return grep { /<$who>.* planted in / } split /\n/, slurp_file($node->logfile, $from); };
    arrive(1, 100);
    one("ALTER DATABASE $db SET scout_ir.$_ = '1s'") for qw(load_interval refresh_interval alert_interval);
    until_true('SELECT scout.backlog() = 0', 'the supervisor has the events loaded');
    until_true(q{SELECT count(DISTINCT kind) = 3 FROM scout.jobs WHERE scheduled AND state = 'succeeded'}, 'gold refreshed, and alerts looked for');
    rounds(2);
    one("ALTER DATABASE $db RESET scout_ir.$_") for qw(load_interval refresh_interval alert_interval);
    quiet();
    for my $who ('scout_ir tick', 'scout_ir job') {
        my @seen = $planted->($who);
        cmp_ok(scalar @seen, '>', 0, "$who: it was run");
        is(scalar(grep { !/ current pipeline_owner superuser f / } @seen), 0, "$who: as the owner only") or diag($seen[0]);
        is(scalar(grep { !/ escaped ""\.$/ } @seen), 0, "$who: and cannot be more");
    }
    is(scalar(grep { !/ session pipeline_owner / } $planted->('scout_ir job')), 0, 'workers are sessions of the owner');

    # The same by hand: supervise() of a superuser.
    arrive(101, 200);
    $from = -s $node->logfile;
    my $call = q{SET scout_ir.load_interval = '1s'; SET scout_ir.refresh_interval = '1s'; SET scout_ir.alert_interval = '1s';
        UPDATE scout_internal.job_records SET started_at = started_at - interval '1 min';};
    like(one("$call SELECT task, outcome FROM scout.supervise()"), qr/load\|queued/, 'supervise() by a superuser');
    my @seen = grep { / session \Q$superuser\E / } $planted->('client backend');
    cmp_ok(scalar @seen, '>', 0, 'supervise(): it was run');
    is(scalar(grep { !/ current pipeline_owner superuser f / } @seen), 0, 'supervise(): as the owner only') or diag($seen[0]);
    is(scalar(grep { !/ escaped ""\.$/ } @seen), 0, 'supervise(): and cannot be more');
    until_true('SELECT scout.backlog() = 0', 'the events are loaded');
    quiet();
    one('DROP SCHEMA plant CASCADE; ALTER ROLE pipeline_owner LOGIN');
    is(broken($node, $db), '', 'reconcile balances');
};

subtest 'an owner who may not log in' => sub {
    one('ALTER ROLE pipeline_owner NOLOGIN');
    one("ALTER DATABASE $db SET scout_ir.load_interval = '1s'");
    arrive(201, 300);
    if ($passes_nologin) {
        until_true('SELECT scout.backlog() = 0', 'his workers pass NOLOGIN by');
        quiet();
        one('ALTER ROLE pipeline_owner LOGIN CONNECTION LIMIT 0');
    } else {
        my $failed = q{SELECT job_id FROM scout.jobs WHERE scheduled AND state = 'failed'};
        until_true("SELECT EXISTS ($failed)", 'his job has failed');
        my $job = one($failed);
        is(job($job, 'error_sqlstate, error_message, error_hint, attempts'),
            '28000|role "pipeline_owner" is not permitted to log in|ALTER ROLE pipeline_owner LOGIN CONNECTION LIMIT 0: workers log in, clients do not.|0',
            'and says why, and what to do');
        my $finished = job($job, 'finished_at');
        rounds(3);
        is(one($failed), $job, 'there is one row of it');
        is(job($job, 'finished_at'), $finished, 'which is not written again and again');
        is(job_log($node, qq{LOG:  scout_ir job $job failed: role "pipeline_owner" is not permitted to log in}), 1, 'nor is the log');
        is(job_log($node, 'FATAL:.*role "pipeline_owner" is not permitted to log in'), 0, 'no worker was even tried');
        is(one(q{SELECT count(*) FROM scout.supervise() WHERE task = 'load'}), 0, 'nor is it tried by hand');
        is(one(q{SELECT count(*) FROM scout_internal.job_alerts()}) > 0 ? 'yes' : 'no', 'yes', 'it is a condition for an alert');
        like(error_of("SELECT scout.resume_job($job)"), qr/28000.*role "pipeline_owner" is not permitted.*HINT:  ALTER ROLE pipeline_owner LOGIN CONNECTION LIMIT 0/s,
            'resume_job() says the same');
        # The hint works.
        one('ALTER ROLE pipeline_owner LOGIN CONNECTION LIMIT 0');
        until_true("SELECT state = 'succeeded' FROM scout.job($job)", 'with the hint followed, the job is done by itself');
        until_true('SELECT scout.backlog() = 0', 'and all is loaded');
    }
    my ($rc, $out, $err) = $node->psql($db, 'SELECT 1', extra_params => ['-U', 'pipeline_owner']);
    like($err, qr/too many connections for role "pipeline_owner"/, 'clients stay out');
    # pg_hba.conf is for clients, too.
    my $hba = $node->data_dir . '/pg_hba.conf';
    my $was = slurp_file($hba);
    unlink $hba;
    append_to_file($hba, "local all pipeline_owner reject\n$was");
    $node->reload;
    one('ALTER ROLE pipeline_owner CONNECTION LIMIT -1');
    ($rc, $out, $err) = $node->psql($db, 'SELECT 1', extra_params => ['-U', 'pipeline_owner']);
    like($err, qr/pg_hba.conf rejects connection/, 'pg_hba.conf rejects the owner');
    arrive(301, 400);
    until_true('SELECT scout.backlog() = 0', 'but not his workers');
    unlink $hba;
    append_to_file($hba, $was);
    $node->reload;
    quiet();

    # He may not connect to the database.
    one("REVOKE CONNECT ON DATABASE $db FROM PUBLIC");
    arrive(401, 500);
    my $failed = q{SELECT job_id FROM scout.jobs WHERE scheduled AND state = 'failed'};
    until_true("SELECT EXISTS ($failed)", 'without CONNECT his job fails');
    my $job = one($failed);
    is(job($job, 'error_sqlstate, error_message, error_hint'),
        "42501|permission denied for database \"$db\"|GRANT CONNECT ON DATABASE $db TO pipeline_owner", 'and says why');
    one(job($job, 'error_hint'));
    until_true("SELECT state = 'succeeded' FROM scout.job($job)", 'with the hint followed, it is done');
    until_true('SELECT scout.backlog() = 0', 'and all is loaded');
    one("GRANT CONNECT ON DATABASE $db TO PUBLIC; ALTER DATABASE $db RESET scout_ir.load_interval");
    quiet();

    # A job that waits for its next attempt when he is locked out.
    unless ($passes_nologin) {
        one('ALTER ROLE pipeline_owner NOLOGIN');
        my $waits = one(q{UPDATE scout_internal.job_records SET state = 'interrupted', finished_at = NULL, next_attempt_at = now() WHERE job_id = } . $job . ' RETURNING job_id');
        until_true("SELECT state = 'failed' AND error_sqlstate = '28000' FROM scout.job($waits)", 'a job that was to be restarted fails, too');
        one('ALTER ROLE pipeline_owner LOGIN');
    }
};

# Asked for without room for workers, and cancelled, so that it stands still: its number.
sub asked {
    my ($as) = @_;
    return one("SET scout_ir.max_workers = 4; $as; SELECT job_id FROM scout.load_backlog(wait => false, max_events => 1)") =~ s/.*\n//sr;
}

subtest 'jobs of a superuser' => sub {
    one(qq{CREATE ROLE root SUPERUSER; CREATE ROLE ada LOGIN; GRANT root TO ada; CREATE ROLE oncall LOGIN; CREATE ROLE chief LOGIN;
        SELECT scout.grant_access('operator', r) FROM unnest(ARRAY['ada', 'oncall']) r; SELECT scout.grant_access('admin', 'chief');
        ALTER DATABASE $db SET scout_ir.max_workers = 0});
    arrive(501, 510);
    my %jobs = (
        'acting role' => asked('SET SESSION AUTHORIZATION ada; SET ROLE root'),
        'login role' => asked('SET ROLE oncall'),
        'both' => asked('SELECT 1'),
    );
    is(job($jobs{'acting role'}, 'session_role, acting_role'), 'ada|root', 'asked for as a superuser by who is none');
    is(job($jobs{'login role'}, 'session_role, acting_role'), "$superuser|oncall", 'asked for by a superuser as one who is none');
    one(q{CREATE FUNCTION public.as_superuser(job bigint) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT state FROM scout.resume_job(job)'});
    for my $which (sort keys %jobs) {
        my $job = $jobs{$which};
        like(error_of("SET SESSION AUTHORIZATION oncall; SELECT scout.cancel_job($job)"),
            qr/42501.*permission denied to cancel job $job.*HINT:  A superuser can do it/s, "superuser as $which: an operator cannot cancel it");
        one("SELECT scout.cancel_job($job)");
        for my $who ('SET SESSION AUTHORIZATION oncall', 'SET SESSION AUTHORIZATION chief', 'SET SESSION AUTHORIZATION ada', 'SET ROLE oncall') {
            like(error_of("$who; SELECT scout.resume_job($job)"), qr/42501.*permission denied to resume job $job/s, "$which: nor resume it after $who");
        }
        like(error_of("SET SESSION AUTHORIZATION oncall; SELECT public.as_superuser($job)"), qr/42501.*permission denied to resume job $job/s,
            "$which: nor by SECURITY DEFINER");
        is(job($job, 'state'), 'cancelled', "$which: it stays cancelled");
        one("SELECT scout.resume_job($job)");
        like(error_of("SET SESSION AUTHORIZATION chief; SELECT * FROM scout.supervise()"), qr/^$/, "$which: an admin calls supervise()");
    }
    is(one("SET SESSION AUTHORIZATION ada; SET ROLE root; SELECT state_before FROM scout.resume_job($jobs{'acting role'})"), 'queued',
        'who may become a superuser, and has, can');
    # Workers that end, and supervise() by others, leave them queued; the supervisor starts them.
    one("UPDATE scout_internal.job_records SET created_at = created_at - interval '1 min', next_attempt_at = now() + interval '10 min' WHERE finished_at IS NULL");
    one("ALTER DATABASE $db RESET scout_ir.max_workers");
    my $list = join ',', values %jobs;
    is(one("UPDATE scout_internal.job_records SET next_attempt_at = NULL, attempts = 1 WHERE job_id IN ($list);
            SET SESSION AUTHORIZATION chief; SELECT count(*) FROM scout.supervise() WHERE job_id IN ($list)"), '0', 'supervise() by an admin starts none of them');
    until_true("SELECT bool_and(state = 'succeeded') FROM scout.jobs WHERE job_id IN ($list)", 'the supervisor does');

    # The extension's owner is no superuser any more: job rows are no proof then.
    one('CREATE DATABASE handed');
    one('CREATE ROLE installer SUPERUSER LOGIN');
    one(q{SET SESSION AUTHORIZATION installer; CREATE EXTENSION scout_ir; SELECT scout.grant_access('admin', 'pipeline_owner');
        SET ROLE pipeline_owner; SELECT scout.create_pipeline()}, 'handed');
    one('INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(1, 10), 'handed');
    one('ALTER DATABASE handed SET scout_ir.max_workers = 0');
    my $job = one('SELECT job_id FROM scout.load_backlog(wait => false)', 'handed');
    one("UPDATE scout_internal.job_records SET created_at = created_at - interval '1 min', next_attempt_at = NULL, attempts = 1", 'handed');
    one('ALTER ROLE installer NOSUPERUSER');
    one('ALTER DATABASE handed RESET scout_ir.max_workers');
    $node->reload;  # looks at all databases at once
    ok($node->poll_query_until('handed', "SELECT state = 'failed' FROM scout_internal.job_records WHERE job_id = $job"), 'an owner who is no superuser: the job fails');
    is(one("SELECT error_sqlstate, error_message FROM scout_internal.job_records WHERE job_id = $job", 'handed'), qq{42501|no job runs as superuser "$superuser"}, 'and says why');
    my ($rc, $out, $err) = $node->psql('handed', "\\set VERBOSITY verbose\nSELECT scout.load_backlog(wait => false)");
    like($err, qr/42501.*no job runs as superuser/s, 'nor can one be asked for');
};

subtest 'roles that have gone, and jobs from elsewhere' => sub {
    one(qq{CREATE ROLE web; CREATE ROLE gate LOGIN NOINHERIT; GRANT web TO gate; SELECT scout.grant_access('operator', 'web');
        ALTER DATABASE $db SET scout_ir.max_workers = 0});
    arrive(511, 600);
    my ($lost, $gone, $foreign) = map { asked('SET SESSION AUTHORIZATION gate; SET ROLE web') } 1 .. 3;
    one("SELECT scout.cancel_job($_)") for $lost, $gone;
    one("UPDATE scout_internal.job_records SET home = '1/1', created_at = created_at - interval '1 h', next_attempt_at = NULL WHERE job_id = $foreign");
    one("REVOKE web FROM gate; ALTER DATABASE $db RESET scout_ir.max_workers; SELECT scout.resume_job($lost)");
    is(one("SELECT state FROM scout.wait_for_job($lost)"), 'failed', 'a membership that is lost: the job fails');
    is(job($lost, 'error_sqlstate, error_message, error_hint'),
        '42501|permission denied to set role "web"|GRANT web TO gate, or ask for the work again as another role.', 'and says why');
    one(q{SELECT scout.revoke_access('reader', 'web'); DROP ROLE web});
    one("SELECT scout.resume_job($gone)");
    is(one("SELECT state FROM scout.wait_for_job($gone)"), 'failed', 'a role that has gone: the job fails');
    is(job($gone, 'error_sqlstate, error_message, error_hint'), '42704|role "web" does not exist|Ask for the work again as another role.', 'and says why');
    rounds(2);
    is(job($foreign, 'state, attempts'), 'interrupted|0', 'a job of another cluster is not started');
    is(one("SELECT count(*) FROM scout.supervise() WHERE job_id = $foreign"), 0, 'nor by hand');

    # The row says of another role than the worker has logged in as.
    one("ALTER ROLE gate RENAME TO door");
    like(error_of("SELECT scout.resume_job($lost)"), qr/42704.*role "gate" does not exist.*HINT:  Ask for the work again/s, 'a role with another name is another role');
};

$node->stop;
done_testing();
