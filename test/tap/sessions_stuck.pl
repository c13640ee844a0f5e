# Stuck locks: seen, judged, ended; and the emergency reset, which never fails and says what it did.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('stuck', "max_connections = 30\n");
my $db = 'postgres';
pipeline($node, $db);
$node->safe_psql($db, q{
    CREATE ROLE etl LOGIN; CREATE ROLE oncall LOGIN; CREATE ROLE blind LOGIN; CREATE ROLE looker LOGIN;
    CREATE ROLE deputy LOGIN; GRANT postgres TO deputy;
    GRANT pg_read_all_stats TO oncall;
    SELECT scout.grant_access('operator', r) FROM unnest('{etl,oncall,blind,deputy}'::name[]) r;
    SELECT scout.grant_access('reader', 'looker');
    -- Catches the cancel, as a client's own handler may.
    CREATE FUNCTION public.stubborn() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END;
        PERFORM pg_sleep(600);
    END $$;
});
# Chunks of the queue that different transactions can claim.
$node->safe_psql($db, 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql($_ * 200 + 1, $_ * 200 + 200)) for 0 .. 4;

# What oncall gets, as rows; and any error.
sub oncall { return $node->safe_psql($db, "SET client_min_messages = error; $_[0]", extra_params => ['-U', 'oncall']) }
sub fails {
    my ($role, $sql) = @_;
    my ($rc, undef, $err) = $node->psql($db, "\\set VERBOSITY verbose\n$sql", extra_params => ['-U', $role], on_error_stop => 1);
    return $rc == 0 ? 'no error' : $err;
}
# A session that holds FLIGHT after a batch of five, then runs $then (or waits for its client).
sub holder {
    my ($role, $then, @options) = @_;
    my $s = session($node, $db, '-U', $role, @options);
    $s->{pid} = ask($s, 'SELECT pg_backend_pid();');
    ask($s, 'BEGIN; SELECT events_processed FROM scout.load_silver_from_bronze(5);');
    if (defined $then) {
        tell($s, $then);
        $node->poll_query_until($db, "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $s->{pid}") or die 'not asleep';
    } else {
        $node->poll_query_until($db, "SELECT state = 'idle in transaction' FROM pg_stat_activity WHERE pid = $s->{pid}") or die 'not idle';
    }
    return $s;
}
sub alive { return $node->safe_psql($db, "SELECT count(*) FROM pg_stat_activity WHERE pid = $_[0]{pid}") }
sub end { $node->safe_psql($db, "SELECT pg_terminate_backend($_[0]{pid}, 60000)"); leave($_[0]); return }
my $clear = q{SELECT pid, usename, verdict, coalesce(refusal, '-'), signalled, gone, lock_name, coalesce(sent, '-')
    FROM scout.clear_stuck_locks};
my $none = q{SELECT count(*) FROM scout.locks()};

is(oncall($none), '0', 'nobody holds a lock at the start');
is(oncall("$clear('0 seconds')"), '', 'and nothing is stuck');

# --- Seen: who holds, who waits and for whom.
my $idle = holder('etl');
my $waiter = session($node, $db, '-U', 'etl');
$waiter->{pid} = ask($waiter, 'SELECT pg_backend_pid();');
tell($waiter, q{SELECT 'quarantined ' || events_quarantined FROM scout.quarantine_window('2020-01-01', '2020-01-02', 'waits');});
$node->poll_query_until($db, 'SELECT count(*) = 1 FROM scout.locks() WHERE NOT granted') or die 'nobody waits';
is(oncall(q{SELECT lock_name, mode, granted, pid, usename, backend_type, state, blocked_by, since IS NOT NULL, age >= '0', job_id, worker_no
            FROM scout.locks()}),
   "flight|RowExclusiveLock|t|$idle->{pid}|etl|client backend|idle in transaction|{}|t|t||\n"
   . "flight|ExclusiveLock|f|$waiter->{pid}|etl|client backend|active|{$idle->{pid}}|t|t||", 'locks(): the holder first, then who waits for it');
like(oncall('SELECT query FROM scout.locks() WHERE NOT granted'), qr/quarantine_window/, 'with the query');
is($node->safe_psql($db, q{SELECT DISTINCT query FROM scout.locks()}, extra_params => ['-U', 'looker']), '<insufficient privilege>',
   'which a reader without pg_read_all_stats does not see');
is($node->safe_psql($db, q{SELECT lock_name, granted, pid, blocked_by FROM scout.locks() ORDER BY granted}, extra_params => ['-U', 'looker']),
   "flight|f|$waiter->{pid}|{$idle->{pid}}\nflight|t|$idle->{pid}|{}", 'but the rest');

