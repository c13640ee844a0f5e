# What each index, foreign key, fill factor and key type costs: the finished rows are copied into copies of the
# pipeline's tables that differ in one thing. For silver_transactions also what a reprocess does to each row.
# No bars: a table to choose by.
use strict;
use warnings;
use Bench;
use Scenario;

# Candidates beyond "without each of the indexes that create_pipeline() makes": a name, perhaps a pattern of
# indexes to leave out, statements. An UPDATE is HOT only where no index has the column, BRIN included, and the page has room.
my $no_processed_at = qr/\(processed_at\)/;
my %candidates = (
    bronze_events => [['plus B-tree on ingested_at', 'CREATE INDEX ON phys.bronze_events (ingested_at)'],
        ['plus UNIQUE (event_hash) instead of a key table', 'CREATE UNIQUE INDEX ON phys.bronze_events (event_hash)']],
    bronze_event_keys => [['hash as uuid', 'DROP TABLE phys.bronze_event_keys',
        'CREATE TABLE phys.bronze_event_keys (event_hash uuid PRIMARY KEY, event_id bigint NOT NULL)']],
    silver_transactions => [['B-tree on processed_at', $no_processed_at, 'CREATE INDEX ON phys.silver_transactions (processed_at)'],
        ['BRIN on processed_at', $no_processed_at, 'CREATE INDEX ON phys.silver_transactions USING brin (processed_at)'],
        ['plus B-tree on (store_id, ts)', 'CREATE INDEX ON phys.silver_transactions (store_id, ts)'],
        map({ ["fillfactor $_", "ALTER TABLE phys.silver_transactions SET (fillfactor = $_)"] } 90, 80),
        map({ ["no index on processed_at, fillfactor $_", $no_processed_at, "ALTER TABLE phys.silver_transactions SET (fillfactor = $_)"] } 100, 90, 80, 50)],
    silver_line_items => [['plus foreign key to transactions', 'ALTER TABLE phys.silver_line_items ADD FOREIGN KEY (transaction_id) REFERENCES scout.silver_transactions'],
        map({ ["plus B-tree on $_", "CREATE INDEX ON phys.silver_line_items ($_)"] } qw(product_id product_key updated_at)),
        ['plus uuid key', 'ALTER TABLE phys.silver_line_items ADD id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE'],
        ['fillfactor 90', 'ALTER TABLE phys.silver_line_items SET (fillfactor = 90)']],
    bronze_events_dlq => [],
);

# The indexes of a pipeline table as statements for its copy: name => CREATE INDEX.
sub indexes {
    my ($db, $table) = @_;
    return @{ connection($db)->selectall_arrayref(qq{
        SELECT c.relname, replace(pg_get_indexdef(i.indexrelid), ' ON scout.', ' ON phys.') FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'scout.$table'::regclass ORDER BY 1}) };
}

# One variant once: into an empty table, then its size, then the update. Everything in one row.
sub try_variant {
    my ($db, $table, $columns, $rows, @statements) = @_;
    sql($db, "DROP TABLE IF EXISTS phys.$table", "CREATE TABLE phys.$table (LIKE scout.$table INCLUDING ALL EXCLUDING INDEXES EXCLUDING IDENTITY)", @statements, 'CHECKPOINT');
    my $dbh = connection($db);
    my %s = (insert => sample($dbh, $rows, sub { $_[0]->do(sprintf q{COPY phys.%s (%s) FROM '%s' (FORMAT binary)}, $table, $columns, file("$table.rows")); return; }));
    $s{mb} = value($dbh, "SELECT pg_total_relation_size('phys.$table') / 1048576.0");
    if ($table eq 'silver_transactions') {
        sql($db, "VACUUM ANALYZE phys.$table", 'CHECKPOINT');
        $dbh->begin_work;
        $s{update} = sample($dbh, $rows, sub { $_[0]->do("UPDATE phys.$table SET processed_at = clock_timestamp()"); return; });
        $s{hot} = value($dbh, "SELECT 100.0 * n_tup_hot_upd / n_tup_upd FROM pg_stat_xact_user_tables WHERE relid = 'phys.$table'::regclass");
        $dbh->commit;
    }
    return \%s;
}

scenario physical => sub {
    my $db = new_database('bench_physical');
    sql($db, 'CREATE SCHEMA phys', copy_part(1, $size{physical}), 'VACUUM ANALYZE');
    load_all(connection($db));
    my @tables = qw(bronze_events bronze_event_keys silver_transactions silver_line_items bronze_events_dlq);
    my (@variants, %columns, %rows);
    for my $table (@tables) {
        # Letters come from a quarantine of everything, once the other rows are kept.
        if ($table eq 'bronze_events_dlq') {
            sql($db, 'CREATE TABLE bench.kept AS TABLE scout.silver_transactions',
                q{SELECT * FROM scout.quarantine_window('-infinity', now(), 'bench')}, 'INSERT INTO scout.silver_transactions TABLE bench.kept');
        }
        $columns{$table} = value($db, "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = 'scout.$table'::regclass AND attnum > 0 AND NOT attisdropped");
        $rows{$table} = value($db, "SELECT count(*) FROM scout.$table");
        sql($db, sprintf q{COPY scout.%s (%s) TO '%s' (FORMAT binary)}, $table, $columns{$table}, file("$table.rows"));
        my @indexes = indexes($db, $table);
        my @all = map { $_->[1] } @indexes;
        push @variants, [$table, 'as made', @all];
        for my $i (@indexes) { push @variants, [$table, "without $i->[0]", grep { $_ ne $i->[1] } @all]; }
        push @variants, [$table, 'without any index'];
        for my $c (@{ $candidates{$table} }) {
            my ($name, @statements) = @$c;
            my $leave_out = ref $statements[0] ? shift @statements : qr/(?!)/;
            push @variants, [$table, $name, (grep { !/$leave_out/ } @all), @statements];
        }
    }
    my %samples;
    for my $round (1 .. ($size{rounds} > 2 ? 3 : 1)) {
        for my $v ($round % 2 ? @variants : reverse @variants) {
            my ($table, $name, @statements) = @$v;
            push @{ $samples{$table}{$name} }, try_variant($db, $table, $columns{$table}, $rows{$table}, @statements);
        }
        say_so("physical, round $round: " . @variants . ' variants');
    }
    my $of = sub { my ($list, $what) = @_; return median(map { $what->($_) } @$list); };
    my @rows;
    for my $v (@variants) {
        my ($table, $name) = @$v;
        my ($s, $made) = @{ $samples{$table} }{ $name, 'as made' };
        my ($insert, $update) = map { my $step = $_; sub { $_[0]{$step}{seconds} } } 'insert', 'update';
        push @rows, [$table, $name, sprintf('%.0f', 1000 * $of->($s, $insert)), sprintf('%.2f', $of->($s, $insert) / $of->($made, $insert)),
            sprintf('%.0f', $of->($s, sub { $_[0]{insert}{wal} }) / $rows{$table}), sprintf('%.1f', $s->[0]{mb}),
            $s->[0]{update} ? (sprintf('%.0f', 1000 * $of->($s, $update)), sprintf('%.2f', $of->($s, $update) / $of->($made, $update)), sprintf('%.0f', $s->[0]{hot})) : ()];
    }
    table_of("Physical design: COPY of the finished rows of $size{physical} events, and an UPDATE of every processed_at",
        ['table', 'variant', 'ms', 'over as made', 'WAL/row', 'MB', 'update ms', 'over as made', 'HOT %'], \@rows);
};

1;
