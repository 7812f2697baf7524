# The table of locks in docs/operations.md is what pg_locks shows, and its table of settings what the library
# defines.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") for 'plan', 'older';
$node->safe_psql('plan', 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision()');
$node->safe_psql('plan', slurp_file('test/data/sample_plan.sql'));
$node->safe_psql('older', q{CREATE EXTENSION ipam VERSION '1.0' CASCADE; CALL ipam.provision()});

# Only the strongest lock of a table; what it takes of itself alone is not told.
my $held = q{
	SELECT string_agg(l.mode || ': ' || l.tables, '; ' ORDER BY l.strength DESC)
	FROM (SELECT left(h.mode, -4) AS mode, h.strength, string_agg(h.relname, ', ' ORDER BY h.relname) AS tables
	      FROM (SELECT DISTINCT ON (c.oid) c.relname, l.mode, m.strength
	            FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
	            JOIN unnest('{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'::text[])
	                WITH ORDINALITY AS m (mode, strength) ON m.mode = l.mode
	            WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relnamespace = 'ipam'::regnamespace
	            ORDER BY c.oid, m.strength DESC) AS h
	      GROUP BY h.mode, h.strength) AS l};
my $page = slurp_file('docs/operations.md');
my $rows = 0;
while ($page =~ /^\| `((?:SELECT|INSERT|UPDATE|DELETE|TRUNCATE|CALL|ALTER) .*)` \| (.*) \|$/mg)
{
	my ($operation, $locks) = ($1, $2);
	my $database = $operation =~ /^ALTER/ ? 'older' : 'plan';
	my @out = split /\n/, $node->safe_psql($database, "BEGIN;\n\\o /dev/null\n$operation;\n\\o\n$held;\nROLLBACK");
	is($out[-1] // 'none', $locks, $operation);
	$rows++;
}
cmp_ok($rows, '>', 15, 'there are operations in the table');

my %settings = map { split /\|/, $_, 2 } split /\n/, $node->safe_psql('plan', q{
	SELECT ipam.is_ipam_configured(); LOAD 'ipam';
	SELECT name, concat_ws('|', boot_val, CASE context WHEN 'user' THEN 'all' WHEN 'superuser' THEN 'superusers' ELSE context END) FROM pg_settings WHERE name LIKE 'ipam.%' AND category = 'Customized Options'}) =~ s/^t\n//r;
my %told;
$told{$1} = "$2|$3" while $page =~ /^\| `(ipam\.\w+)` \| .*? \| (\S+) \| (\S+) \|/mg;
is_deeply(\%told, \%settings, 'the settings are those of the library');

$node->stop;
done_testing();
