# What a worker tells the session that waits for it: texts of any length and script, cut by whole characters.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Encode ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use ScoutTest;
use Test::More;

$ENV{PGCLIENTENCODING} = 'UTF8';
$ENV{PGOPTIONS} = '-c statement_timeout=60s';
my $node = new_node('messages');
$node->safe_psql('postgres', 'CREATE DATABASE told');
pipeline($node, 'told');
# The worker cannot make the job, and hands over why.
$node->safe_psql('told', q{
    CREATE TABLE public.why (message text, detail text, hint text);
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        w public.why;
    BEGIN
        SELECT * INTO w FROM public.why;
        RAISE EXCEPTION USING MESSAGE = w.message, DETAIL = w.detail, HINT = w.hint, ERRCODE = '22023';
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON scout_internal.job_records FOR EACH ROW EXECUTE FUNCTION public.refuse()});

sub told {
    my ($character, $before) = @_;
    $node->safe_psql('told', "TRUNCATE public.why; INSERT INTO public.why SELECT t, t, t
        FROM (SELECT repeat('x', $before) || repeat('$character', 2000)) v(t)");
    my ($rc, $out, $err) = $node->psql('told', 'SELECT * FROM scout.load_backlog()');
    return $err;
}

for my $case (['y', 0, 1], ["\xC3\xA9", 2, 2], ["\xE6\x9D\xB1", 1, 3], ["\xF0\x9F\x98\x80", 1, 4]) {
    my ($character, $before, $bytes) = @$case;
    my $err = told($character, $before);
    my $valid = eval { Encode::decode('UTF-8', $err, Encode::FB_CROAK | Encode::LEAVE_SRC); 1 };
    ok($valid, "$bytes bytes a character: a whole text arrives");
    my ($message) = $err =~ /ERROR:\s+(x*(?:\Q$character\E)*)\n/;
    is(length($message // ''), $before + $bytes * int((1023 - $before) / $bytes), "$bytes bytes a character: as much of it as fits");
    my ($hint) = $err =~ /HINT:\s+(x*(?:\Q$character\E)*)(?:\n|$)/;
    is(length($hint // ''), $before + $bytes * int((511 - $before) / $bytes), "$bytes bytes a character: the hint, too");
}
$node->stop;
done_testing();
