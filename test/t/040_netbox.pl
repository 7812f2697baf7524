# A plan that somebody else made: the public demo data of NetBox go into the plan row by row. Every row is
# either taken or reported with the rule that it breaks, and what was taken is consistent.
#
# The data are not ours and not part of the project: IPAM_TEST_DATA names the folder that has netbox-demo.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Staged;

my $export = ($ENV{IPAM_TEST_DATA} // '../shared/data') . '/netbox-demo';
plan skip_all => "no NetBox export in $export (IPAM_TEST_DATA names the folder around it)" unless -r "$export/ipam_prefix.tsv";

my $node = Staged->node('netbox');
$node->append_conf('postgresql.conf', 'jit = off');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision(); CREATE SCHEMA netbox');

# The export as it is: a table for each file, a text column for each column.
my @kinds = qw(tenancy_tenant dcim_site ipam_role ipam_vrf ipam_aggregate ipam_prefix ipam_iprange ipam_ipaddress);
my %rows;
for my $table (@kinds, qw(ipam_rir ipam_vlan))
{
	my ($header, @lines) = split /\n/, slurp_file("$export/$table.tsv");
	$rows{$table} = @lines;
	my $columns = join ', ', map { qq("$_" text) } split /\t/, $header;
	$node->safe_psql('postgres', "CREATE TABLE netbox.$table ($columns);\n"
		  . "\\copy netbox.$table FROM '$export/$table.tsv' WITH (HEADER)");
}

my $free_search = slurp_file('test/data/free_search_mistake.sql');
sub query { return $node->safe_psql('postgres', $_[0]) }
sub is_consistent
{
	is(query('SELECT * FROM ipam.check_plan()'), '', "$_[0]: the plan keeps every rule");
	is(query("$free_search; TABLE free_search_mistake"), '', "$_[0]: the free search finds what is free");
}

# One line for each kind: taken, reported.
sub result
{
	return query(q{
		SELECT kind, count(*) FILTER (WHERE taken), count(*) FILTER (WHERE NOT taken)
		FROM (SELECT kind, true AS taken FROM netbox.mapped UNION ALL SELECT kind, false FROM netbox.report) AS r
		GROUP BY kind ORDER BY kind COLLATE "C"});
}

sub note_report
{
	note("not taken:\n" . query(q{
		SELECT kind, source_id, value, sqlstate, fault, message FROM netbox.report ORDER BY kind COLLATE "C", source_id::int}));
}

# --- the export -----------------------------------------------------------------------------------------

$node->safe_psql('postgres', slurp_file('test/data/netbox_plan.sql'));
note_report();

is(query("SELECT count(*) FROM netbox.$_"), $rows{$_}, "$_: every line of the file is there") for @kinds;
is(query("SELECT (SELECT count(*) FROM netbox.mapped WHERE kind = '$_') + (SELECT count(*) FROM netbox.report WHERE kind = '$_')"),
	$rows{$_}, "$_: every row is taken or reported")
  for @kinds;
is(result(), <<'END' =~ s/\n\z//r, 'so many were taken and reported');
dcim_site|24|0
ipam_aggregate|4|0
ipam_ipaddress|180|0
ipam_iprange|4|0
ipam_prefix|90|0
ipam_role|5|0
ipam_vrf|6|0
tenancy_tenant|11|0
END

is(query('SELECT kind, value, sqlstate, fault FROM netbox.report'), '', 'every row of the export fits the model');
is(query(q{
	SELECT (SELECT count(*) FROM ipam.address_space), (SELECT count(*) FROM ipam.ip_block), (SELECT count(*) FROM ipam.ip_subnet),
	       (SELECT count(*) FROM ipam.ip_range), (SELECT count(*) FROM ipam.ip_address)}),
	'7|20|74|4|180', 'spaces, blocks, subnets, ranges and addresses are in the plan');
is(query(q{
	SELECT n.address FROM netbox.ipam_ipaddress AS n JOIN netbox.mapped AS m ON m.kind = 'ipam_ipaddress' AND m.source_id = n.id
	JOIN ipam.ip_address AS a ON a.id = m.id
	WHERE masklen(n.address::inet) IS DISTINCT FROM (
		SELECT max(masklen(s.network)) FROM ipam.ip_subnet AS s WHERE s.address_space_id = a.address_space_id AND a.address <<= s.network)}),
	'', 'no mask of an address is lost: its smallest subnet has it');
is(query(q{
	SELECT n.prefix, n._depth, n._children FROM netbox.ipam_prefix AS n JOIN netbox.mapped AS m ON m.kind = 'ipam_prefix' AND m.source_id = n.id
	JOIN ipam.ip_block AS b ON b.id = m.id
	WHERE n.status = 'container' AND n.vrf_id IS NULL AND n._children::bigint <> (
		WITH RECURSIVE inside AS (
			SELECT b.id UNION ALL SELECT c.id FROM inside AS i JOIN ipam.ip_block AS c ON c.parent_id = i.id)
		SELECT count(*) - 1 + (SELECT count(*) FROM ipam.ip_subnet WHERE block_id IN (SELECT id FROM inside)) FROM inside)}),
	'', 'the trees agree: as many prefixes in each container as NetBox has counted');
is_consistent('the export');

# --- what NetBox would take as well ---------------------------------------------------------------------

# The same network twice (in one VRF or the default space), hosts and links as prefixes, no registry for a
# public block, unusable addresses, ranges up to the ends of their network or outside of any, the same address
# with another mask, and a VRF whose name is taken, with what belongs to it.
query(q{
	INSERT INTO netbox.tenancy_tenant (id, name) VALUES (9001, 'Initech');
	INSERT INTO netbox.ipam_vrf (id, name, rd) VALUES (9001, 'Alpha', '65001:1');
	INSERT INTO netbox.ipam_aggregate (id, prefix, rir_id) VALUES
		(9001, '203.0.113.0/24', 2), (9002, '2001:db8::/32', 2), (9003, '10.0.0.0/8', 6);
	INSERT INTO netbox.ipam_prefix (id, prefix, status, vrf_id) VALUES
		(9001, '198.51.100.0/24', 'container', NULL), (9002, '10.112.0.0/15', 'container', NULL), (9003, '0.0.0.0/0', 'container', NULL),
		(9011, '192.168.77.7/32', 'active', NULL),    (9012, '10.112.64.0/31', 'active', NULL),   (9013, '2001:db8::1/128', 'active', NULL),
		(9014, '169.254.0.0/16', 'active', NULL),     (9015, '10.112.128.0/28', 'active', NULL),  (9016, '10.112.128.0/28', 'active', '9001'),
		(9017, '10.112.128.0/28', 'active', '1'),     (9018, '2001:db8::/127', 'active', NULL),   (9019, 'fe80::/64', 'active', NULL);
	INSERT INTO netbox.ipam_iprange (id, start_address, end_address) VALUES
		(9001, '192.168.0.0/22', '192.168.0.9/22'),    (9002, '192.168.3.200/22', '192.168.3.255/22'),
		(9003, '192.168.1.90/22', '192.168.1.110/22'), (9004, '10.99.0.10/24', '10.99.0.20/24'),
		(9005, '192.168.2.10/24', '192.168.2.20/22'),  (9006, '2001:db8::/127', '2001:db8::1/127');
	INSERT INTO netbox.ipam_ipaddress (id, address, status, vrf_id) VALUES
		(9001, '192.168.0.1/24', 'active', NULL), (9002, '127.0.0.1/8', 'active', NULL), (9003, 'fe80::1/64', 'active', NULL),
		(9004, '192.168.0.1/22', 'active', '2'),  (9005, '2001:db8::/127', 'dhcp', NULL), (9006, '192.168.3.255/22', 'active', NULL),
		(9007, '192.168.1.50/32', 'slaac', NULL), (9008, '10.0.0.1/8', 'active', '9001');
	DELETE FROM netbox.report;
	CALL netbox.transfer_all()});
note_report();
is(query(q{SELECT kind, value, sqlstate, fault FROM netbox.report WHERE source_id::int > 9000 ORDER BY kind COLLATE "C", source_id::int}),
	<<'END' =~ s/\n\z//r, 'each of these rows has its reason');
ipam_aggregate|10.0.0.0/8|IP206|IpamApiConflictingIPBlocksExist
ipam_ipaddress|192.168.0.1/24|23505|ip_address_identity_key
ipam_ipaddress|127.0.0.1/8|IP006|IpamApiInvalidIPAddress
ipam_ipaddress|fe80::1/64|IP006|IpamApiInvalidIPAddress
ipam_ipaddress|10.0.0.1/8|23502|
ipam_iprange|192.168.0.0/22 - 192.168.0.9/22|IP402|IpamApiInvalidStartIPWithAllZeroes
ipam_iprange|192.168.3.200/22 - 192.168.3.255/22|IP403|IpamApiInvalidEndIPHostIdAllOnes
ipam_iprange|192.168.1.90/22 - 192.168.1.110/22|IP401|IpamApiNonadjustableConflictingRangesFound
ipam_iprange|10.99.0.10/24 - 10.99.0.20/24|IP308|IpamApiSubnetDoesNotExistForRange
ipam_prefix|198.51.100.0/24|IP208|IpamApiRIRNotSpecifiedForAPublicIPv4Block
ipam_prefix|10.112.0.0/15|IP206|IpamApiConflictingIPBlocksExist
ipam_prefix|0.0.0.0/0|IP201|IpamApiInvalidPrefixLength
ipam_prefix|192.168.77.7/32|IP201|IpamApiInvalidPrefixLength
ipam_prefix|10.112.64.0/31|IP201|IpamApiInvalidPrefixLength
ipam_prefix|2001:db8::1/128|IP201|IpamApiInvalidPrefixLength
ipam_prefix|169.254.0.0/16|IP205|IpamApiInvalidAddressRange
ipam_prefix|10.112.128.0/28|23505|ip_subnet_network_key
ipam_prefix|10.112.128.0/28|23502|
ipam_prefix|fe80::/64|IP205|IpamApiInvalidAddressRange
ipam_vrf|Alpha|23505|address_space_name_key
tenancy_tenant|Initech|23505|custom_field_value_key
END
is(query(q{SELECT kind, count(*) FROM netbox.mapped WHERE source_id::int > 9000 GROUP BY kind ORDER BY kind COLLATE "C"}),
	"ipam_aggregate|2\nipam_ipaddress|4\nipam_iprange|2\nipam_prefix|2", 'the others are taken');
is(query(q{
	SELECT n.start_address, r.network, s.network FROM ipam.ip_range AS r JOIN netbox.mapped AS m ON m.kind = 'ipam_iprange' AND m.id = r.id
	JOIN netbox.ipam_iprange AS n ON n.id = m.source_id JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id WHERE n.id > '9000' ORDER BY n.id}),
	"192.168.2.10/24|192.168.2.0/24|192.168.0.0/22\n2001:db8::/127|2001:db8::/127|2001:db8::/127",
	'a range keeps the network of its mask');
is_consistent('with the odd rows');

done_testing();
