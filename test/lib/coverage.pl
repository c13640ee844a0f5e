# perl coverage.pl SRC FOLDER...: which part of the lines below SRC was run, as a table per folder and the files
# below 85 %. Each FOLDER holds what gcc --coverage wrote: .gcno of each object, and .gcda where it was run.
# A line is run if it was run in any object: a header is compiled into many.
use strict;
use warnings;
use File::Find ();
use JSON::PP ();

my ($src, @folders) = @ARGV;
my $enough = 85;
my %runs;  # file => line => how often

my @objects;
File::Find::find({ no_chdir => 1, wanted => sub { push @objects, $_ if /\.gcno\z/ } }, @folders);
die "no .gcno below @folders\n" unless @objects;
for my $object (sort @objects) {
    # Without .gcda, gcov counts zeros and says so.
    open my $gcov, '-|', 'sh', '-c', 'exec gcov --json-format --stdout "$1" 2>/dev/null', 'sh', $object or die "gcov: $!\n";
    local $/;
    my $text = <$gcov>;
    close $gcov or die "gcov $object failed\n";
    for my $file (@{ JSON::PP->new->decode($text)->{files} }) {
        my $name = $file->{file};
        next unless $name =~ s{\A.*?\Q$src\E/}{};
        $runs{$name}{ $_->{line_number} } += $_->{count} for @{ $file->{lines} };
    }
}

my (%lines, %run);
for my $name (keys %runs) {
    my ($folder) = $name =~ m{\A([^/]+)/};
    my @counts = values %{ $runs{$name} };
    for my $of ($name, $folder, 'all') {
        $lines{$of} += @counts;
        $run{$of} += grep { $_ > 0 } @counts;
    }
}
sub percent { my ($of) = @_; return 100 * $run{$of} / $lines{$of}; }

printf "| folder | lines | run | %% |\n| --- | ---: | ---: | ---: |\n";
printf "| %s | %d | %d | %.1f |\n", $_, $lines{$_}, $run{$_}, percent($_) for (sort grep { !m{/} && $_ ne 'all' } keys %lines), 'all';
my @low = sort { percent($a) <=> percent($b) || $a cmp $b } grep { m{/} && percent($_) < $enough } keys %lines;
print "\nBelow $enough %:\n" if @low;
printf "  %5.1f %%  %s, %d lines not run\n", percent($_), $_, $lines{$_} - $run{$_} for @low;
