# The version of the tables' layout stands where it is required (src/extension/pipeline.hpp) and where it is
# written (sql/layout/create_pipeline.sql), in the words that are read (src/extension/pipeline.cpp).
use strict;
use warnings;
use Test::More;

my $src = $ENV{SCOUT_SRC};

sub content {
    my ($file) = @_;
    open my $in, '<', "$src/$file" or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

my ($required) = content('src/extension/pipeline.hpp') =~ /pipeline_schema_version = (\d+);/;
my ($read) = content('src/extension/pipeline.cpp') =~ /sscanf\(comment, "([^"]*)%d"/;
ok($required, 'a version is required');
ok($read, 'and read from a comment');
my @written = content('sql/layout/create_pipeline.sql') =~ /COMMENT ON TABLE scout\.bronze_pending IS '\Q$read\E(\d+): /g;
is_deeply(\@written, [$required], 'which is written once, with the same version');
done_testing();
