# A plan that somebody else made: the public demo data of NetBox go into the plan, from another database
# through postgres_fdw and from the same one. Every row is either taken or reported with the rule that it
# breaks, and what was taken is consistent.
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

# The export in tables as NetBox makes them: the types are those of its migrations.
my %type = (
	(map { $_ => 'timestamptz' } qw(created last_updated)),
	(map { $_ => 'jsonb' } qw(custom_field_data)),
	(map { $_ => 'inet' } qw(address start_address end_address)),
	(map { $_ => 'boolean' } qw(is_pool mark_utilized is_private enforce_unique)),
	(map { $_ => 'integer' } qw(size weight _children _depth)),
	prefix => 'cidr', date_added => 'date', vid => 'smallint', id => 'bigint');
my @kinds = qw(ipam_vrf ipam_aggregate ipam_prefix ipam_iprange ipam_ipaddress);
my %rows;
$node->safe_psql('postgres', 'CREATE DATABASE netbox');
for my $table (@kinds, qw(tenancy_tenant dcim_site ipam_role ipam_rir ipam_vlan extras_tag))
{
	my ($header, @lines) = split /\n/, slurp_file("$export/$table.tsv");
	$rows{$table} = @lines;
	my $columns = join ', ', map { qq("$_" ) . ($type{$_} // (/_id$/ ? 'bigint' : 'varchar')) } split /\t/, $header;
	$node->safe_psql('netbox', "CREATE TABLE $table ($columns);\n\\copy $table FROM '$export/$table.tsv' WITH (HEADER)");
}

# The plan in a database of its own, where NetBox's tables are foreign ones.
$node->safe_psql('postgres', 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision(); CREATE SCHEMA netbox; CREATE EXTENSION postgres_fdw;'
	  . "CREATE SERVER netbox FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '" . $node->host . "', port '" . $node->port . "', dbname 'netbox');"
	  . 'CREATE USER MAPPING FOR CURRENT_USER SERVER netbox; IMPORT FOREIGN SCHEMA public FROM SERVER netbox INTO netbox');

sub query { return $node->safe_psql('postgres', $_[0]) }
sub is_consistent { is(query('SELECT * FROM ipam.check_plan()'), '', "$_[0]: the plan is consistent") }

# Runs the import: what it reports, and what it says about each table.
sub import_netbox
{
	my ($database, $schema) = @_;
	my ($result, $report, $notices) = $node->psql($database,
		"SELECT kind, value, is_taken, sqlstate, fault FROM ipam.import_netbox('$schema') AS r ORDER BY kind COLLATE \"C\", source_id");
	is($result, 0, "$database: the import runs") or diag($notices);
	note("not taken:\n$report");
	return ($report, join "\n", $notices =~ /NOTICE:  (.*)/g);
}

# --- the export -----------------------------------------------------------------------------------------

my ($report, $notices) = import_netbox('postgres', 'netbox');
is($report, '', 'every row of the export fits the model');
is($notices, <<'END' =~ s/\n\z//r, 'so many were taken');
ipam_vrf to address_space: 6 rows, 6 taken, 0 there already, 0 not taken
ipam_aggregate to ip_block: 4 rows, 4 taken, 0 there already, 0 not taken
ipam_prefix to ip_block: 16 rows, 16 taken, 0 there already, 0 not taken
ipam_prefix to ip_subnet: 74 rows, 74 taken, 0 there already, 0 not taken
ipam_iprange to ip_range: 4 rows, 4 taken, 0 there already, 0 not taken
ipam_ipaddress to ip_address: 180 rows, 180 taken, 0 there already, 0 not taken
END
is(query("SELECT count(*) FROM netbox.$_"), $rows{$_}, "$_: every line of the file is there") for @kinds;
is(query(q{
	SELECT (SELECT count(*) FROM ipam.address_space), (SELECT count(*) FROM ipam.ip_block), (SELECT count(*) FROM ipam.ip_subnet),
	       (SELECT count(*) FROM ipam.ip_range), (SELECT count(*) FROM ipam.ip_address)}),
	'7|20|74|4|180', 'spaces, blocks, subnets, ranges and addresses are in the plan');
is(query(q{
	SELECT n.address FROM netbox.ipam_ipaddress AS n LEFT JOIN netbox.ipam_vrf AS v ON v.id = n.vrf_id
	LEFT JOIN ipam.address_space AS p ON p.name = coalesce(v.name, 'Default IP Address Space')
	LEFT JOIN ipam.ip_address AS a ON a.address_space_id = p.id AND a.address = host(n.address)::inet
	WHERE masklen(n.address) IS DISTINCT FROM (
		SELECT max(masklen(s.network)) FROM ipam.ip_subnet AS s WHERE s.address_space_id = a.address_space_id AND a.address <<= s.network)}),
	'', 'no address is lost, nor its mask: its smallest subnet has it');
is(query(q{
	SELECT n.prefix, n._depth, n._children FROM netbox.ipam_prefix AS n LEFT JOIN ipam.ip_block AS b ON b.network = n.prefix
	WHERE n.status = 'container' AND n.vrf_id IS NULL AND n._children <> (
		WITH RECURSIVE inside AS (
			SELECT b.id UNION ALL SELECT c.id FROM inside AS i JOIN ipam.ip_block AS c ON c.parent_id = i.id)
		SELECT count(*) - 1 + (SELECT count(*) FROM ipam.ip_subnet WHERE block_id IN (SELECT id FROM inside)) FROM inside)}),
	'', 'the trees agree: as many prefixes in each container as NetBox has counted');
is(query(q{
	SELECT n.prefix FROM netbox.ipam_prefix AS n LEFT JOIN netbox.ipam_vrf AS v ON v.id = n.vrf_id
	LEFT JOIN ipam.address_space AS p ON p.name = coalesce(v.name, 'Default IP Address Space')
	LEFT JOIN ipam.ip_subnet AS s ON s.address_space_id = p.id AND s.network = n.prefix
	LEFT JOIN netbox.tenancy_tenant AS t ON t.id = n.tenant_id LEFT JOIN netbox.dcim_site AS i ON i.id = n._site_id
	LEFT JOIN netbox.ipam_role AS r ON r.id = n.role_id LEFT JOIN netbox.ipam_vlan AS l ON l.id = n.vlan_id
	WHERE NOT (n.status = 'container' AND n.vrf_id IS NULL)
	  AND (s.custom_fields ->> 'Tenant', s.custom_fields ->> 'Network Site', s.custom_fields ->> 'Type of networks', s.custom_fields ->> 'VLAN', s.vlan_ids)
		  IS DISTINCT FROM (t.name, i.name, r.name, l.name, array_remove(ARRAY[l.vid::integer], NULL))}),
	'', 'tenant, site, role and VLAN of each prefix are there');
is_consistent('the export');

# The same tables in the same database give the same plan.
$node->safe_psql('netbox', 'CREATE EXTENSION ipam CASCADE; CALL ipam.provision()');
($report) = import_netbox('netbox', 'public');
is($report, '', 'every row fits in the same database');
my $plan = q{SELECT k, e FROM unnest('{custom_field,custom_field_value,address_space,ip_block,ip_subnet,ip_range,ip_address}'::text[]) AS k, ipam.export_json(k) AS e
	ORDER BY 1, 2};
is($node->safe_psql('netbox', $plan), query($plan), 'foreign tables give the same plan as local ones');

# A second time nothing comes twice.
my $before = query($plan);
($report, $notices) = import_netbox('postgres', 'netbox');
is($report, '', 'once more: nothing to report');
unlike($notices, qr/[1-9]\d* taken/, 'once more: nothing is taken');
is(query($plan), $before, 'once more: the plan is the same');

# --- what NetBox would take as well ---------------------------------------------------------------------

# The same network twice (in one VRF or the default space), hosts and links as prefixes, no registry for a
# public block, unusable addresses, ranges up to the ends of their network or outside of any, the same address
# with another mask, and a VRF whose name is taken.
query(q{
	INSERT INTO netbox.ipam_vrf (id, name, rd) VALUES (9001, 'Alpha', '65001:1');
	INSERT INTO netbox.ipam_aggregate (id, prefix, rir_id) VALUES
		(9001, '203.0.113.0/24', 2), (9002, '2001:db8::/32', 2), (9003, '10.0.0.0/8', 6);
	INSERT INTO netbox.ipam_prefix (id, prefix, status, vrf_id) VALUES
		(9001, '198.51.100.0/24', 'container', NULL), (9002, '10.112.0.0/15', 'container', NULL), (9003, '0.0.0.0/0', 'container', NULL),
		(9011, '192.168.77.7/32', 'active', NULL),    (9012, '10.112.64.0/31', 'active', NULL),   (9013, '2001:db8::1/128', 'active', NULL),
		(9014, '169.254.0.0/16', 'active', NULL),     (9015, '10.112.128.0/28', 'active', NULL),  (9016, '10.112.128.0/28', 'active', 9001),
		(9017, '10.112.128.0/28', 'active', 1),       (9018, '2001:db8::/127', 'active', NULL),   (9019, 'fe80::/64', 'active', NULL),
		(9020, '10.112.129.0/28', 'active', 9999);
	INSERT INTO netbox.ipam_iprange (id, start_address, end_address) VALUES
		(9001, '192.168.0.0/22', '192.168.0.9/22'),    (9002, '192.168.3.200/22', '192.168.3.255/22'),
		(9003, '192.168.1.90/22', '192.168.1.110/22'), (9004, '10.99.0.10/24', '10.99.0.20/24'),
		(9005, '192.168.2.10/24', '192.168.2.20/22'),  (9006, '2001:db8::/127', '2001:db8::1/127');
	INSERT INTO netbox.ipam_ipaddress (id, address, status, vrf_id) VALUES
		(9001, '192.168.0.1/24', 'active', NULL), (9002, '127.0.0.1/8', 'active', NULL), (9003, 'fe80::1/64', 'active', NULL),
		(9004, '192.168.0.1/22', 'active', 2),    (9005, '2001:db8::/127', 'dhcp', NULL), (9006, '192.168.3.255/22', 'active', NULL),
		(9007, '192.168.1.50/32', 'slaac', NULL), (9008, '10.0.0.1/8', 'active', 9999)});
($report, $notices) = import_netbox('postgres', 'netbox');
is($report, <<'END' =~ s/\n\z//r, 'each of these rows has its reason');
ipam_aggregate|10.0.0.0/8|f|IP206|IpamApiConflictingIPBlocksExist
ipam_ipaddress|192.168.0.1/24|f|23505|
ipam_ipaddress|127.0.0.1/8|f|IP006|IpamApiInvalidIPAddress
ipam_ipaddress|fe80::1/64|f|IP006|IpamApiInvalidIPAddress
ipam_ipaddress|10.0.0.1/8|f|IP109|IpamApiInvalidAddressSpace
ipam_iprange|192.168.0.0/22 - 192.168.0.9/22|f|IP402|IpamApiInvalidStartIPWithAllZeroes
ipam_iprange|192.168.3.200/22 - 192.168.3.255/22|f|IP403|IpamApiInvalidEndIPHostIdAllOnes
ipam_iprange|192.168.1.90/22 - 192.168.1.110/22|f|IP401|IpamApiNonadjustableConflictingRangesFound
ipam_iprange|10.99.0.10/24 - 10.99.0.20/24|f|IP308|IpamApiSubnetDoesNotExistForRange
ipam_prefix|198.51.100.0/24|f|IP208|IpamApiRIRNotSpecifiedForAPublicIPv4Block
ipam_prefix|10.112.0.0/15|f|IP206|IpamApiConflictingIPBlocksExist
ipam_prefix|0.0.0.0/0|f|IP201|IpamApiInvalidPrefixLength
ipam_prefix|192.168.77.7/32|f|IP201|IpamApiInvalidPrefixLength
ipam_prefix|10.112.64.0/31|f|IP201|IpamApiInvalidPrefixLength
ipam_prefix|2001:db8::1/128|f|IP201|IpamApiInvalidPrefixLength
ipam_prefix|169.254.0.0/16|f|IP205|IpamApiInvalidAddressRange
ipam_prefix|10.112.128.0/28|f|23505|
ipam_prefix|fe80::/64|f|IP205|IpamApiInvalidAddressRange
ipam_prefix|10.112.129.0/28|f|IP109|IpamApiInvalidAddressSpace
END
is($notices, <<'END' =~ s/\n\z//r, 'the others are taken');
ipam_vrf to address_space: 7 rows, 1 taken, 6 there already, 0 not taken
ipam_aggregate to ip_block: 7 rows, 2 taken, 4 there already, 1 not taken
ipam_prefix to ip_block: 19 rows, 0 taken, 16 there already, 3 not taken
ipam_prefix to ip_subnet: 84 rows, 3 taken, 74 there already, 7 not taken
ipam_iprange to ip_range: 10 rows, 2 taken, 4 there already, 4 not taken
ipam_ipaddress to ip_address: 188 rows, 4 taken, 180 there already, 4 not taken
END
is(query(q{
	SELECT r.start_address, r.network, s.network FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id
	WHERE r.start_address IN ('192.168.2.10', '2001:db8::') ORDER BY 1}),
	"192.168.2.10|192.168.2.0/24|192.168.0.0/22\n2001:db8::|2001:db8::/127|2001:db8::/127", 'a range keeps the network of its mask');
is(query(q{SELECT name FROM ipam.address_space WHERE name LIKE 'Alpha%' ORDER BY name}), "Alpha\nAlpha (65001:1)", 'a second VRF of a name adds its route distinguisher');
is_consistent('with the odd rows');

done_testing();
