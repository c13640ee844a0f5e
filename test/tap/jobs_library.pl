# Workers load the library that their starter has, also where dynamic_library_path alone leads to it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

my $node = new_node('library');
sub setting { my ($name) = @_; return $node->safe_psql('postgres', "SELECT coalesce(current_setting('$name', true), '-')"); }
my ($destdir, $control_path) = (setting('extension_destdir'), setting('extension_control_path'));
plan skip_all => 'this server can use no extension outside of its own folders' if $destdir eq '-' && $control_path eq '-';

# A tree with the extension's files, but the library in a folder that only dynamic_library_path names.
my $tree = PostgreSQL::Test::Utils::tempdir();
my $share = $node->config_data('--sharedir');
my ($have) = $control_path eq '-' ? "$destdir$share" : $control_path =~ /\A([^:\$]+):/ ? $1 : $share;
my ($library) = grep { -e "$_/scout_ir.so" } split(/:/, setting('dynamic_library_path')), $node->config_data('--pkglibdir');
system_or_bail('mkdir', '-p', "$tree$share/extension", "$tree/elsewhere");
system_or_bail('sh', '-c', "cp $have/extension/scout_ir--*.sql $tree$share/extension/");
system_or_bail('cp', "$library/scout_ir.so", "$tree/elsewhere/");
(my $control = slurp_file("$have/extension/scout_ir.control")) =~ s/\$libdir\/scout_ir/scout_ir/;
append_to_file("$tree$share/extension/scout_ir.control", $control);
$node->append_conf('postgresql.conf', "dynamic_library_path = '$tree/elsewhere:\$libdir'\n"
    . ($control_path eq '-' ? "extension_destdir = '$tree'\n" : "extension_control_path = '$tree$share:\$system'\n"));
$node->restart;

pipeline($node, 'postgres');
is($node->safe_psql('postgres', q{SELECT DISTINCT probin FROM pg_proc WHERE pronamespace = 'scout'::regnamespace AND probin IS NOT NULL}),
    'scout_ir', 'found by its name alone');
$node->safe_psql('postgres', 'INSERT INTO scout.bronze_events (event_id, event_data) ' . event_sql(1, 300));
is($node->safe_psql('postgres', 'SELECT job_id FROM scout.load_backlog(200, wait => false)'), '1', 'a worker is asked for');
ok($node->poll_query_until('postgres', q{SELECT state = 'succeeded' FROM scout.job(1)}), 'and comes');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'scout_ir'\n");
$node->restart;
ok($node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'scout_ir supervisor')}), 'so does the supervisor');
$node->stop;
done_testing();