# --- Idle in transaction: terminated at once, for it would not react to a cancel. Who waits goes on.
is(oncall("$clear('1 hour')"), '', 'a young holder is not stuck');
is(oncall("$clear('0 seconds', dry_run => true)"), "$idle->{pid}|etl|terminate|-|f|f|flight|-", 'dry run: what would be done');
is(alive($idle), '1', 'and was not');
my $mark = -s $node->logfile;
is(oncall("$clear('0 seconds', reason => 'test')"), "$idle->{pid}|etl|terminate|-|t|t|flight|terminate", 'idle in transaction: terminated');
$waiter->{out} = '';
is(ask($waiter, 'SELECT 1;') =~ /quarantined 0/, 1, 'the waiter got its lock');
is($node->safe_psql($db, q{SELECT t.actor, t.outcome, t.arguments ->> 'reason', t.counts ->> 'terminated', t.counts ->> 'gone'
    FROM scout.timeline t WHERE t.action = 'clear_stuck_locks' ORDER BY t.entry_id DESC LIMIT 1}), 'oncall|cleared|test|1|1', 'it stands in the timeline');
my $log = slurp_file($node->logfile, $mark);
like($log, qr/scout_ir signal: \{"action":"clear_stuck_locks","signal":"terminate","pid":$idle->{pid},.*"reason":"test","actor":"oncall"/, 'and in the server log');
like($log, qr/scout_ir signal.*terminating connection due to administrator command/s, 'before the session ends');
leave($_) for $idle, $waiter;

# --- Active: cancelled; the session itself stays.
my $active = holder('etl', 'SELECT pg_sleep(600);');
is(oncall("$clear('0 seconds')"), "$active->{pid}|etl|cancel|-|t|t|flight|cancel", 'active: cancelled');
ask($active, 'SELECT 1;');
like($active->{err}, qr/57014.*25P02/s, 'its transaction has failed');
is(ask($active, 'ROLLBACK; SELECT 2;'), '2', 'the session lives on');
leave($active);

# --- Whoever outlasts the cancel is terminated after the grace.
my $stubborn = holder('etl', 'SELECT stubborn();');
is(oncall("$clear('0 seconds', grace => '100 ms')"), "$stubborn->{pid}|etl|cancel|-|t|t|flight|cancel, terminate", 'stubborn: terminated after the grace');
leave($stubborn);

# --- What is ended is a transaction: the next one of that session is left alone, however long the grace.
my $next = holder('etl', "SELECT pg_sleep(600);\nROLLBACK; BEGIN; SELECT scout.load_silver_from_bronze(5);");
is(oncall("$clear('0 seconds', grace => '10 minutes')"), "$next->{pid}|etl|cancel|-|t|t|flight|cancel", 'the cancelled transaction is over');
ask($next, 'SELECT 1;');
is(oncall('SELECT pid, granted FROM scout.locks()'), "$next->{pid}|t", 'its session goes on with the next');
leave($next);

# --- Where the server does not track what sessions do, it cannot be told who is stuck: said, not passed over.
$node->safe_psql($db, 'ALTER ROLE blind SET track_activities = off');
my $dark = session($node, $db, '-U', 'blind');
$dark->{pid} = ask($dark, 'SELECT pg_backend_pid();');
ask($dark, 'BEGIN; SELECT scout.load_silver_from_bronze(5);');
is(oncall("$clear('1 hour')"), "$dark->{pid}|blind|refused|its age is not known: track_activities is off|f|f|flight|-", 'age not known: refused');
leave($dark);
$node->safe_psql($db, 'ALTER ROLE blind RESET track_activities');

# --- A caller who is cancelled while waiting: the log knows whom it signalled, the timeline does not.
$stubborn = holder('etl', 'SELECT stubborn();');
$mark = -s $node->logfile;
my $entries = $node->safe_psql($db, 'SELECT count(*) FROM scout.timeline');
like(fails('oncall', "SET statement_timeout = '700ms'; SELECT scout.clear_stuck_locks('0 seconds', grace => '10 minutes')"), qr/57014/, 'the caller may be cancelled');
like(slurp_file($node->logfile, $mark), qr/scout_ir signal: .*"cancel","pid":$stubborn->{pid}/, 'what it sent is in the log');
is($node->safe_psql($db, 'SELECT count(*) FROM scout.timeline'), $entries, 'the timeline was rolled back');
end($stubborn);

# --- Refused: the caller's own session.
my $own = holder('oncall');
is(ask($own, "$clear('0 seconds');"), "$own->{pid}|oncall|refused|the caller's own session|f|f|flight|-", 'own session: refused');
ask($own, 'ROLLBACK;');
leave($own);

# --- Refused: superusers, who may become one, also through a superuser's SECURITY DEFINER function.
my $super = holder('postgres');
my $deputy = holder('deputy');
my $both = qr/^$super->{pid}\|postgres\|refused\|a session of a superuser.*\|f\|f\|flight\|-\n$deputy->{pid}\|deputy\|refused\|a session of a superuser.*\|f\|f\|flight\|-$/;
like(oncall("$clear('0 seconds')"), $both, 'an operator ends no session of a superuser, nor of one who may become one');
$node->safe_psql($db, qq{
    CREATE FUNCTION public.definer() RETURNS TABLE (a int, b name, c text, d text, e boolean, f boolean, g text, h text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS \$\$ $clear('0 seconds') \$\$;});
like(oncall('SELECT * FROM public.definer()'), $both, q{not through a superuser's SECURITY DEFINER function either});
like($node->safe_psql($db, "SET ROLE oncall; $clear('0 seconds')"), $both, 'nor a superuser who has become an operator');
is($node->safe_psql($db, "$clear('0 seconds')"),
   "$super->{pid}|postgres|terminate|-|t|t|flight|terminate\n$deputy->{pid}|deputy|terminate|-|t|t|flight|terminate", 'a superuser may');
leave($_) for $super, $deputy;

# --- Refused: protected roles and applications.
$node->safe_psql($db, q{SELECT scout.protect_sessions('etl', reason => 'payroll'); SELECT scout.protect_sessions(application => 'reports', reason => 'board')});
my $role = holder('etl');
my $application = do { local $ENV{PGAPPNAME} = 'reports'; holder('blind') };
is(oncall("$clear('0 seconds')"), "$role->{pid}|etl|refused|protected: payroll|f|f|flight|-\n$application->{pid}|blind|refused|protected: board|f|f|flight|-",
   'protected: refused, with the reason');
is($node->safe_psql($db, q{SELECT status, reason FROM scout.unprotect_sessions('etl')}), 'no longer protected|payroll', 'unprotected');
is($node->safe_psql($db, q{SELECT status FROM scout.unprotect_sessions('etl')}), 'was not protected', 'a second time it says that it was not');
$node->safe_psql($db, q{SELECT scout.protect_sessions('etl', 'reports', 'both'), scout.unprotect_sessions(application => 'reports')});

# --- Too many: nobody is signalled. A row with role and application needs both.
like(fails('oncall', "SELECT scout.clear_stuck_locks('0 seconds', max_targets => 1)"), qr/54000: 2 sessions are to be ended, max_targets is 1.*HINT/s, 'more than max_targets: error');
is(alive($role) . alive($application), '11', 'nobody was signalled');
my ($rc, $rows, $err) = $node->psql($db, "$clear('0 seconds', true, 1)", extra_params => ['-U', 'oncall']);
is(scalar(split /\n/, $rows), 2, 'a dry run shows them');
like($err, qr/WARNING: .*max_targets is 1/, 'and warns');
is(oncall("SELECT count(*) FROM scout.clear_stuck_locks('0 seconds', max_targets => 2) WHERE gone"), '2', 'two are two');
leave($_) for $role, $application;
$node->safe_psql($db, q{SELECT scout.unprotect_sessions('etl', 'reports')});

# --- Refused: a caller who would see nothing.
like(fails('blind', q{SELECT scout.clear_stuck_locks()}), qr/42501: .*"blind" cannot see all sessions.*GRANT pg_read_all_stats TO blind/s, 'who cannot see all sessions gets an error');
like(fails('looker', q{SELECT scout.clear_stuck_locks()}), qr/42501/, 'a reader too');

# --- A prepared transaction has no process.
my $prepared = holder('etl');
ask($prepared, q{PREPARE TRANSACTION 'it''s';});
leave($prepared);
is(oncall(q{SELECT lock_name, pid, usename, state, gid, since IS NOT NULL FROM scout.locks()}), q{flight||etl|prepared|it's|t}, 'locks() names it');
is(oncall("$clear('0 seconds')"), q{|etl|refused|a prepared transaction has no process: COMMIT PREPARED 'it''s' or ROLLBACK PREPARED 'it''s'|f|f|flight|-}, 'refused, with what to do');
$node->restart;
like(oncall("$clear('0 seconds')"), qr/ROLLBACK PREPARED 'it''s'/, 'also after a restart');

# --- Emergency reset: the prepared transaction remains, so the pause stays.
my $reset = q{SELECT step, action, status, message FROM scout.emergency_reset(older_than => '0 seconds', drain_timeout => '100 ms'};
my $paused = q{SELECT coalesce(paused_by, '-') FROM scout.ingestion_status() ORDER BY 1};
like(oncall("$reset)"), qr/^1\|pause\|warning\|.*\n2\|clear stuck locks\|failed\|flight prepared transaction of etl, refused: .*COMMIT PREPARED.*\n3\|probe\|ok\|100 events loaded, .*\n4\|resume\|skipped\|Loading STAYS PAUSED, because stuck holders of locks remain\. .*control_ingestion\('resume', holder => 'emergency_reset'\)$/,
     'reset: stuck holders remain, the pause stays');
is(oncall($paused), 'emergency_reset', 'and is in force');
$node->safe_psql($db, q{ROLLBACK PREPARED 'it''s'});

# A second reset heals. The pauses of others are named and stay.
oncall(q{SELECT scout.control_ingestion('pause', 'mine', source_system => 'till')});
is(oncall("$reset, dry_run => true)") =~ s/since .*?, without/since then, without/gr,
   "1|pause|dry_run|Would pause. Loading is paused by emergency_reset since then, without expiry: emergency reset. 1 more pause is in force.\n"
   . "2|clear stuck locks|dry_run|Nothing is stuck.\n3|probe|dry_run|100 events would be loaded, 4 of them dead-lettered; 800 wait.\n"
   . '4|resume|dry_run|Would resume. Not touched: Loading of source "till" is paused by oncall since then, without expiry: mine.', 'dry run of a reset');
is(oncall('SELECT scout.backlog()'), '900', 'the dry run has loaded nothing');
like(oncall("$reset)"), qr/^1\|pause\|ok\|.*\n2\|clear stuck locks\|ok\|Nothing is stuck\.\n3\|probe\|ok\|100 events loaded.*\n4\|resume\|ok\|The pause of this reset is lifted\. Not touched: .*till.*mine\.$/, 'reset: green');
is(oncall($paused), 'oncall', q{its own pause is lifted, the other's is not});
oncall(q{SELECT scout.control_ingestion('resume')});
is($node->safe_psql($db, q{SELECT t.outcome, t.counts ->> 'events_processed' FROM scout.timeline t WHERE t.action = 'emergency_reset' ORDER BY t.entry_id}),
   "stays paused|100\ndry run|100\nresumed|100", 'each in the timeline');

# A stuck session that can be ended.
$idle = holder('etl');
like(oncall("$reset)"), qr/^1\|pause\|warning\|.*\n2\|clear stuck locks\|ok\|flight process $idle->{pid} of etl, terminate: gone\.\n3\|probe\|ok\|.*\n4\|resume\|ok\|/, 'reset: the stuck session is ended');
is(oncall($paused), '-', 'and loading goes on');
leave($idle);

# GATE is held by a pause whose transaction was left open: ended, and the pause tried again.
my $gate = session($node, $db, '-U', 'etl');
$gate->{pid} = ask($gate, 'SELECT pg_backend_pid();');
ask($gate, q{BEGIN; SELECT 'paused' FROM scout.control_ingestion('pause', 'left open', drain_timeout => '0');});
like(oncall(q{SELECT step, action, status, message FROM scout.emergency_reset(older_than => '1 hour', drain_timeout => '0')}),
     qr/^1\|pause\|failed\|.*Another pause is under way.*\n2\|clear stuck locks\|ok\|Nothing is stuck\.\n3\|probe\|ok\|.*\n4\|resume\|skipped\|Nothing to resume: loading was not paused by this call\.$/, 'reset: GATE is taken by a young pause');
is(alive($gate), '1', 'which is left alone');
like(oncall("$reset)"), qr/^1\|pause\|failed\|.*\n2\|clear stuck locks\|ok\|gate process $gate->{pid} of etl, terminate: gone\.\n3\|pause\|ok\|.*\n4\|probe\|ok\|.*\n5\|resume\|ok\|/, 'reset: an old one is ended, and the pause tried again');
is(oncall($paused), '-', 'loading goes on');
leave($gate);

# Cancelled by its caller: all of it is undone, the pause too.
$active = holder('etl', 'SELECT pg_sleep(600);');
like(fails('oncall', q{SET statement_timeout = '700ms'; SELECT scout.emergency_reset(drain_timeout => '10 minutes')}), qr/57014/, 'reset: can be cancelled');
is(oncall($paused), '-', 'and has then paused nothing');
end($active);

# More holders than it may end: none is, and a dry run says so.
my @many = map { holder('etl') } 1 .. 11;
is(oncall("SELECT string_agg(action || ' ' || status || coalesce(' ' || (details ->> 'sqlstate'), ''), ', ' ORDER BY step) FROM scout.emergency_reset(older_than => '0 seconds', drain_timeout => '0')"),
   'pause warning, clear stuck locks failed 54000, probe skipped, resume skipped', 'reset: too many holders');
like(oncall("$reset, dry_run => true)"), qr/4\|resume\|dry_run\|Would stay paused: stuck holders of locks remain\./, 'a dry run sees it coming');
end($_) for @many;
oncall(q{SELECT scout.control_ingestion('resume', holder => 'emergency_reset')});

# FLIGHT is held alone by who must not be touched: the probe does not hang.
$node->safe_psql($db, q{SELECT scout.protect_sessions('etl', reason => 'payroll')});
my $alone = session($node, $db, '-U', 'etl');
$alone->{pid} = ask($alone, 'SELECT pg_backend_pid();');
ask($alone, q{BEGIN; SELECT events_quarantined FROM scout.quarantine_window('2020-01-01', '2020-01-02', 'left open');});
is(oncall("SELECT string_agg(action || ' ' || status || coalesce(' ' || (details ->> 'sqlstate'), ''), ', ' ORDER BY step) FROM scout.emergency_reset(older_than => '0 seconds', drain_timeout => '0')"),
   'pause warning, clear stuck locks failed, probe failed 55P03, resume skipped', 'reset: a protected holder keeps FLIGHT alone');
is(oncall($paused), 'emergency_reset', 'the pause stays');
ask($alone, 'ROLLBACK;');
leave($alone);
$node->safe_psql($db, q{SELECT scout.unprotect_sessions('etl')});

# The probe fails: the pause stays, the rest of the reset too.
$node->safe_psql($db, q{SET client_min_messages = error; CREATE RULE off AS ON INSERT TO scout.silver_transactions DO INSTEAD NOTHING});
like(oncall("$reset)"), qr/\n3\|probe\|failed\|.*\n4\|resume\|skipped\|Loading STAYS PAUSED, because the probe failed\./, 'reset: the probe fails');
is(oncall($paused), 'emergency_reset', 'the pause stays');
is(oncall(q{SELECT scout.load_silver_from_bronze(1)}) =~ /^\(0,/, 1, 'and stops loading');
$node->safe_psql($db, 'DROP RULE off ON scout.silver_transactions');
like($node->safe_psql($db, q{SET client_min_messages = error; SELECT string_agg(status, ' ' ORDER BY step) FROM scout.emergency_reset(drain_timeout => '100 ms')},
     extra_params => ['-U', 'blind']), qr/^ok failed ok skipped$/, 'a caller who cannot see all sessions: nothing is proven, the pause stays');
oncall(q{SELECT scout.control_ingestion('resume', holder => 'emergency_reset')});

# Nothing to probe.
load_all($node, $db);
like(oncall("$reset)"), qr/\n3\|probe\|skipped\|No event waits to be loaded: nothing was tried\.\n4\|resume\|ok\|/, 'reset: no event waits');
is(broken($node, $db), '', 'nothing was lost in all of this');

# Without a pipeline, and where nothing can be written.
$node->safe_psql($db, 'CREATE DATABASE bare');
$node->safe_psql('bare', 'CREATE EXTENSION scout_ir');
is($node->safe_psql('bare', q{SELECT step, action, status, message FROM scout.emergency_reset()}),
   qq{1|pause|failed|the pipeline is not there: relation "scout.bronze_events" does not exist. Create or complete it: SELECT * FROM scout.create_pipeline()\n}
   . join("\n", map { "$_|skipped|The pipeline is not in order: see step 1." } '2|clear stuck locks', '3|probe', '4|resume'), 'reset without a pipeline');
is($node->safe_psql('bare', q{SELECT * FROM scout.clear_stuck_locks()}), '', 'stuck locks are looked for without one');
like(fails('oncall', "SET default_transaction_read_only = on; SELECT scout.$_()"), qr/25006/, "$_ in a read-only transaction: refused before anything is done")
    for 'clear_stuck_locks', 'emergency_reset';
is(oncall("SET default_transaction_read_only = on; $none"), '0', 'locks() works in one');

$node->stop;
done_testing();
