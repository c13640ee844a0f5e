# SQL of more than ten lines stands in sql/, where it can be read, and not in a string of C++. Counted are the
# lines of a literal and of those that are joined with it, macros in between; what a macro brings counts where it
# is defined.
use strict;
use warnings;
use Test::More;

my $most = 10;
my $literal = qr{"(?:[^"\\\n]|\\.)*"}s;
my $raw = qr{R"(\w*)\(.*?\)\g{-1}"}s;
my $comment = qr{//[^\n]*|/\*.*?\*/}s;
my $blank = qr{(?:\s|\\\n|$comment)*};
my $macro = qr{[A-Z][A-Z_0-9]+(?:\((?:[^()"]|$literal)*\))?};

# Strings of a source, each as its first line and how many lines it has.
sub strings {
    my ($text) = @_;
    my @found;
    while ($text =~ m{\G(?:$comment|'(?:[^'\\\n]|\\.)+'|(?<string>(?:$raw|$literal)(?:$blank(?:$raw|$literal|$macro))*)|.)}gcs) {
        my $string = $+{string} // next;
        my $before = substr $text, 0, $-[0];
        push @found, [1 + ($before =~ tr/\n//), 1 + ($string =~ tr/\n//)];
    }
    return @found;
}

is_deeply([map { $_->[1] } strings(qq{f("a"\n  "b" MACRO("x")\n "c", '"', R"(one\ntwo)"); // "no"\n})], [3, 2], 'strings are found');
is_deeply([strings(join "\n", ('"SELECT 1"') x 11)], [[1, 11]], 'and counted');

my @files = glob "$ENV{SCOUT_SRC}/src/*/*.[ch]pp";
cmp_ok(scalar @files, '>', 50, 'there are sources');
my @long;
for my $file (@files) {
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    push @long, map { $_->[1] > $most ? $file =~ s{.*/(?=src/)}{}r . ":$_->[0]: $_->[1] lines" : () } strings($text);
}
is_deeply(\@long, [], "no string has more than $most lines");
done_testing();
