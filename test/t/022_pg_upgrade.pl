# pg_upgrade takes a store to another cluster with everything that is in it, occupancy too, which a dump leaves
# behind. IPAM_OLD_INSTALL and IPAM_OLD_STAGED_CONF name an older server and its staged ipam: make matrix has them.
use strict;
use warnings;
use Cwd;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;
use Store;

my ($version) = `initdb --version` =~ / (\d+)/;
chomp(my $libraries = `pg_config --pkglibdir`);
plan skip_all => "the pg_upgrade of PostgreSQL $version looks for libraries in $libraries only, where ipam is not installed"
	if $version >= 18 && !-e "$libraries/ipam.so";

my $old = Staged->old_node('old');
$old->start;
my $from = $old->safe_psql('postgres', 'SHOW server_version_num');
my $has_checksums = $old->safe_psql('postgres', 'SHOW data_checksums') eq 'on';
$old->safe_psql('postgres', 'CREATE DATABASE plan');
fill_store($old, 'plan');
my $plan = store_rows($old, 'plan');
my $stretches = 'SELECT * FROM ipam.occupancy ORDER BY 1, 2';
my $holes = 'SELECT * FROM ipam.occupancy_hole ORDER BY 1, 2';
my ($old_stretches, $old_holes) = map { $old->safe_psql('plan', $_) } $stretches, $holes;
isnt($old_stretches, '', 'there is occupancy');
isnt($old_holes, '', 'and there are holes in it');

# Values of our own types where no table of ours has them: they carry the number of their type.
$old->safe_psql('plan', q{
	CREATE TABLE public.kept AS SELECT id, extent, ipam.inetmultirange(extent) AS extents, ARRAY[extent] AS list, address_category FROM ipam.ip_range;
	CREATE INDEX ON public.kept USING gist (extent);
	CREATE VIEW public.free AS SELECT r.id, f FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id) AS f});
my $kept = $old->safe_psql('plan', 'SELECT * FROM public.kept ORDER BY id');
$old->stop;

# Both clusters have checksums, or none has; only initdb of 18 makes them unasked.
my $makes_checksums = $version >= 18;
my @init = $has_checksums == $makes_checksums ? () : $has_checksums ? '--data-checksums' : '--no-data-checksums';
my $new = Staged->node('new', extra => \@init);
{
	my $at = getcwd;
	chdir PostgreSQL::Test::Utils::tempdir(); # for the scripts that pg_upgrade leaves
	$new->command_ok([
		'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $old->config_data('--bindir'), '-B', $new->config_data('--bindir'),
		'-s', $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
	diag(slurp_file($_) =~ /^.*error: (?:.*\n){1,8}/mg) for glob $new->data_dir . '/pg_upgrade_output.d/*/log/*'; # gone where all went well
	chdir $at;
}
$new->start;
note(sprintf 'from %s to %s', $from, $new->safe_psql('postgres', 'SHOW server_version_num'));
same_rows(store_rows($new, 'plan'), $plan, 'upgraded');
is($new->safe_psql('plan', $stretches), $old_stretches, 'upgraded: occupancy is the same');
is($new->safe_psql('plan', $holes), $old_holes, 'upgraded: so are its holes');
is($new->safe_psql('plan', 'SELECT * FROM public.kept ORDER BY id'), $kept, 'upgraded: values of our types outside our tables');
is($new->safe_psql('plan', q{SET enable_seqscan = off; SELECT count(*) FROM public.kept WHERE extent && ipam.inetrange('198.18.0.0', '198.18.255.255')}), 2, 'upgraded: and their index');
is($new->safe_psql('plan', q{SELECT count(*) FROM public.free AS f JOIN ipam.ip_range AS r USING (id) WHERE r.description IN ('quarantine', 'full')}), 2, 'upgraded: views of the users');
is_sound($new, 'plan', 'upgraded');
goes_on($new, 'plan', 'upgraded');
is($new->safe_psql('plan', q{SET ROLE ipam_users; SELECT count(*) > 0 FROM ipam.ip_address}), 't', 'upgraded: the security groups have their rights');
is($new->safe_psql('plan', q{SELECT count(*) FROM ipam.get_schema_conversion_info() WHERE is_required}), 0, 'upgraded: nothing is to be converted');

# The extension is still one: a dump of the upgraded store is a dump of it.
$new->safe_psql('postgres', 'CREATE DATABASE again');
my $file = PostgreSQL::Test::Utils::tempdir() . '/plan.sql';
$new->command_ok([ 'pg_dump', '-n', 'ipam', '-e', 'ipam', '-e', 'btree_gist', '-f', $file, $new->connstr('plan') ], 'the upgraded store is dumped');
$new->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $new->connstr('again') ], 'and restored');
same_rows(store_rows($new, 'again'), store_rows($new, 'plan'), 'upgraded, restored');
$new->stop;
done_testing();
