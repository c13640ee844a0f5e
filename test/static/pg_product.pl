# src/pg knows PostgreSQL and not the product: no name, table, tier or setting of ours stands in its code. What it
# shows of the product it is told (src/pg/product.hpp). Comments, the namespace, and the names of macros and of
# include paths may.
use strict;
use warnings;
use Test::More;

my $src = $ENV{SCOUT_SRC};

# The words of ours in a text of C++, comments aside.
sub ours {
    my ($code) = @_;
    $code =~ s{("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/}{$1 // ''}gse;
    $code =~ s/\bnamespace scout\b|\bscout::|\bSCOUT_(?:FUNCTION|ACTION|TRIGGER|INTAKE)\b//g;
    return $code =~ /(\w*(?:scout|bronze|silver|gold|platinum|dead_letter|pipeline|ingested_at|supervisor|jwt)\w*)/gi;
}

is_deeply([ours(qq{namespace scout::pg {  // scout_ir\n}})], [], 'a comment and the namespace may');
is_deeply([ours(qq{f("scout_ir job", "x // y");  // bronze\n g("FROM scout.t", "ScoutIrX");})], [qw(scout_ir scout ScoutIrX)], 'code may not');

my @files = glob "$src/src/pg/*.[ch]pp";
cmp_ok(scalar @files, '>', 40, 'the files of src/pg');
for my $file (@files) {
    open my $in, '<', $file or die "$file: $!\n";
    my $code = do { local $/; <$in> };
    my ($name) = $file =~ m{([^/]+)\z};
    is_deeply([ours($code)], [], $name);
}
done_testing();
