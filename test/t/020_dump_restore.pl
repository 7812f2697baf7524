# A store that is dumped and restored is the same store: every row of every table, and the next INSERT
# works. Nobody has to know a setting for it, but for a restore by several jobs: pg_restore then loads tables
# in any order, which no table with a foreign key inside an extension stands.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $node = Staged->node('main');
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE plan');
$node->safe_psql('plan', 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision()');
$node->safe_psql('plan', slurp_file('test/data/sample_plan.sql'));

# What a restore could lose: values of the users' own, a tree of blocks, dates, blocks whose children
# have smaller ids than themselves, and which of overlapping subnets and ranges is used for utilization.
$node->safe_psql('plan', q{
	INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (8, 'Kea'), (9, 'kea1'), (10, 'Parked'), (7, 'Toaster');
	SELECT ipam.set_custom_field_association(9, 8, '{{kea1,Kea},{Localhost,IPAM}}');
	INSERT INTO ipam.ip_block (network) VALUES ('192.168.1.0/24'), ('192.168.0.0/17'), ('192.168.0.0/16');
	INSERT INTO ipam.ip_subnet (network, name) VALUES ('192.168.1.0/24', 'restored');
	INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES ('192.168.1.10', '192.168.1.99', 'Kea', 'kea1');
	INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity, state, device_type)
	SELECT '192.168.1.1'::inet + n, 'Kea', 'kea1', 'Parked', 'Toaster' FROM generate_series(0, 100) AS n;
	UPDATE ipam.ip_address SET modified_at = '2020-02-02', created_at = '2020-01-01' WHERE device_type = 'Toaster';
	DELETE FROM ipam.ip_address WHERE address = '192.168.1.1';
	INSERT INTO ipam.ip_subnet (network, name)
	SELECT set_masklen('172.16.0.0'::inet + n * 256, 20 + n % 7)::cidr, 'nested ' || n FROM generate_series(0, 200) AS n ON CONFLICT DO NOTHING;
	INSERT INTO ipam.ip_range (start_address, end_address, managed_by)
	SELECT '172.16.0.0'::inet + n * 64 + 1, '172.16.0.0'::inet + n * 64 + 20 + n % 40, (ARRAY['IPAM', 'Others', 'VM Manager', 'MS DHCP'])[1 + n % 4]
	FROM generate_series(0, 60) AS n;
	INSERT INTO ipam.ip_range (start_address, end_address, managed_by, excluded_addresses)
	SELECT '172.16.0.0'::inet + n * 64 + 10, '172.16.0.0'::inet + n * 64 + 50, 'MS DHCP', ipam.inetmultirange(ipam.inetrange('172.16.0.0'::inet + n * 64 + 10, '172.16.0.0'::inet + n * 64 + 10 + n % 20, '[]'))
	FROM generate_series(0, 60, 3) AS n;
	SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name LIKE 'nested %' AND id % 3 = 0 ORDER BY id;
	SELECT ipam.remap_range(id) FROM ipam.ip_range WHERE start_address <<= '172.16.0.0/16' AND id % 5 = 0 ORDER BY id;
});
is($node->safe_psql('plan', q{SELECT count(*) FILTER (WHERE use_for_utilization) > 50 AND count(*) FILTER (WHERE NOT use_for_utilization) > 50 FROM ipam.ip_subnet}),
	't', 'there are subnets that are used for utilization, and others');

my @tables = split /\n/, $node->safe_psql('plan',
	q{SELECT relname FROM pg_class WHERE relnamespace = 'ipam'::regnamespace AND relkind = 'r' AND relname <> 'plan_lock' ORDER BY 1});
ok(@tables >= 9, 'there are tables to compare');

sub rows
{
	my ($database, $table) = @_;
	return $node->safe_psql($database, "SELECT t::text FROM ipam.$table AS t ORDER BY 1");
}

sub same_store
{
	my ($database, $how) = @_;
	is(rows($database, $_), rows('plan', $_), "$how: the rows of $_ are the same") for @tables;
	my $next = q{INSERT INTO ipam.ip_subnet (network, name) VALUES ('192.168.251.0/24', 'next');
	             INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('192.168.251.1', '192.168.251.9');
	             INSERT INTO ipam.ip_block (network) VALUES ('192.168.250.0/23');
	             INSERT INTO ipam.custom_field (name) VALUES ('Next field');
	             INSERT INTO ipam.address_space (name) VALUES ('Next space');
	             INSERT INTO ipam.ip_address (address) VALUES ('192.168.251.1') RETURNING range_id = (SELECT max(id) FROM ipam.ip_range)};
	is($node->safe_psql($database, $next), 't', "$how: the next INSERT works");
}

my $folder = PostgreSQL::Test::Utils::tempdir();
command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-d', 'plan', '-f', "$folder/plan.sql" ], 'pg_dump, plain');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', 'plain', '-f', "$folder/plan.sql" ],
	'plain: restored without an error');
same_store('plain', 'plain');

command_ok([ 'pg_dump', '--inserts', '-h', $node->host, '-p', $node->port, '-d', 'plan', '-f', "$folder/inserts.sql" ], 'pg_dump, inserts');
$node->safe_psql('postgres', 'CREATE DATABASE inserts');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', 'inserts', '-f', "$folder/inserts.sql" ],
	'inserts: restored without an error');
same_store('inserts', 'inserts');

command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-Fc', '-d', 'plan', '-f', "$folder/plan.dump" ], 'pg_dump, custom format');
$node->safe_psql('postgres', 'CREATE DATABASE custom');
command_ok([ 'pg_restore', '--exit-on-error', '-h', $node->host, '-p', $node->port, '-d', 'custom', "$folder/plan.dump" ], 'one job: restored without an error');
same_store('custom', 'one job');
$node->safe_psql('postgres', 'CREATE DATABASE parallel');
{
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
	command_ok([ 'pg_restore', '-j', '4', '--exit-on-error', '-h', $node->host, '-p', $node->port, '-d', 'parallel', "$folder/plan.dump" ],
		'four jobs: restored without an error');
}
same_store('parallel', 'four jobs');

$node->stop;
done_testing();
