#!/usr/bin/perl
# The driver: chooses scenarios, runs them on the server that PGHOST names (see run), writes the results.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Getopt::Long;
use POSIX ();
use Bench;
use Report;

my %option = (out => undef);
GetOptions(\%option, 'quick', 'only=s', 'out=s', 'list', 'rounds=i') or exit 2;
%size = (%size, rounds => 2, events => 10_000, history => 50_000, little_history => 5_000, steps => [20_000, 50_000],
    batches => 3, singles => 4_000, phases => 4, waiting => 2_000, reprocessed => 5_000, memory => [4_000, 20_000],
    inserts => 250, looks => 5, physical => 5_000, checked => 20_000, hour => 2_000, batch => 500) if $option{quick};
$size{rounds} = $option{rounds} if $option{rounds};

require $_ for sort glob "$FindBin::Bin/scenarios/*.pl";
my %wanted = map { $_ => 1 } split /,/, $option{only} // join ',', map { $_->{name} } @Bench::scenarios;
for my $name (keys %wanted) {
    die "no scenario $name; there are: @{[map { $_->{name} } @Bench::scenarios]}\n" if !grep { $_->{name} eq $name } @Bench::scenarios;
}
if ($option{list}) {
    for my $s (@Bench::scenarios) {
        print "$s->{name}\n";
        printf "    %-100s %s %s\n", @{ $Bench::measure{$_} } for @{ $s->{measures} };
    }
    exit;
}

my $out = $option{out} // "$ENV{BENCH_RESULTS}/" . POSIX::strftime('%Y-%m-%dT%H%M%S', localtime);
system('mkdir', '-p', $out) == 0 or die "cannot make $out\n";
my $started = time;
Bench::start_sampler();
say_so('the empty pipeline and the events');
sql('postgres', 'CREATE ROLE pipeline_owner LOGIN', 'CREATE DATABASE bench_empty', 'CREATE DATABASE bench_events');
psql_file('bench_empty', 'setup.sql');
psql_file('bench_events', 'setup.sql');
psql_file('bench_events', 'events.sql', events => $size{events}, files => $ENV{BENCH_FILES});
sql('postgres', 'DROP DATABASE bench_events');  # what is left of it are files
sql('bench_empty', sprintf q{COPY scout.dim_product (product_id, product_name, brand_name, category) FROM '%s'}, file('products.tsv'));

my @failed;
for my $s (grep { $wanted{ $_->{name} } } @Bench::scenarios) {
    say_so("--- $s->{name}");
    # One scenario that breaks does not take the results of the others with it.
    eval { $s->{code}->(); 1 } or do { push @failed, $s->{name}; warn "$s->{name} failed: $@"; };
    Report::write_files($out, $option{quick}, time - $started, \@failed);
    Bench::drop_databases();
}
Report::print_tables($option{quick});
print "\n", scalar(localtime), ', ', int((time - $started) / 60 + 0.5), " minutes. Raw samples, settings and plot: $out\n";
print "Failed: @failed\n" if @failed;
exit(@failed ? 1 : 0);
