# The numbers of our advisory locks stand where they are taken (src/extension/locks) and where they are read
# (sql/extension/locks.sql), and nowhere else.
use strict;
use warnings;
use Test::More;

my $src = $ENV{SCOUT_SRC};

sub content {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

my ($header, $source) = map { content("$src/src/extension/locks.$_") } qw(hpp cpp);
my $view = content("$src/sql/extension/locks.sql");

my ($names) = $header =~ /enum class Lock : uint32 \{([^}]*)\}/ or BAIL_OUT('no enum Lock');
my %taken = $names =~ /(\w+) = (\d+)/g;
my %read = reverse $view =~ /\((\d+), '(\w+)'\)/g;
cmp_ok(scalar keys %taken, '>', 5, 'locks have names');
is_deeply(\%read, \%taken, 'read by the numbers that they are taken with');

my %number = map { $_->[0] => hex $_->[1] } map { my $t = $_; map { [split /\s*=\s*/] } $t =~ /(\w+ = 0x[0-9A-F]+);/g } $header, $source;
for my $field (qw(lock_class lock_field job_lock_field)) {
    ok($number{$field}, "$field is known");
    like($view, qr/\b$number{$field}\b/, 'and read');
}

my $numbers = join '|', values %number;
my @elsewhere = grep { !m{/extension/locks\.|/scout_ir--} && content($_) =~ /\b(?:$numbers)\b|pg_locks l WHERE l\.locktype/ }
    glob("$src/src/*/*.[ch]pp"), glob("$src/sql/*.sql"), glob("$src/sql/*/*.sql");
is_deeply(\@elsewhere, [], 'nobody else knows them');
done_testing();
