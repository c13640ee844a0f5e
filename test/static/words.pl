# One word for each capability, from the library's list to its tests: the same name finds its sources, its SQL, its
# reference and what tests it.
use strict;
use warnings;
use Test::More;

my $src = $ENV{SCOUT_SRC};
# The frame of the others: the registry, locks and versions have no functions that users call.
my %no_reference = (extension => 1);

open my $in, '<', "$src/src/extension/capabilities.cpp" or die "capabilities.cpp: $!\n";
my $text = do { local $/; <$in> };
my ($list) = $text =~ /#define SCOUT_CAPABILITIES\(_\)((?:.*\\\n)*.*)\n/ or BAIL_OUT('no list of capabilities');
my @words = $list =~ /_\((\w+)\)/g;
cmp_ok(scalar @words, '>', 15, 'the capabilities are listed');

my @rooms = map { m{/(\w+)$} } grep { -e "$_/capability.cpp" } glob("$src/src/*");
is_deeply([sort @words], [sort @rooms], 'and each has its folder, which says what it is');

for my $word (@words) {
    ok(scalar(grep { -s } "$src/sql/$word.sql", glob("$src/sql/$word/*.sql")), "$word has its SQL");
    if ($no_reference{$word}) { ok(!-e "$src/docs/reference/$word.md", "$word is not for users") }
    else { ok(-s "$src/docs/reference/$word.md", "$word has its reference") }
    my @tests = map { glob("$src/test/$_") } "sql/${word}{,_*}.sql", "pgtap/${word}{,_*}.sql", "tap/${word}{,_*}.pl", "isolation/specs/${word}{,_*}.spec";
    ok(scalar(grep { -s } @tests), "$word has its tests");
}

# No other words.
my @sql = map { m{/(\w+)(?:\.sql)?$} } grep { !m{/scout_ir--} && m{/updates$} == 0 } glob("$src/sql/*");
is_deeply([sort @sql], [sort @words], 'nothing else has SQL');
my %word = map { $_ => 1 } @words;
is_deeply([grep { !$word{$_} && $_ ne 'README' } map { m{/(\w+)\.md$} } glob("$src/docs/reference/*.md")], [], 'nor a reference');
done_testing();
