# Tables that are the user's: whatever somebody made of them before create_pipeline() adopts them, or does to
# them afterwards, loading either gives the same rows on both write paths, with reconcile() balanced, or is
# refused with the reason. Never is a row lost unseen.
#
# Each case changes a pipeline (`before`: then create_pipeline() looks at it; `later`: after that), loads the
# same 40 events by both paths, reprocesses, repairs and quarantines.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('odd');
$node->safe_psql('postgres', 'CREATE DATABASE made');
pipeline($node, 'made');
$node->safe_psql('made', q{
    GRANT pg_read_server_files, pg_write_server_files TO pipeline_owner;
    SET ROLE pipeline_owner;
    -- T13 has a line of product `poison`; T20 is dear; 8 and 9 share a customer; 30 wants T29; 31 is negative.
    INSERT INTO scout.bronze_events (event_id, event_data)
    SELECT n, jsonb_build_object('transaction_id', 'T' || CASE n WHEN 30 THEN 29 ELSE n END, 'store_id', 'S' || n % 3, 'ts', '2026-01-02T03:04:05Z',
        'customer_id', CASE WHEN n IN (8, 9) THEN 'same' WHEN n % 5 > 0 THEN 'C' || n END,
        'total_amount', sum(a) * CASE n WHEN 31 THEN -1 ELSE 1 END, 'net_amount', sum(a) - 0.25,
        'items', jsonb_agg(jsonb_build_object('product_id', CASE WHEN n = 13 AND i = 2 THEN 'poison' ELSE 'P' || (n + i) % 9 END, 'product_name', 'Tea',
            'qty', 1, 'unit_price', a, 'line_amount', a) ORDER BY i))
    FROM generate_series(1, 40) n, generate_series(1, 2 + n % 3) i, LATERAL (SELECT CASE n WHEN 20 THEN 1500 ELSE n + i / 8.0 END AS a) x GROUP BY n;
    ALTER TABLE scout.bronze_events ALTER event_id RESTART WITH 1000;
});

# Table definitions to be made again otherwise: the layout's own, changed.
my %ddl = map { split /=/, $_, 2 } split /;;;/, $node->safe_psql('made',
    q{SELECT string_agg(object_name || '=' || ddl, ';;;') FROM scout_internal.pipeline_layout() WHERE kind = 'table'});
sub anew {
    my ($table, @changes) = @_;
    my $ddl = $ddl{$table};
    for my $change (@changes) {
        my ($from, $to) = @$change;
        $ddl =~ s/$from/$to/ or die "$table: nothing like $from";
    }
    return "DROP TABLE scout.$table CASCADE; $ddl;";
}
sub trigger {
    my ($table, $events, $body, $level) = @_;
    return "CREATE FUNCTION scout.odd() RETURNS trigger LANGUAGE plpgsql AS \$f\$ BEGIN $body END \$f\$; "
        . "CREATE TRIGGER odd $events ON scout.$table FOR EACH " . ($level // 'ROW') . ' EXECUTE FUNCTION scout.odd();';
}
my ($t, $l, $b, $d) = ('silver_transactions', 'silver_line_items', 'bronze_events', 'bronze_events_dlq');
my $new_line = "IF new.product_id = 'poison' THEN";
my $new_tx = "IF new.transaction_id = 'T7' THEN";
my $usual = 'DUPLICATE_TRANSACTION=30 NEGATIVE_TOTAL=31';
my $poison = "$usual WRITE_FAILED=13";
my $lost_seven = "$usual WRITE_FAILED=7";
my $partitions = "CREATE TABLE scout.lines_0 PARTITION OF scout.$l FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE scout.lines_1 (updated_at timestamptz NOT NULL, store_id text NOT NULL, gone int, product_key bigint, discount_amount numeric(18, 4) NOT NULL,
        line_amount numeric(18, 4) NOT NULL, unit_price numeric(18, 4) NOT NULL, quantity numeric(18, 4) NOT NULL, category text, brand_name text,
        product_name text, product_id text NOT NULL, line_sequence int NOT NULL, transaction_id text COLLATE \"C\" NOT NULL);
    ALTER TABLE scout.lines_1 DROP COLUMN gone;
    ALTER TABLE scout.$l ATTACH PARTITION scout.lines_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);";
