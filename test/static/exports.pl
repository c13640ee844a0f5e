# The library exports what the server calls by name, and nothing else: a C++ symbol that leaks can be taken for
# another library's of the same name.
use strict;
use warnings;
use Test::More;

my ($repo, $build) = @ENV{qw(SCOUT_REPO SCOUT_BUILD)};
my @workers = qw(scout_job_worker scout_supervisor scout_tick);
my @libraries = qw(scout_register_capability);  # for another library's capability

my ($script) = grep { !/--.*--/ } glob "$build/sql/scout_ir--*.sql";
open my $in, '<', $script or die "$script: $!\n";
my $sql = do { local $/; <$in> };
close $in;
my %functions = map { $_ => 1 } $sql =~ /'MODULE_PATHNAME',\s*'(\w+)'/g;
cmp_ok(scalar(keys %functions), '>', 50, 'SQL functions in C');
unlike($sql, qr/'MODULE_PATHNAME'\s*(?!,)\s*(?:LANGUAGE|;)/, 'each names its symbol');

my %exported = map { (split)[2] => 1 } `nm -D --defined-only '$build/scout_ir.so'`;
is($?, 0, 'nm reads the library');
my @wanted = ('_PG_init', 'Pg_magic_func', @workers, @libraries, map { ($_, "pg_finfo_$_") } sort keys %functions);
is_deeply([grep { !$exported{$_} } @wanted], [], 'exported: what the server calls');
delete @exported{@wanted};
# libstdc++'s headers mark namespace std as exported: static data of its inline functions stays visible.
is_deeply([grep { !/\A_ZZ?N?K?St/ } sort keys %exported], [], 'and nothing else');
done_testing();
