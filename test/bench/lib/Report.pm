# The table for people, results.json and the plot.
package Report;
use strict;
use warnings;
use JSON::PP;
use List::Util qw(max);
use Bench;

sub number { my ($v, $format) = @_; return defined $v ? sprintf $format, $v : ''; }
sub grouped { my ($n) = @_; 1 while $n =~ s/^(\d+)(\d{3})/$1,$2/; return $n; }

sub print_tables {
    my ($quick) = @_;
    print "\nSizes of --quick: these ratios say nothing about the bars.\n" if $quick;
    my @rows = map { [$_->{title}, $_->{operator} ? "$_->{operator} $_->{bar}" : '', number($_->{ratio}, '%.2f'), number($_->{min}, '%.2f'),
        number($_->{max}, '%.2f'), $_->{verdict}, grouped(number($_->{events_per_s}, '%.0f')), grouped(number($_->{rows_per_s}, '%.0f')), number($_->{peak_mb}, '%.1f'),
        number($_->{wal_per_event}, '%.0f'), $_->{note} // ''] } @Bench::results;
    plain('Ratio of medians; minimum and maximum of the pairs. Events/s, rows/s, peak memory of the backend and bytes of WAL are ours.',
        ['measure', 'bar', 'median', 'min', 'max', '', 'events/s', 'rows/s', 'MB', 'WAL/event', 'note'], \@rows);
    plain($_->{title}, $_->{head}, $_->{rows}) for @Bench::tables;
    return;
}

# Columns of words to the left, of numbers to the right.
sub plain {
    my ($title, $head, $rows) = @_;
    print "\n$title\n\n";
    my @width = map { my $i = $_; max(map { length($_->[$i] // '') } $head, @$rows) } 0 .. $#$head;
    my @left = map { my $i = $_; scalar grep { ($_->[$i] // '') =~ /[a-z]{3}/i } @$rows } 0 .. $#$head;
    for my $row ($head, @$rows) {
        my $line = join '  ', map { sprintf($left[$_] ? "%-$width[$_]s" : "%$width[$_]s", $row->[$_] // '') } 0 .. $#$head;
        $line =~ s/\s+$//;
        print "$line\n";
    }
    return;
}

sub machine {
    open my $cpus, '<', '/proc/cpuinfo' or return {};
    my @models = map { /^model name\s*:\s*(.*)/ ? $1 : () } <$cpus>;
    open my $memory, '<', '/proc/meminfo' or return {};
    my ($kb) = map { /^MemTotal:\s+(\d+)/ ? $1 : () } <$memory>;
    chomp(my ($kernel, $disk) = (scalar `uname -sr`, scalar `stat -f -c %T '$ENV{BENCH_FILES}'`));
    return { cpus => scalar @models, model => $models[0], memory_mb => int($kb / 1024), kernel => $kernel, file_system => $disk };
}

sub write_files {
    my ($out, $quick, $seconds, $failed) = @_;
    my $dbh = connection('postgres');
    my %settings = map { @$_ } @{ $dbh->selectall_arrayref(
        q{SELECT name, current_setting(name) FROM pg_settings WHERE source NOT IN ('default', 'override', 'client') ORDER BY name}) };
    my %all = (version => value($dbh, 'SELECT version()'), revision => $ENV{BENCH_REVISION}, quick => $quick ? JSON::PP::true : JSON::PP::false,
        seconds => $seconds, failed => $failed, machine => machine(), settings => \%settings, sizes => \%size,
        results => \@Bench::results, tables => \@Bench::tables, batch_time_by_history => \@Bench::series);
    store("$out/results.json", JSON::PP->new->canonical->pretty->allow_nonref->encode(\%all));
    store("$out/batch_time_by_history.svg", plot()) if @Bench::series;
    return;
}

sub store {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
    return;
}

# Batch time against history: one line that should be flat, and the control, a database whose history
# stays small and that was measured in the same minutes.
sub plot {
    my ($w, $h, $left, $right, $top, $bottom) = (720, 400, 70, 150, 40, 50);
    my $x_max = max(map { $_->{history} } @Bench::series);
    my $y_max = 1.15 * max(map { max($_->{ms}, $_->{control_ms}) } @Bench::series);
    my $x = sub { sprintf '%.1f', $left + $_[0] / $x_max * ($w - $left - $right) };
    my $y = sub { sprintf '%.1f', $h - $bottom - $_[0] / $y_max * ($h - $top - $bottom) };
    my $svg = qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $w $h" font-family="sans-serif" font-size="12">\n}
        . qq{<rect width="$w" height="$h" fill="white"/>\n}
        . qq{<text x="$left" y="22" font-size="15">Time of a batch of @{[grouped($size{batch})]} events, by processed events behind it</text>\n};
    for my $i (0 .. 4) {
        my $v = $y_max * $i / 4;
        $svg .= sprintf qq{<line x1="%s" x2="%s" y1="%s" y2="%s" stroke="#ddd"/><text x="%s" y="%s" text-anchor="end">%.0f ms</text>\n},
            $left, $w - $right, $y->($v), $y->($v), $left - 6, $y->($v) + 4, $v;
        my $n = $x_max * $i / 4;
        $svg .= sprintf qq{<text x="%s" y="%s" text-anchor="middle">%s</text>\n}, $x->($n), $h - $bottom + 20, grouped(sprintf '%.0f', $n);
    }
    for (['ms', '#b2182b', 'history as on the axis'], ['control_ms', '#2166ac', 'control: ' . grouped($size{little_history})]) {
        my ($key, $colour, $label) = @$_;
        my $points = join ' ', map { $x->($_->{history}) . ',' . $y->($_->{$key}) } @Bench::series;
        $svg .= qq{<polyline points="$points" fill="none" stroke="$colour" stroke-width="2"/>\n};
        $svg .= sprintf qq{<circle cx="%s" cy="%s" r="3" fill="$colour"/>\n}, $x->($_->{history}), $y->($_->{$key}) for @Bench::series;
        $svg .= sprintf qq{<text x="%s" y="%s" fill="$colour">$label</text>\n}, $w - $right + 8, $top + 14 * ($key eq 'ms' ? 1 : 3);
    }
    return "$svg</svg>\n";
}

1;
