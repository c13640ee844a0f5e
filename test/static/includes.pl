# The rooms of src/ include each other in the written order (test/includes.order), and scripts/includes sees it
# where they do not.
use strict;
use warnings;
use Cwd;
use File::Temp;
use Test::More;

my $src = $ENV{SCOUT_SRC} // getcwd();

sub includes {
    my ($folder) = @_;
    my $said = `"$src/scripts/includes" "$folder" 2>&1`;
    return ($? >> 8, $said);
}

my ($status, $said) = includes($src);
is($status, 0, 'no include goes against the order') || diag $said;
my ($read) = $said =~ /^(\d+) includes of/m;
cmp_ok($read // 0, '>', 500, 'the includes were read');

# A tree of a few files, with one mistake each.
sub fails {
    my ($what, $expected, %files) = @_;
    my $tree = File::Temp->newdir;
    my %all = ('src/core/text.hpp' => "#include <string>\n", 'src/pg/spi.hpp' => qq{extern "C" {\n#include "postgres.h"\n}\n#include "core/text.hpp"\n},
        'src/extension/registry.hpp' => qq{#include "pg/spi.hpp"\n}, 'src/jobs/kind.hpp' => qq{#include "extension/registry.hpp"\n},
        'src/pause/control.hpp' => qq{#include "jobs/kind.hpp"\n}, 'src/load/load.cpp' => qq{#include "pause/control.hpp"\n},
        'src/alerts/alert.hpp' => qq{#include "extension/registry.hpp"\n}, %files);
    mkdir "$tree/$_" for 'test', 'src', map { "src/$_" } qw(core pg extension jobs pause load alerts sources);
    open my $order, '<', "$src/test/includes.order" or die "includes.order: $!";
    local $/;
    $all{'test/includes.order'} = <$order>;
    for my $name (keys %all) {
        open my $file, '>', "$tree/$name" or die "$name: $!";
        print {$file} $all{$name};
        close $file or die "$name: $!";
    }
    my ($got, $text) = includes($tree);
    is($got, defined $expected ? 1 : 0, $what);
    return like($text, $expected // qr/, 0 wrong$/m, '  and it is named');
}

fails('what is in order passes', undef);
fails('a capability includes another', qr{^src/load/load\.cpp:1: load must not include alerts \(alerts/alert\.hpp\)$}m,
    'src/load/load.cpp' => qq{#include "alerts/alert.hpp"\n});
fails('an arrow runs up within the written order', qr{^src/pause/control\.hpp:1: pause must not include load}m,
    'src/pause/control.hpp' => qq{#include "load/batch.hpp"\n}, 'src/load/batch.hpp' => '');
fails('pg knows the product', qr{^src/pg/spi\.hpp:2: pg must not include extension}m,
    'src/pg/spi.hpp' => qq{\n  #  include "extension/registry.hpp"\n}, 'src/extension/registry.hpp' => '');
fails('core knows the server', qr{^src/core/text\.hpp:1: core must not include the server \(postgres\.h\)$}m,
    'src/core/text.hpp' => qq{#include "postgres.h"\n});
fails('two files include each other', qr{^circle: .*alerts/a\.hpp +alerts/b\.hpp +-> alerts/a\.hpp$}m,
    'src/alerts/a.hpp' => qq{#include "alerts/b.hpp"\n}, 'src/alerts/b.hpp' => qq{#include "alerts/a.hpp"\n});
fails('a room that is not in the order', qr{^src/sources/x\.cpp: room sources is not in test/includes\.order$}m,
    'src/sources/x.cpp' => '');
fails('a header that is not there', qr{^src/load/load\.cpp:1: there is no pause/gone\.hpp$}m,
    'src/load/load.cpp' => qq{#include "pause/gone.hpp"\n});

# Other ways to write the same.
for my $way ('"../load/batch.hpp"', '"load/../load/batch.hpp"', '"./load/batch.hpp"', '"/src/load/batch.hpp"') {
    fails("by $way", qr{^src/alerts/a\.hpp:1: not as room/file \(\Q@{[$way =~ tr/"//dr]}\E\)$}m,
        'src/alerts/a.hpp' => "#include $way\n", 'src/load/batch.hpp' => '');
}
fails('by the file alone', qr{^src/alerts/a\.hpp:1: not as room/file, nor within extern "C" \(alert\.hpp\)$}m,
    'src/alerts/a.hpp' => qq{#include "alert.hpp"\n});
fails('the server outside extern "C"', qr{^src/pg/a\.hpp:4: not as room/file, nor within extern "C" \(fmgr\.h\)$}m,
    'src/pg/a.hpp' => qq{extern "C" {\n#include "postgres.h"\n}\n#include "fmgr.h"\n});
fails('another capability within extern "C"', qr{^src/alerts/a\.hpp:2: alerts must not include load}m,
    'src/alerts/a.hpp' => qq{extern "C" {\n#include "load/batch.hpp"\n}\n}, 'src/load/batch.hpp' => '');
for my $name ('postgres.h', '../load/batch.hpp', 'load/batch.hpp', 'utils/rel.h') {
    fails("<$name> in core", qr{^src/core/text\.hpp:1: core includes C\+\+ only \(<\Q$name\E>\)$}m,
        'src/core/text.hpp' => "#include <$name>\n", 'src/load/batch.hpp' => '');
    fails("<$name> in a capability", qr{^src/alerts/a\.hpp:1: <\Q$name\E> is not of the standard library$}m,
        'src/alerts/a.hpp' => "#include <$name>\n", 'src/load/batch.hpp' => '');
}
fails('the system is no library of ours', undef, 'src/pg/a.hpp' => "#include <dlfcn.h>\n#include <sys/stat.h>\n// #include \"load/batch.hpp\"\n");
fails("by $_", qr{^src/alerts/a\.hpp:2: neither}m, 'src/alerts/a.hpp' => "#define BATCH \"load/batch.hpp\"\n$_\n", 'src/load/batch.hpp' => '')
    for '#include BATCH', '#include /* */ "load/batch.hpp"', '/* */ #include "load/batch.hpp"';
done_testing();