my $by_hash = [qr/\)\s*$/, ') PARTITION BY HASH (transaction_id)'];

# What a superuser made in schema scout, where nobody else may, is the pipeline's owner's.
my $hand_over = q{DO $o$ DECLARE made record; BEGIN
    FOR made IN SELECT 'TABLE' AS kind, c.oid::regclass::text AS name FROM pg_class c
            WHERE c.relnamespace = 'scout'::regnamespace AND c.relkind IN ('r', 'p') AND c.relowner = current_user::regrole
        UNION ALL SELECT 'FUNCTION', p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'scout'::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    LOOP EXECUTE format('ALTER %s %s OWNER TO pipeline_owner', made.kind, made.name); END LOOP; END $o$; };

# name => before, later: SQL; super: SQL of a superuser, before. refused: what the error of create_pipeline() says.
# noted: what its detail says. letters: dead letters (the usual two). path: of auto (native). extra: a query compared
# with the rest of the state. ignore: columns that differ by nature. fails: error of the load; nothing may be lost.
my @cases = (
    ['an untouched pipeline'],
    # Triggers.
    ['BEFORE trigger changes a column', before => trigger($t, 'BEFORE INSERT OR UPDATE', q{new.customer_id := 'masked'; RETURN new;}), noted => qr/triggers: rows are written one by one/,
        extra => "SELECT DISTINCT customer_id FROM scout.$t"],
    ['BEFORE trigger changes a line', before => trigger($l, 'BEFORE INSERT OR UPDATE', q{new.brand_name := 'house'; RETURN new;})],
    ['BEFORE trigger drops a transaction', before => trigger($t, 'BEFORE INSERT', "$new_tx RETURN NULL; END IF; RETURN new;"), letters => $lost_seven],
    ['BEFORE trigger drops a line', before => trigger($l, 'BEFORE INSERT', "$new_line RETURN NULL; END IF; RETURN new;"), letters => $poison],
    ['the same, added later', later => trigger($l, 'BEFORE INSERT', "$new_line RETURN NULL; END IF; RETURN new;"), letters => $poison],
    ['BEFORE trigger moves a line', before => trigger($l, 'BEFORE INSERT', "$new_line new.line_sequence := 77; END IF; RETURN new;"), letters => $poison],
    ['BEFORE trigger renames a transaction', before => trigger($t, 'BEFORE INSERT', "$new_tx new.transaction_id := 'U7'; END IF; RETURN new;"), letters => $lost_seven],
    ['BEFORE trigger takes the lineage away', before => trigger($t, 'BEFORE INSERT', "$new_tx new.source_event_id := NULL; END IF; RETURN new;"), letters => $lost_seven],
    ['AFTER trigger deletes a line', before => trigger($l, 'AFTER INSERT', "$new_line DELETE FROM scout.$l l WHERE l.product_id = 'poison'; END IF; RETURN NULL;"), letters => $poison],
    ['AFTER STATEMENT trigger deletes a line', before => trigger($l, 'AFTER INSERT', "DELETE FROM scout.$l l WHERE l.product_id = 'poison'; RETURN NULL;", 'STATEMENT'), letters => $poison],
    ['AFTER trigger keeps an audit', before => 'CREATE TABLE scout.audit (id text, line int);' . trigger($l, 'AFTER INSERT', "INSERT INTO scout.audit VALUES (new.transaction_id, new.line_sequence); RETURN NULL;"),
        extra => 'SELECT DISTINCT id, line FROM scout.audit'],
    ['a trigger raises', before => trigger($l, 'BEFORE INSERT', "$new_line RAISE 'no poison here' USING DETAIL = 'why'; END IF; RETURN new;"), letters => $poison,
        extra => "SELECT error_message, error_details ->> 'sqlstate', error_details ->> 'detail' FROM scout.$d WHERE event_id = 13", holds => qr/no poison here\|P0001\|why/],
    ['a trigger raises as a constraint would', before => trigger($l, 'AFTER INSERT', "$new_line RAISE 'no' USING ERRCODE = '23514', CONSTRAINT = 'mine', TABLE = 't'; END IF; RETURN NULL;"), letters => $poison,
        extra => "SELECT error_details ->> 'sqlstate', error_details ->> 'constraint', error_details ->> 'table' FROM scout.$d WHERE event_id = 13", holds => qr/23514\|mine\|t/],
    ['a trigger raises a fault of the system', later => trigger($l, 'BEFORE INSERT', "$new_line RAISE 'disk' USING ERRCODE = '58030'; END IF; RETURN new;"), fails => qr/58030: disk/],
    ['a trigger copies and calls scout', before => 'CREATE TABLE scout.scratch (n int);' . trigger($t, 'AFTER INSERT', q{
            IF new.transaction_id IN ('T7', 'T21') THEN
                COPY (SELECT 1) TO '/tmp/scout_ir_odd_tables.copy';
                COPY scout.scratch FROM '/tmp/scout_ir_odd_tables.copy';
                PERFORM scout.ingest_event(jsonb_build_object('transaction_id', 'N' || new.transaction_id, 'store_id', 'S', 'ts', '2026-01-01', 'total_amount', 5,
                    'items', '[{"product_id": "n", "qty": 1, "unit_price": 5}]'::jsonb));
                PERFORM scout.load_silver_from_bronze(2);
            END IF;
            RETURN NULL;}), extra => 'SELECT count(*) > 1 FROM scout.scratch', ignore => ['source_event_id', 'event_id']],
    # Columns of the user's.
    ['defaults', before => "ALTER TABLE scout.$t ADD note text NOT NULL DEFAULT 'mine', ADD seen timestamptz DEFAULT clock_timestamp(), ADD twice numeric GENERATED ALWAYS AS (total_amount * 2) STORED;
            ALTER TABLE scout.$l ADD nr bigint GENERATED ALWAYS AS IDENTITY, ADD serial bigserial, ADD total numeric GENERATED ALWAYS AS (quantity * unit_price) STORED;", ignore => ['seen', 'nr', 'serial'],
        extra => "SELECT count(*), count(DISTINCT nr), count(DISTINCT serial) FROM scout.$l"],
    ['a domain with a default, NOT NULL', super => "CREATE DOMAIN scout.tag AS text NOT NULL DEFAULT 't'; ALTER TABLE scout.$t ADD tag scout.tag;"],
    ['NOT NULL without default', before => "ALTER TABLE scout.$t ADD note text NOT NULL;", refused => qr/silver_transactions.note is NOT NULL without a default: loading does not fill it/],
    ['NOT NULL without default in the dead letters', before => "ALTER TABLE scout.$d ADD note text NOT NULL;", refused => qr/bronze_events_dlq.note is NOT NULL without a default/],
    ['NOT NULL that a trigger fills', before => "ALTER TABLE scout.$l ADD note text NOT NULL;" . trigger($l, 'BEFORE INSERT', q{new.note := 'filled'; RETURN new;})],
    ['NOT NULL without default, later', later => "ALTER TABLE scout.$t ADD note text NOT NULL;", letters => 'all'],
    ['a letter without status', before => "ALTER TABLE scout.$d ALTER status DROP DEFAULT;", refused => qr/bronze_events_dlq.status needs the default 'open'/],
    ['a column of ours that is generated', before => "ALTER TABLE scout.$t DROP unique_products, ADD unique_products int GENERATED ALWAYS AS (item_count) STORED;",
        refused => qr/silver_transactions.unique_products is a generated column: loading writes it/],
    ['a column of ours GENERATED ALWAYS AS IDENTITY', before => anew($l, [qr/product_key     bigint/, 'product_key bigint GENERATED ALWAYS AS IDENTITY']), refused => qr/product_key is GENERATED ALWAYS AS IDENTITY/],
    # Shape and types.
    ['a dropped column and another order', before => anew($t, [qr/\(\s+transaction_id  text COLLATE "C" PRIMARY KEY,/, '(gone int, source_event_id bigint UNIQUE, own int DEFAULT 5, updated_at timestamptz NOT NULL, transaction_id text PRIMARY KEY,'],
            [qr/updated_at      timestamptz NOT NULL,\s+source_event_id bigint UNIQUE/, 'other text']) . "ALTER TABLE scout.$t DROP gone, DROP other;"],
    ['domains', super => "CREATE DOMAIN scout.product AS text CHECK (VALUE <> 'poison'); CREATE DOMAIN scout.money AS numeric(18, 4) CHECK (VALUE < 4000);",
        before => anew($l, [qr/product_id      text/, 'product_id scout.product']) . anew($t, [qr/total_amount    numeric\(18, 4\)/, 'total_amount scout.money']), letters => "$usual WRITE_FAILED=13 WRITE_FAILED=20"],
    ['another scale', before => anew($t, [qr/total_amount    numeric\(18, 4\)/, 'total_amount numeric(5, 1)']), letters => $usual],
    ['a smaller precision', before => anew($t, [qr/total_amount    numeric\(18, 4\)/, 'total_amount numeric(4, 1)']), letters => "$usual WRITE_FAILED=20"],
    ['varchar', before => anew($t, [qr/customer_id     text/, 'customer_id varchar(20)']), refused => qr/silver_transactions needs column customer_id text \(it has character varying\(20\)\)/],
    ['varchar, later', later => "ALTER TABLE scout.$t ALTER payment_method TYPE varchar(20)", path => 'general'],
    ['float, later', later => "ALTER TABLE scout.$t ALTER net_amount TYPE float8", path => 'general'],
    ['a number made text, later', later => "ALTER TABLE scout.$t ALTER net_amount TYPE text", path => 'general'],
    ['a number made bytes, later', later => "ALTER TABLE scout.$t ALTER net_amount TYPE bytea USING NULL", fails => qr/42804: .*column "net_amount" is of type bytea/],
    ['a column dropped later', later => "ALTER TABLE scout.$l DROP category", fails => qr/42703: .*"category"/],
    ['ids that are equal and are not', super => "CREATE COLLATION scout.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        before => anew($t, [qr/transaction_id  text COLLATE "C"/, 'transaction_id text COLLATE scout.ci']), refused => qr/transaction_id has the nondeterministic collation/],
    ['unlogged', before => "ALTER TABLE scout.$t SET UNLOGGED; ALTER TABLE scout.$l SET UNLOGGED;", noted => qr/unlogged: its rows do not survive/],
    ['partitioned lines', before => anew($l, $by_hash) . $partitions],
    ['a trigger on one partition', before => anew($l, $by_hash) . $partitions . trigger('lines_0', 'BEFORE INSERT', 'IF new.line_sequence = 3 THEN RETURN NULL; END IF; RETURN new;'), letters => undef],
    ['partitioned transactions', before => anew($t, $by_hash, [qr/bigint UNIQUE/, 'bigint']), refused => qr/silver_transactions needs a unique index on \(source_event_id\), which a table partitioned by another column cannot have/],
    ['a child', before => "CREATE TABLE scout.child () INHERITS (scout.$t);", refused => qr/silver_transactions has tables that inherit from it \(scout.child\)/],
    ['a child, later', later => "CREATE TABLE scout.child () INHERITS (scout.$l);", fails => qr/55000: .*"scout.silver_line_items" cannot be used: tables inherit from it/],
    ['a child that is gone', before => "CREATE TABLE scout.child () INHERITS (scout.$l); DROP TABLE scout.child;"],
    ['a view in place of a table', before => "DROP TABLE scout.$l CASCADE; CREATE TABLE scout.v AS SELECT 1 AS n; CREATE VIEW scout.$l AS SELECT * FROM scout.v;", refused => qr/silver_line_items is a view, not a table/],
    ['a foreign table', super => "CREATE FOREIGN DATA WRAPPER none; CREATE SERVER s FOREIGN DATA WRAPPER none; DROP TABLE scout.$t CASCADE; CREATE FOREIGN TABLE scout.$t (n int) SERVER s;
            ALTER FOREIGN TABLE scout.$t OWNER TO pipeline_owner;", refused => qr/silver_transactions is a foreign table, not a table/],
    # Keys and constraints.
    ['a missing index', before => 'DROP INDEX scout.silver_transactions_processed_at_idx;', listed => qr/silver_transactions_processed_at_idx\|index\|missing\|CREATE INDEX/],
    ['keys the other way round', before => "ALTER TABLE scout.$l DROP CONSTRAINT silver_line_items_pkey; CREATE UNIQUE INDEX ON scout.$l (line_sequence, transaction_id);
            ALTER TABLE scout.$b DROP CONSTRAINT bronze_events_pkey;", noted => qr/no index begins with event_id.*no index begins with transaction_id/s],
    ['no unique key', before => "ALTER TABLE scout.$t DROP CONSTRAINT silver_transactions_source_event_id_key", refused => qr/silver_transactions needs a unique index on \(source_event_id\)/],
    ['a foreign key', before => "ALTER TABLE scout.$l ADD FOREIGN KEY (transaction_id) REFERENCES scout.$t;"],
    ['a foreign key that cascades', before => "ALTER TABLE scout.$l ADD FOREIGN KEY (transaction_id) REFERENCES scout.$t ON DELETE CASCADE;"],
    ['a foreign key checked at commit', before => "ALTER TABLE scout.$l ADD FOREIGN KEY (transaction_id) REFERENCES scout.$t DEFERRABLE INITIALLY DEFERRED;", noted => qr/deferrable constraints are checked with each statement/],
    ['a foreign key to a catalogue', before => "CREATE TABLE scout.known (id text PRIMARY KEY); INSERT INTO scout.known SELECT 'P' || n FROM generate_series(0, 8) n;
            ALTER TABLE scout.$l ADD FOREIGN KEY (product_id) REFERENCES scout.known DEFERRABLE INITIALLY DEFERRED;", letters => $poison],
    ['a deferrable unique constraint', before => "ALTER TABLE scout.$t ADD CONSTRAINT \"My one\" UNIQUE (customer_id) DEFERRABLE INITIALLY DEFERRED;", noted => qr/loads by INSERT: a deferrable unique constraint/,
        letters => "$usual WRITE_FAILED=9", path => 'general'],
    ['a constraint trigger at commit', later => trigger($l, 'BEFORE UPDATE', 'RETURN new;') . "CREATE FUNCTION scout.late() RETURNS trigger LANGUAGE plpgsql AS \$f\$ BEGIN $new_line RAISE 'late'; END IF; RETURN NULL; END \$f\$;
            CREATE CONSTRAINT TRIGGER late AFTER INSERT ON scout.$l DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION scout.late();", letters => $poison],
    ['a unique index over an expression', before => "CREATE UNIQUE INDEX ON scout.$t (lower(customer_id)) WHERE customer_id <> 'x';", letters => "$usual WRITE_FAILED=9"],
    ['an exclusion constraint', before => "ALTER TABLE scout.$t ADD EXCLUDE USING btree (customer_id WITH =);", letters => "$usual WRITE_FAILED=9",
        extra => "SELECT error_details ->> 'sqlstate' FROM scout.$d WHERE event_id = 9", holds => qr/23P01/],
    ['a check', before => "ALTER TABLE scout.$t ADD CONSTRAINT cheap CHECK (total_amount < 4000);", letters => "$usual WRITE_FAILED=20",
        extra => "SELECT error_details ->> 'sqlstate', error_details ->> 'constraint' FROM scout.$d WHERE event_id = 20", holds => qr/23514\|cheap/],
    # Rules and row security.
    ['a rule INSTEAD', before => "CREATE RULE away AS ON INSERT TO scout.$l DO INSTEAD NOTHING;", refused => qr/silver_line_items has rule away/],
    ['a rule ALSO', before => "CREATE TABLE scout.audit (id text); CREATE RULE also AS ON UPDATE TO scout.$t DO ALSO INSERT INTO scout.audit VALUES (new.transaction_id);", refused => qr/silver_transactions has rule also/],
    ['a rule on bronze', before => "CREATE RULE away AS ON DELETE TO scout.$b DO INSTEAD NOTHING;", refused => qr/bronze_events has rule away/],
    ['a rule, later', later => "CREATE RULE away AS ON INSERT TO scout.$l DO INSTEAD NOTHING;", fails => qr/55000: .*"scout.silver_line_items" cannot be used: a rule rewrites/],
    ['row security', before => "ALTER TABLE scout.$t ENABLE ROW LEVEL SECURITY; ALTER TABLE scout.$l ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON scout.$t USING (store_id = 'S1');"],
    ['forced row security', before => "ALTER TABLE scout.$t ENABLE ROW LEVEL SECURITY; ALTER TABLE scout.$t FORCE ROW LEVEL SECURITY;", refused => qr/silver_transactions has FORCE ROW LEVEL SECURITY/],
    map({ ["forced row security of $_, later", later => "CREATE POLICY p ON scout.$_ USING (store_id = 'S1') WITH CHECK (true); ALTER TABLE scout.$_ ENABLE ROW LEVEL SECURITY; ALTER TABLE scout.$_ FORCE ROW LEVEL SECURITY;",
        fails => qr/55000: .*"scout.$_" cannot be used: row security applies to its owner/, undo => "ALTER TABLE scout.$_ NO FORCE ROW LEVEL SECURITY"] } $t, $l, $b, $d),
);

# Constraints and columns that PostgreSQL 18 brought.
push @cases, (
    ['virtual columns', before => "ALTER TABLE scout.$b ADD kind text GENERATED ALWAYS AS (event_data ->> 'payment_method') VIRTUAL;
            ALTER TABLE scout.$t ADD twice numeric GENERATED ALWAYS AS (total_amount * 2) VIRTUAL NOT NULL;
            ALTER TABLE scout.$l ADD total numeric GENERATED ALWAYS AS (quantity * unit_price) VIRTUAL CHECK (total > 0);",
        extra => "SELECT count(*), sum(twice) FROM scout.$t"],
    ['a column of ours that is virtual, later', later => "ALTER TABLE scout.$t DROP unique_products, ADD unique_products int GENERATED ALWAYS AS (item_count) VIRTUAL;",
        fails => qr/428C9: .*"unique_products"/],
    ['NOT NULL NOT VALID', before => "ALTER TABLE scout.$t ADD CONSTRAINT known NOT NULL payment_method NOT VALID;", letters => 'all'],
) if $node->pg_version >= 18;

for my $case (@cases) {
    my ($name, %case) = @$case;
    my $ignore = join ',', 'processed_at', 'updated_at', 'dlq_id', 'failed_at', 'last_retry_at', 'resolved_at', @{$case{ignore} // []};
    my $state = join ' ', (map { "SELECT r FROM (SELECT (to_jsonb(x) - '{$ignore}'::text[])::text AS r FROM scout.$_ x) y ORDER BY r COLLATE \"C\";" } $t, $l, $d),
        $case{extra} ? "$case{extra} ORDER BY 1;" : '';
    my $load = 'DO $$ BEGIN WHILE (SELECT events_processed FROM scout.load_silver_from_bronze(17)) > 0 LOOP END LOOP; END $$;';
    my $reprocess = "DO \$\$ BEGIN PERFORM scout.reprocess_bronze_window('-infinity', 'infinity', 17); END \$\$;";
    my $balance = q{SELECT check_name, value, details FROM scout.reconcile() WHERE status <> 'ok';};
    # Each case is a transaction that is undone. What waits for COMMIT is checked by SET CONSTRAINTS.
    my $work = $case{fails} ? join('', map { "SAVEPOINT s; SET LOCAL scout_ir.write_path = $_; $load ROLLBACK TO s;" } 'auto', 'general')
        . ($case{undo} ? "RESET ROLE; $case{undo}; SET ROLE pipeline_owner;" : '') . "SELECT '#backlog'; SELECT scout.backlog(); SELECT '#balance'; $balance"
        : qq{SAVEPOINT s; SET LOCAL scout_ir.write_path = auto; $load SELECT '#auto'; $state
        SELECT '#path'; SELECT string_agg(DISTINCT write_path, ',') FROM scout.etl_runs WHERE kind = 'load' AND transactions_created > 0; ROLLBACK TO s;
        SET LOCAL scout_ir.write_path = general; $load SELECT '#general'; $state SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;
        SELECT '#letters'; SELECT string_agg(DISTINCT error_code || '=' || event_id, ' ' ORDER BY error_code || '=' || event_id) FROM scout.bronze_events_dlq WHERE event_id < 1000;
        SELECT '#balance'; $balance
        SET LOCAL scout_ir.write_path = auto;
        DELETE FROM scout.$l WHERE transaction_id IN ('T3', 'T4', 'T5'); DELETE FROM scout.$t WHERE transaction_id IN ('T3', 'T4'); $reprocess SELECT '#repaired'; $state
        SELECT '#quarantined'; SELECT events_quarantined, transactions_removed, line_items_removed FROM scout.quarantine_events('{5}', 'test');
        SET CONSTRAINTS ALL IMMEDIATE; SELECT '#in the end'; $balance};
    my ($out, $err) = ('', '');
    $node->psql('made', 'SET client_min_messages = warning; BEGIN; ' . ($case{super} // '') . '; ' . ($case{before} // '') . "; $hand_over SELECT '#adopted'; SELECT * FROM scout.create_pipeline('pipeline_owner');"
        . ($case{refused} ? 'ROLLBACK;' : ($case{later} // '') . "; $hand_over SET ROLE pipeline_owner; $work ROLLBACK;"),
        stdout => \$out, stderr => \$err, on_error_stop => 0, extra_params => ['-v', 'VERBOSITY=verbose']);
    my (%part, $at);
    for (split /\n/, $out) {
        if (/^#(.*)/) { $part{$at = $1} = '' } elsif (defined $at) { $part{$at} .= "$_\n" }
    }
    chomp(%part);
    ok(exists $part{adopted}, "$name: set up") or diag($err);
    if ($case{refused}) {
        like($err, qr/55000: the pipeline cannot be made from what is there.*$case{refused}/s, "$name: is refused with the reason");
        next;
    }
    like($part{adopted}, $case{noted}, "$name: with a word about it") if $case{noted};
    like($part{adopted}, $case{listed}, "$name: is listed") if $case{listed};
    if ($case{fails}) {
        is(scalar(() = $err =~ /$case{fails}/g), 2, "$name: both paths say why not") or diag($err);
        is($part{backlog}, '40', "$name: all is still to load");
        is($part{balance}, '', "$name: balances");
        next;
    }
    is($err, '', "$name: loads, reprocesses, quarantines");
    # What a constraint says holds the whole row, with the time of processing.
    my $rows = sub { [map { s/Failing row contains \([^"]*/Failing row/gr } split /\n/, $_[0] // ''] };
    my $repaired = sub { [map { s/"attempts": \d+/"attempts": ?/r } @{$rows->($_[0])}] };
    same_rows($rows->($part{auto}), $rows->($part{general}), "$name: the same rows by both paths");
    is($part{path}, $case{path} // 'native', "$name: by the path that is expected") unless defined $case{letters} || exists $case{letters} || $name =~ /copies/;
    if (($case{letters} // '') eq 'all') {
        is($part{general} =~ /WRITE_FAILED/ ? scalar(() = $part{letters} =~ /WRITE_FAILED/g) : 0, 39, "$name: every event is a dead letter");
    } elsif (exists $case{letters} && !defined $case{letters}) {
        like($part{letters}, qr/WRITE_FAILED/, "$name: some are dead letters");
    } else {
        is($part{letters}, $case{letters} // $usual, "$name: the dead letters");
    }
    like($part{general}, $case{holds}, "$name: the error keeps what it said") if $case{holds};
    is($part{balance}, '', "$name: balances");
    is($part{'in the end'}, '', "$name: balances in the end");
    next if ($case{letters} // '') eq 'all';
    same_rows($repaired->($part{repaired}), $repaired->($part{general}), "$name: a reprocess repairs, and changes nothing else") unless $name =~ /copies|default/;
    is($part{quarantined}, '1|1|4', "$name: a quarantine takes the lines with it") if exists $case{letters} ? defined $case{letters} : 1;
}
# An update that a trigger drops: the better event must not count as loaded, nor the worse one as displaced.
for my $path ('auto', 'general') {
    my $out = $node->safe_psql('made', 'BEGIN; SET ROLE pipeline_owner; SELECT events_processed FROM scout.load_silver_from_bronze(); '
        . 'RESET ROLE; ' . trigger($t, 'BEFORE UPDATE', "IF new.transaction_id = 'T12' THEN RETURN NULL; END IF; RETURN new;")
        . qq{SET ROLE pipeline_owner; SET LOCAL scout_ir.write_path = $path;
        INSERT INTO scout.bronze_events (event_id, event_data) SELECT event_id - 100, event_data || '{"customer_id": "better"}' FROM scout.bronze_events WHERE event_id IN (11, 12);
        SELECT transactions_updated, events_dead_lettered FROM scout.load_silver_from_bronze();
        SELECT source_event_id, customer_id FROM scout.$t WHERE transaction_id IN ('T11', 'T12') ORDER BY transaction_id;
        SELECT event_id, error_code, status FROM scout.$d WHERE event_id IN (11, 12, -88, -89) ORDER BY 1;
        SELECT check_name, value FROM scout.reconcile() WHERE status <> 'ok'; ROLLBACK;});
    is($out, "40\n1|2\n-89|better\n12|C12\n-88|WRITE_FAILED|open\n11|DUPLICATE_TRANSACTION|open", "an update that a trigger drops, $path");
}
# The same where the event stays and its content was corrected: silver would keep the old content as if it were the new.
is($node->safe_psql('made', 'BEGIN; SET ROLE pipeline_owner; SELECT events_processed FROM scout.load_silver_from_bronze(); '
    . 'RESET ROLE; ' . trigger($t, 'BEFORE UPDATE', "IF new.transaction_id = 'T12' THEN RETURN NULL; END IF; RETURN new;")
    . qq{SET ROLE pipeline_owner; UPDATE scout.$b SET event_data = event_data || '{"customer_id": "corrected"}' WHERE event_id = 12;
    SELECT transactions_removed, events_dead_lettered FROM scout.reprocess_bronze_window('-infinity', 'infinity');
    SELECT event_id, error_code, status FROM scout.$d WHERE event_id = 12; SELECT check_name, value FROM scout.reconcile() WHERE status <> 'ok'; ROLLBACK;}),
    "40\n1|1\n12|WRITE_FAILED|open", 'a correction that a trigger drops');
unlink '/tmp/scout_ir_odd_tables.copy';

$node->stop;
done_testing();
