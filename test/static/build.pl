# The Makefile: each file is compiled once, whatever is asked for together; a header compiles again what
# includes it, and nothing else. SCOUT_SRC is a copy without objects, SCOUT_BUILD what was just built from SCOUT_REPO.
use strict;
use warnings;
use Test::More;

my ($src, $repo, $build) = @ENV{qw(SCOUT_SRC SCOUT_REPO SCOUT_BUILD)};

# What make would compile, by object.
sub compiled {
    my ($arguments) = @_;
    my $commands = `make -n PG_CONFIG='$ENV{PG_CONFIG}' $arguments`;
    is($?, 0, "make $arguments");
    my %times;
    $times{$1}++ while $commands =~ /^[^\n]* -c [^\n]*?-o (src\S+)/mg;
    return \%times;
}

my @files = glob "$src/src/*/*.cpp";
cmp_ok(scalar @files, '>', 50, 'there are sources');
for my $goals ('all install', 'install', '', 'install all installdirs') {
    my $times = compiled("-C '$src' -j2 $goals DESTDIR=/nowhere");
    is(scalar(grep { /\.o\z/ } keys %$times), scalar @files, 'compiles each source');
    is_deeply([grep { !/\.o\z/ } keys %$times], [], 'into no bitcode');
    is_deeply([grep { $times->{$_} > 1 } sort keys %$times], [], 'and none twice');
}

my $in_build = "-C '$build' -f '$repo/Makefile' all";
is_deeply([keys %{ compiled($in_build) }], [], 'what is built stays');
my $after = compiled("$in_build -W '$repo/src/freshness/dataset.hpp'");
ok($after->{'src/freshness/dataset.o'}, 'a header compiles what includes it');
is_deeply([grep { !m{\Asrc/freshness/} } sort keys %$after], [], 'and nothing else');
$after = compiled("$in_build -W '$repo/src/pg/postgres.hpp'");
ok($after->{'src/freshness/dataset.o'}, 'also through another header');
ok(!$after->{'src/core/decimal.o'}, 'the core includes no header of the server');

my @versioned;
for my $file (@files) {
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    push @versioned, $file =~ m{(src/[^/]+/[^/]+)\.cpp\z} if <$in> =~ /SCOUT_IR_(?:VERSION|CATALOGUE)/;
}
$after = compiled("$in_build -W '$repo/Makefile'");
is_deeply([sort keys %$after], [map { "$_.o" } sort @versioned], 'the Makefile compiles what has its versions');
done_testing();
